"""The parts of a trace that can be wrong without a server: time, parcels, cycles, refusals."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from domain.errors import NotKnown, PolicyInvalid
from domain.payout.rules import Standing
from domain.shipment.numbers import CARRIERS, check
from runtime.trace.clocks import Shift, TraceClock
from runtime.trace.documents import TracePolicy
from runtime.trace.ends import questions
from runtime.trace.facts import Confirm, Happening, facts_of
from runtime.trace.meetings import circles, standings
from runtime.trace.numbers import Numbers
from runtime.trace.orders import Paying, TracedOrder, TracedParcel
from runtime.trace.parcels import carrier_of, number_of
from runtime.trace.payouts import ends
from runtime.trace.report import Days
from runtime.trace.told import ParcelTold, SellerTold

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NOON = datetime(2018, 2, 1, 12, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is beside it


@given(first=INSTANTS, now=INSTANTS)
def test_a_trace_is_moved_by_whole_weeks_into_the_future(first: datetime, now: datetime) -> None:
    """A Sunday must stay a Sunday, and a clock can only go forward."""
    shift = Shift.past(first, now)

    assert shift.ahead(first) > now
    assert shift.by % timedelta(days=7) == timedelta()
    assert shift.ahead(first).weekday() == first.weekday()
    assert shift.back(shift.ahead(first)) == first


def test_each_subject_has_a_time_of_its_own() -> None:
    """One order's Friday must not be another one's deadline."""
    clock = TraceClock(NOON)
    clock.set("order/o-1", NOON + timedelta(days=3))

    assert clock.now("order/o-1") == NOON + timedelta(days=3)
    assert clock.now("order/o-2") == NOON


def test_what_several_orders_meet_in_has_one_course_of_time() -> None:
    """Two purchases that share a suspended seller must not overtake each other."""
    apart = circles(["ab", "cd"], list)
    joined = circles(["ab", "cd", "e", "bc"], list)

    assert sorted(map(sorted, apart)) == [["ab"], ["cd"]]
    assert sorted(map(sorted, joined)) == [["ab", "bc", "cd"], ["e"]]


def test_a_policy_that_takes_money_later_differs_in_that_alone() -> None:
    """A trace compares policies; a slip here would compare another one."""
    standard = TracePolicy.find("standard")
    later = standard.capturing("on_shipment").document

    assert later["order"] == {**standard.document["order"], "capture": "on_shipment"}
    assert {**later, "name": "", "order": 0} == {**standard.document, "name": "", "order": 0}


@given(serial=st.integers(0, 99_999_998))
def test_every_parcel_has_a_number_that_its_carrier_could_have_given(serial: int) -> None:
    """A made-up number that is refused would count as a shipment that never was."""
    for carrier in sorted(
        {carrier_of(code) for code in ("BRL", "EUR", "USD", "GBP", "KWD", "CNY")}
    ):
        number = number_of(carrier, serial)

        assert check(carrier, number) == number
        assert number != number_of(carrier, serial + 1)


def test_every_currency_of_the_shipped_policies_has_a_carrier() -> None:
    """An export in any of them can be traced."""
    for code in TracePolicy.find("standard").policy.currencies:
        assert carrier_of(code) in CARRIERS


def an_order(**changed: object) -> TracedOrder:
    told: dict[str, object] = {
        "order": "o-1",
        "purchase": "o-1",
        "buyer": "b-1",
        "seller": "s-1",
        "currency": "EUR",
        "lines": (),
        "status": "delivered",
        "paying": Paying.CARD,
        "purchased_at": NOON,
    }
    return TracedOrder(**(told | changed))  # type: ignore[arg-type]  # a test's shorthand


def test_facts_come_in_the_order_of_time() -> None:
    """A parcel that left before the purchase is handed over when there is an order to name."""
    day = timedelta(days=1)
    order = an_order(
        paying=Paying.SLOW,
        paid_at=NOON + 2 * day,
        parcels=(TracedParcel(shipped_at=NOON - day, delivered_at=NOON + 4 * day),),
    )
    told = [(fact.what, fact.at - NOON) for fact in facts_of(order, Confirm.PROMPT)]

    assert told == [
        (Happening.CHOSEN_SLOW, timedelta()),
        (Happening.HANDED_OVER, timedelta()),
        (Happening.PAID, 2 * day),
        (Happening.DELIVERED, 4 * day),
        (Happening.CONFIRMED, 4 * day + timedelta(hours=1)),
    ]


def test_only_an_unpaid_purchase_is_cancelled_by_its_buyer() -> None:
    """After the payment a cancelled order is one that its seller never shipped."""
    unpaid = an_order(is_cancelled=True)
    paid = an_order(is_cancelled=True, paid_at=NOON)

    assert [fact.what for fact in facts_of(unpaid, Confirm.SILENCE)] == [Happening.CANCELLED]
    assert [fact.what for fact in facts_of(paid, Confirm.SILENCE)] == [Happening.PAID]


def test_a_mistyped_number_is_one_that_nobody_else_has() -> None:
    """The carrier scans the right one, so that a number put right brings the scans with it."""
    mistyped = ParcelTold(parcel="2", declared_at=NOON, number_corrected_at=NOON)
    order = an_order(
        parcels=(TracedParcel("1", ("1",), NOON), TracedParcel("2", ("2",), NOON, told=mistyped))
    )
    ours, others = Numbers(order, 7), Numbers(order, 8)
    plain, wrong = order.parcels

    assert ours.right(plain) == ours.declared(plain)
    assert ours.right(wrong) != ours.declared(wrong)
    assert len(ours.all()) == 3
    assert not set(ours.all()) & set(others.all())


def test_a_seller_s_standing_changes_when_it_did() -> None:
    """A seller who was never let back in stays suspended."""
    told = SellerTold(seller_suspended_at=NOON)

    assert standings(told) == [(NOON, Standing.SUSPENDED)]
    assert standings(SellerTold()) == []


def test_questions_are_counted_by_what_became_of_them() -> None:
    """Who asks is part of the entry's name, for the other side is told."""
    kinds = {
        "order.cancellation_asked_by_buyer": 2,
        "order.cancellation_asked_by_seller": 1,
        "order.cancellation_granted": 1,
        "order.cancellation_void": 1,
        "order.paid": 9,
    }

    assert questions(kinds) == {
        "cancellation": {"asked": 3, "granted": 1, "declined": 0, "void": 1}
    }


def test_payout_cycles_end_where_something_was_earned() -> None:
    """What is earned at the very end of a cycle belongs to it; an idle week has no cycle."""
    week = timedelta(days=7)
    midnight = datetime(2018, 2, 2, 8, tzinfo=UTC)
    earned = [NOON, midnight, midnight + timedelta(seconds=1), midnight + 5 * week]

    assert ends(earned, NOON, week, LOS_ANGELES) == [midnight, midnight + week, midnight + 5 * week]


def test_a_spread_of_days_is_rounded_and_counted_by_weeks() -> None:
    """Median and ninth decile, as people quote them."""
    spread = Days.of([1.0, 8.0, 9.0, 30.04])

    assert (spread.count, spread.median) == (4, 8.5)
    assert spread.histogram == ((0, 1), (1, 2), (4, 1))
    assert Days.of([3.0]).p90 == 3.0


def test_a_policy_is_a_name_or_a_file(tmp_path: Path) -> None:
    """A team tries a document before it publishes it."""
    shipped = Path(__file__).parents[2] / "policies" / "standard.toml"
    own = tmp_path / "ours.toml"
    own.write_text(shipped.read_text().replace('name = "standard"', 'name = "ours"'))

    assert TracePolicy.find(str(own)).policy.name == "ours"
    with pytest.raises(NotKnown, match="one of demo, fast-release, standard"):
        TracePolicy.find("strict")
    with pytest.raises(NotKnown, match=r"no policy document .*none.toml"):
        TracePolicy.find(str(tmp_path / "none.toml"))
    own.write_text("name = ")
    with pytest.raises(PolicyInvalid):
        TracePolicy.find(str(own))


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.csv"],
        ["{example}", "--policy", "strict"],
        ["{example}", "--against", "strict"],
        ["{example}", "--zone", "Europe/Atlantis"],
        ["{example}", "--confirm", "loudly"],
    ],
)
def test_bad_input_ends_with_status_2_and_starts_nothing(arguments: list[str]) -> None:
    """A script must tell a wrong call from books that differ, and not wait a minute for it."""
    example = str(Path(__file__).parents[2] / "examples" / "orders.csv")
    called = [one.format(example=example) for one in arguments]
    ended = CliRunner().invoke(app, ["trace", *called])

    assert ended.exit_code == 2
    assert "PostgreSQL" not in ended.output
