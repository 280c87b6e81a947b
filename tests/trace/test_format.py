"""The optional columns: each is read, each is documented, each contradiction is refused."""

import csv
import re
from datetime import datetime
from typing import Final

import pytest

from cli.trace import trace
from domain.actors import Role
from domain.order.agreements import Topic
from runtime.trace.facts import Confirm, Happening, facts_of, payment_of
from runtime.trace.reading import parse
from runtime.trace.rows import COLUMNS, TraceRefused
from runtime.trace.told import (
    OF_DISPUTE,
    OF_ORDER,
    OF_PARCEL,
    OF_PURCHASE,
    OF_SELLER,
    OPTIONAL,
    Kind,
)
from tests.support.source import ROOT

EXAMPLE: Final = ROOT / "examples" / "orders.csv"
DOCUMENT: Final = ROOT / "docs" / "trace-format.md"
HEADING: Final = ",".join([*COLUMNS, *OPTIONAL])
BASE: Final[dict[str, str]] = {
    "order_id": "o-1",
    "line": "1",
    "seller_id": "s-1",
    "product_id": "p-1",
    "category": "toys",
    "price": "12.30",
    "freight": "1.20",
    "currency": "EUR",
    "payment_type": "credit_card",
    "status": "delivered",
    "purchased_at": "2026-02-01T10:00:00Z",
    "payment_approved_at": "2026-02-01T11:00:00Z",
    "handed_to_carrier_at": "2026-02-03T10:00:00Z",
}


def day(number: int) -> str:
    return f"2026-02-{number:02d}T12:00:00Z"


def row(**told: str) -> str:
    return ",".join((BASE | told).get(name, "") for name in [*COLUMNS, *OPTIONAL])


def file(*rows: str) -> str:
    return "\n".join([HEADING, *rows, ""])


def refusal(*rows: str) -> str:
    with pytest.raises(TraceRefused) as refused:
        parse(file(*rows), None, {"EUR"})
    return str(refused.value)


def test_a_file_with_base_columns_alone_tells_nothing_else() -> None:
    """Exports from before the optional columns stay good."""
    text = "\n".join([",".join(COLUMNS), ",".join(BASE.get(name, "") for name in COLUMNS)])
    (order,) = parse(text, None, {"EUR"})

    assert order == parse(file(row()), None, {"EUR"})[0]
    assert not any(vars(order.told).values())


def test_lines_travel_in_the_parcels_that_they_name() -> None:
    """One parcel may be lost and the other arrive; a line in none was never shipped."""
    (order,) = parse(
        file(
            row(parcel="2", delivered_at=day(9)),
            row(line="2", parcel="1", lost_at=day(20)),
            row(line="3", parcel="2", delivered_at=day(9)),
            row(line="4", handed_to_carrier_at=""),
        ),
        None,
        {"EUR"},
    )
    found = {parcel.name: (parcel.lines, parcel.declared_at is None) for parcel in order.parcels}

    assert found == {"": (("4",), True), "1": (("2",), False), "2": (("1", "3"), False)}


def test_questions_are_put_by_their_sides() -> None:
    """Only a seller asks for an extension, only a buyer for a longer promise."""
    told = {
        "handed_to_carrier_at": day(6),
        "extension_asked_at": day(2),
        "extension_days": "5",
        "extension_answer": "no",
        "extension_answered_at": day(3),
        "cancellation_asked_at": day(4),
        "cancellation_asked_by": "seller",
        "protection_asked_at": day(8),
    }
    (order,) = parse(file(row(**told)), None, {"EUR"})
    asked = [(one.topic, one.asked_by, one.answer) for one in order.questions]

    assert asked == [
        (Topic.EXTENSION, Role.SELLER, False),
        (Topic.CANCELLATION, Role.SELLER, None),
        (Topic.PROTECTION, Role.BUYER, None),
    ]
    assert order.last == datetime.fromisoformat(day(8))


def test_everything_that_is_told_happens() -> None:
    """A column that is read and never driven would make a report lie."""
    told = {
        "declared_at": day(2),
        "number_corrected_at": day(3),
        "handed_to_carrier_at": day(4),
        "customs_held_at": day(5),
        "customs_ruling": "duty_unpaid",
        "customs_ruled_at": day(6),
        "refused_at": day(7),
        "returning_at": day(8),
        "returned_at": day(9),
        "confirmed_at": day(10),
        "denied_at": day(11),
        "refunded_at": day(12),
        "refund_amount": "1",
    }
    (order,) = parse(file(row(**told)), None, {"EUR"})
    whats = [fact.what for fact in facts_of(order, Confirm.SILENCE)]

    assert whats == [
        Happening.PAID,
        Happening.DECLARED,
        Happening.NUMBER_CORRECTED,
        Happening.HANDED_OVER,
        Happening.HELD_AT_CUSTOMS,
        Happening.CUSTOMS_RULED,
        Happening.REFUSED,
        Happening.RETURNING,
        Happening.RETURNED,
        Happening.CONFIRMED,
        Happening.DENIED,
        Happening.REFUNDED,
    ]


def test_what_is_told_of_labels_and_addresses_happens() -> None:
    """A label declares its parcel; whoever asked may take it back."""
    told = {
        "paid_another_way_at": "2026-02-01T10:30:00Z",
        "address_changed_at": day(2),
        "new_city": "Kiel",
        "label_bought_at": day(3),
        "handed_to_carrier_at": day(4),
        "protection_asked_at": day(5),
        "protection_taken_back_at": day(6),
    }
    (order,) = parse(file(row(**told)), None, {"EUR"})

    assert [fact.what for fact in facts_of(order, Confirm.SILENCE)] == [
        Happening.ASKED_ANOTHER_WAY,
        Happening.PAID,
        Happening.ADDRESS_CHANGED,
        Happening.LABEL_BOUGHT,
        Happening.HANDED_OVER,
        Happening.ASKED,
        Happening.TAKEN_BACK,
    ]
    assert order.parcels[0].declared_at == datetime.fromisoformat(day(3))


def test_a_purchase_that_is_paid_together_is_paid_by_none_of_its_orders() -> None:
    """The payment is the purchase's; of one seller alone it is just the order's."""
    rows = [row(paid_together="yes"), row(line="2", seller_id="s-2", paid_together="yes")]
    first, second = parse(file(*rows), None, {"EUR"})
    (alone,) = parse(file(rows[0]), None, {"EUR"})

    assert first.is_part
    assert second.is_part
    assert not alone.is_part
    assert Happening.PAID not in {fact.what for fact in facts_of(first, Confirm.SILENCE)}
    assert [fact.what for fact in payment_of(first)] == [Happening.PAID]


BAD_CELLS: Final = {
    Kind.NAME: ("21", "is no parcel: number them from 1 to 20"),
    Kind.TIME: ("soon", "is no time"),
    Kind.DAYS: ("0", "is no number of days"),
    Kind.AMOUNT: ("-1", "is negative"),
    Kind.ANSWER: ("maybe", "is not known; use one of no, yes"),
    Kind.SIDE: ("carrier", "is not known; use one of buyer, seller"),
    Kind.RULING: ("smuggled", "is not known; use one of counterfeit, duty_unpaid"),
    Kind.VERDICT: ("extend", "is not known; use one of accept, refuse"),
    Kind.FRAUD: ("perhaps", "is not known; use one of cleared, confirmed"),
    Kind.DECISION: ("keep", "is not known; use one of accept, refund_and_close, refund_and_wait"),
    Kind.COUNTRY: ("Poland", "is no country; write it like DE"),
    Kind.CITY: ("12345", "is no city"),
    Kind.CURRENCY: ("XYZ", "is none of the policy's: EUR"),
    Kind.LINES: ("1 /", "is no id"),
    Kind.CAUSE: ("ugly", "is not known; use one of carrier_changed"),
    Kind.REMEDY: ("reship", "is not known; use one of refund, return_and_refund"),
    Kind.CAPTURE: ("never", "is not known; use one of at_once, on_shipment"),
}


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_cell_that_makes_no_sense_is_refused(name: str) -> None:
    """Whoever made the export mends the cell; nobody looks for it in a half-run trace."""
    text, reason = BAD_CELLS[OPTIONAL[name].kind]

    assert refusal(row(**{name: text})).startswith(f"row 2: {name} ")
    assert reason in refusal(row(**{name: text}))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"lost_at": "2026-01-31T10:00:00Z"}, "lost_at is before purchased_at"),
        ({"lost_at": "2026-02-02T10:00:00Z"}, "lost_at is before handed_to_carrier_at"),
        ({"lost_at": day(9), "handed_to_carrier_at": ""}, "handed_to_carrier_at is not"),
        ({"returned_at": day(9)}, "returned_at is told, refused_at or returning_at is not"),
        ({"refused_at": day(9), "returned_at": day(8)}, "returned_at is before refused_at"),
        (
            {"refused_at": day(5), "returned_at": day(8), "delivered_at": day(9)},
            "delivered_at and returned_at cannot both be",
        ),
        ({"customs_held_at": day(5), "customs_ruled_at": day(6)}, "customs_ruling is not"),
        ({"customs_held_at": day(5), "customs_ruling": "duty_unpaid"}, "customs_ruled_at is not"),
        ({"delivered_country": "PL"}, "delivered_country is told, delivered_at is not"),
        ({"delivery_withdrawn_at": day(9)}, "delivered_at is not"),
        ({"number_corrected_at": day(9), "handed_to_carrier_at": ""}, "number_corrected_at is to"),
        ({"disowned_at": day(9), "handed_to_carrier_at": ""}, "disowned_at is told"),
        ({"extension_asked_at": day(2)}, "extension_days is not"),
        ({"extension_days": "3"}, "extension_asked_at is not"),
        ({"extension_answer": "yes"}, "extension_answered_at is not"),
        ({"cancellation_asked_at": day(2)}, "cancellation_asked_by is not"),
        ({"cancellation_answer": "no"}, "cancellation_answered_at is not"),
        (
            {"protection_asked_at": day(5), "protection_answered_at": day(6)},
            "protection_answer is not",
        ),
        ({"protection_answer": "no"}, "protection_answered_at is not"),
        ({"refunded_at": day(5)}, "refund_amount is not"),
        ({"refund_amount": "5"}, "refunded_at is not"),
        ({"refunded_at": day(5), "refund_amount": "13.51"}, "refund_amount is more than its lines"),
        ({"subsidy": "13.50"}, "subsidy leaves nothing for its buyer to pay"),
        ({"paid_amount": "9", "payment_approved_at": ""}, "payment_approved_at is not"),
        ({"amount_decision": "accept", "amount_decided_at": day(2)}, "paid_amount is not"),
        ({"amount_decision": "accept", "paid_amount": "9"}, "amount_decided_at is not"),
        ({"fraud_reported_at": day(2), "fraud_decided_at": day(3)}, "fraud_verdict is not"),
        ({"fraud_verdict": "cleared"}, "fraud_decided_at is not"),
        ({"risk_verdict": "refuse", "payment_approved_at": ""}, "payment_approved_at is not"),
        ({"risk_decided_at": day(2), "payment_approved_at": ""}, "payment_approved_at is not"),
        ({"confirmed_at": day(5), "handed_to_carrier_at": ""}, "no parcel of it was shipped"),
        ({"denied_at": day(5), "handed_to_carrier_at": ""}, "no parcel of it was shipped"),
        ({"protection_asked_at": day(5), "handed_to_carrier_at": ""}, "no parcel of it was"),
        ({"delivered_city": "Kiel"}, "delivered_city is told, delivered_at is not"),
        ({"label_bought_at": day(2), "payment_approved_at": ""}, "payment_approved_at is not"),
        ({"label_bought_at": day(9)}, "handed_to_carrier_at is before label_bought_at"),
        (
            {"label_bought_at": day(2), "declared_at": day(3)},
            "declared_at and label_bought_at cannot both be",
        ),
        (
            {"label_bought_at": day(2), "number_corrected_at": day(4)},
            "number_corrected_at and label_bought_at cannot both be",
        ),
        (
            {"label_bought_at": day(2), "label_voided_at": day(3)},
            "handed_to_carrier_at and label_voided_at cannot both be",
        ),
        ({"label_voided_at": day(5)}, "label_bought_at is not"),
        ({"courier_from": day(2), "courier_until": day(3)}, "label_bought_at is not"),
        ({"label_bought_at": day(2), "courier_from": day(3)}, "courier_until is not"),
        ({"label_bought_at": day(2), "courier_until": day(3)}, "courier_from is not"),
        (
            {"label_bought_at": day(2), "courier_from": day(4), "courier_until": day(3)},
            "courier_until is before courier_from",
        ),
        ({"address_changed_at": day(2)}, "new_city is not"),
        ({"new_city": "Kiel"}, "address_changed_at is not"),
        (
            {"paid_another_way_at": day(2)},
            "payment_approved_at is before paid_another_way_at",
        ),
        (
            {"paid_another_way_at": "2026-02-01T10:30:00Z", "paid_amount": "9"},
            "paid_amount and paid_another_way_at cannot both be",
        ),
        ({"cancellation_taken_back_at": day(2)}, "cancellation_asked_at is not"),
        ({"protection_taken_back_at": day(2)}, "protection_asked_at is not"),
        (
            {
                "extension_asked_at": day(2),
                "extension_days": "3",
                "extension_answer": "no",
                "extension_answered_at": day(3),
                "extension_taken_back_at": day(3),
            },
            "extension_answered_at and extension_taken_back_at cannot both be",
        ),
        ({"seller_reinstated_at": day(5)}, "seller_suspended_at is not"),
        (
            {"seller_suspended_at": day(5), "seller_reinstated_at": day(4)},
            "seller_reinstated_at is before seller_suspended_at",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(told: dict[str, str], reason: str) -> None:
    """A thing needs its cause, and comes after it."""
    assert reason in refusal(row(**told))


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({"parcel": "1"}, {"parcel": "1", "lost_at": day(9)}, "lost_at contradicts row 2"),
        ({"parcel": "1"}, {"parcel": "1", "delivered_at": day(9)}, "delivered_at contradicts"),
        (
            {"parcel": "1"},
            {"parcel": "2", "refunded_at": day(9), "refund_amount": "1"},
            "refunded_at contradicts row 2",
        ),
        ({}, {"order_id": "o-2", "seller_suspended_at": day(9)}, "seller_suspended_at contradicts"),
        ({}, {"order_id": "o-2", "settles_in": "EUR"}, "settles_in contradicts row 2"),
        ({}, {"order_id": "o-2", "captures": "at_once"}, "captures contradicts row 2"),
        ({"paid_together": "yes"}, {"seller_id": "s-2"}, "paid_together contradicts row 2"),
        (
            {"paid_together": "yes", "subsidy": "1"},
            {"paid_together": "yes", "seller_id": "s-2"},
            "order o-1-1: subsidy is told, and it is paid together with others",
        ),
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    first: dict[str, str], second: dict[str, str], reason: str
) -> None:
    """One parcel is lost or is not; one seller is suspended once."""
    assert reason in refusal(row(**first), row(line="2", **second))


def test_an_optional_column_told_twice_is_refused() -> None:
    """Nobody could say which of the two counts."""
    text = f"{HEADING},lost_at\n{row()},"
    with pytest.raises(TraceRefused, match="columns told twice: lost_at"):
        parse(text, None, {"EUR"})


@pytest.mark.parametrize("columns", [OF_PARCEL, OF_ORDER, OF_DISPUTE, OF_PURCHASE, OF_SELLER])
def test_the_document_describes_each_optional_column(columns: dict[str, object]) -> None:
    """What stands in no document is used by nobody, and what only stands there misleads."""
    told = "\n".join(
        f"| `{name}` | {OPTIONAL[name].kind} | {OPTIONAL[name].meaning} "
        f"| `{OPTIONAL[name].example}` |"
        for name in columns
    )

    assert told in DOCUMENT.read_text()


def test_the_document_names_every_column_and_no_other() -> None:
    """Nobody looks for a column that went away."""
    named = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)

    assert named == [*COLUMNS, *OPTIONAL]


@pytest.mark.parametrize("name", OPTIONAL)
def test_the_help_names_each_optional_column(name: str) -> None:
    """Whoever has the program has its help, and not always the documents."""
    assert name in (trace.__doc__ or "")


def test_the_examples_of_the_document_are_good_cells() -> None:
    """They are what people copy."""
    instants = {name: one.example for name, one in OPTIONAL.items() if one.kind is not Kind.TIME}
    for name, text in instants.items():
        with pytest.raises(TraceRefused) as refused:
            parse(file(row(**{name: text}), row()), None, {"EUR", "USD"})
        assert f"{name} {text!r}" not in str(refused.value)


def test_the_example_tells_something_in_every_column() -> None:
    """A column that no row fills is shown to nobody."""
    with EXAMPLE.open(encoding="utf-8") as told:
        rows = list(csv.DictReader(told))
    empty = [name for name in [*COLUMNS, *OPTIONAL] if not any(one[name] for one in rows)]

    assert empty == []
