"""A trace file is read whole, or refused whole, before anything starts."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.trace.orders import Paying
from runtime.trace.reading import parse, read
from runtime.trace.rows import COLUMNS, TraceRefused

SAO_PAULO: Final = ZoneInfo("America/Sao_Paulo")
HEADING: Final = ",".join(COLUMNS)
GOOD: Final[dict[str, str]] = {
    "order_id": "o-1",
    "line": "1",
    "seller_id": "s-1",
    "product_id": "p-1",
    "category": "toys",
    "price": "12.30",
    "freight": "1.20",
    "currency": "BRL",
    "payment_type": "boleto",
    "status": "delivered",
    "purchased_at": "2018-02-01T10:00:00",
    "payment_approved_at": "2018-02-02T10:00:00",
    "ship_by": "2018-02-05T10:00:00",
    "handed_to_carrier_at": "2018-02-03T10:00:00",
    "delivered_at": "2018-02-09T10:00:00",
    "promised_at": "2018-02-20T00:00:00",
}


def row(**changed: str) -> str:
    return ",".join((GOOD | changed).values())


def file(*rows: str) -> str:
    return "\n".join([HEADING, *rows, ""])


def refusal(text: str, zone: ZoneInfo | None = SAO_PAULO) -> str:
    with pytest.raises(TraceRefused) as refused:
        parse(text, zone, {"BRL", "JPY"})
    return str(refused.value)


def test_a_row_becomes_an_order_in_utc_and_minor_units() -> None:
    """Local times and major units end at the door; nothing behind it guesses."""
    (order,) = parse(file(row()), SAO_PAULO, {"BRL"})

    assert order.total == 1350
    assert order.purchased_at == datetime(2018, 2, 1, 12, tzinfo=UTC)
    assert order.paying is Paying.SLOW
    assert order.parcels[0].delivered_at == datetime(2018, 2, 9, 12, tzinfo=UTC)


def test_a_time_with_a_zone_of_its_own_needs_no_other() -> None:
    """An export that says what it means must not be bent to the option."""
    told = {name: f"{text}+02:00" for name, text in GOOD.items() if name.endswith(("_at", "_by"))}
    (order,) = parse(file(row(**told)), None, {"BRL"})

    assert order.purchased_at == datetime(2018, 2, 1, 8, tzinfo=UTC)


def test_each_seller_of_a_purchase_has_an_order_of_their_own() -> None:
    """A seller is paid for their own lines, and waits for nobody else's parcel."""
    orders = parse(
        file(row(), row(line="2"), row(line="3", seller_id="s-2", price="7")), SAO_PAULO, {"BRL"}
    )

    assert [(one.order, one.seller, one.total) for one in orders] == [
        ("o-1-1", "s-1", 2700),
        ("o-1-2", "s-2", 820),
    ]
    assert {one.buyer for one in orders} == {"buyer-o-1"}


def test_a_parcel_may_leave_before_its_purchase_was_recorded() -> None:
    """Exports have such rows; the order is driven all the same, and the refusal counted."""
    (order,) = parse(file(row(handed_to_carrier_at="2018-01-31T10:00:00")), SAO_PAULO, {"BRL"})

    shipped_at = order.parcels[0].shipped_at
    assert shipped_at is not None
    assert shipped_at < order.purchased_at


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"price": "-1"}, "row 2: price '-1' is negative"),
        ({"freight": "-0.01"}, "row 2: freight '-0.01' is negative"),
        ({"price": "1e3"}, "row 2: price '1e3' is no amount"),
        ({"price": "NaN"}, "row 2: price 'NaN' is no amount"),
        ({"price": ""}, "row 2: price '' is no amount"),
        ({"price": "1.005"}, "more digits than BRL knows"),
        ({"price": "9.5", "currency": "JPY"}, "more digits than JPY knows"),
        ({"currency": "XYZ"}, "row 2: currency 'XYZ' is none of the policy's: BRL, JPY"),
        ({"currency": ""}, "currency ''"),
        ({"status": "gone"}, "row 2: status 'gone' is not known"),
        ({"payment_type": "shells"}, "payment_type 'shells' is not known"),
        ({"order_id": ""}, "order_id '' is no id"),
        ({"order_id": "../etc"}, "order_id '../etc' is no id"),
        ({"seller_id": "s 1"}, "seller_id 's 1' is no id"),
        ({"purchased_at": ""}, "purchased_at '' is no time"),
        ({"purchased_at": "yesterday"}, "purchased_at 'yesterday' is no time"),
        ({"purchased_at": "2018-02-01"}, "is a day without a time"),
        ({"purchased_at": "0018-02-01T10:00:00"}, "is not of this time"),
        ({"payment_approved_at": "2018-01-01T10:00:00"}, "payment_approved_at is before"),
        ({"delivered_at": "2018-02-02T10:00:00"}, "delivered_at is before handed_to"),
        ({"handed_to_carrier_at": ""}, "delivered_at is told, handed_to_carrier_at is not"),
        ({"category": "x" * 201}, "row 2: category has 201 signs"),
        ({"price": "0", "freight": "0"}, "all its lines together cost nothing"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_reason(
    changed: dict[str, str], reason: str
) -> None:
    """Whoever made the export mends the row; nobody looks for it in a half-run trace."""
    assert reason in refusal(file(row(**changed)))


def test_a_time_without_a_zone_is_not_guessed() -> None:
    """Three hours of error decide whether a deadline was kept."""
    assert "has no zone: name it with --zone" in refusal(file(row()), None)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"line": "1"}, "row 3: line 1 of o-1 is in row 2"),
        ({"line": "2", "status": "shipped"}, "row 3: status contradicts row 2"),
        ({"line": "2", "currency": "JPY", "price": "1", "freight": "0"}, "currency contradicts"),
        ({"line": "2", "delivered_at": "2018-02-10T10:00:00"}, "delivered_at contradicts row 2"),
        ({"line": "2", "payment_approved_at": ""}, "paid_at contradicts row 2"),
    ],
)
def test_lines_that_contradict_each_other_are_refused(second: dict[str, str], reason: str) -> None:
    """One purchase has one payment, and one seller's lines travel in one parcel."""
    assert reason in refusal(file(row(), row(**second)))


def test_orders_that_would_share_a_name_are_refused() -> None:
    """Two executions of one id would be one order, and the other's money would be lost."""
    rows = (row(), row(line="2", seller_id="s-2"), row(order_id="o-1-2"))

    assert "would be called the same" in refusal(file(*rows))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        (HEADING, "a heading and no rows"),
        ("a,b\n1,2", "row 1: missing columns: order_id"),
        (f"{HEADING},price\n{row()},1", "row 1: columns told twice: price"),
        (file(row() + ",extra"), "row 2: 17 cells under 16 headings"),
        (f'{HEADING}\n"never ended', "no CSV"),
        (f"{HEADING}\n{'x' * 200_000}", "row 2: no CSV: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(text: str, reason: str) -> None:
    """A wrong file ends in a sentence, not in a traceback after the servers have started."""
    assert reason in refusal(text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04\0\0", "is a binary file"),
        (file(row(), row(category="m\xf3veis")).encode("latin-1"), "row 3: not UTF-8"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """A spreadsheet renamed to .csv is the commonest mistake."""
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(TraceRefused) as refused:
        read(path, SAO_PAULO, {"BRL"})

    assert reason in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A slip in the name is the person's to mend."""
    with pytest.raises(TraceRefused, match="cannot be read"):
        read(tmp_path / "none.csv", None, {"BRL"})


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    """Spreadsheets write one."""
    path = tmp_path / "orders.csv"
    path.write_text(file(row()), encoding="utf-8-sig")

    assert len(read(path, SAO_PAULO, {"BRL"})) == 1


def test_every_bad_row_is_named_but_not_thousands() -> None:
    """Mending one row at a time takes a day; a screen full of them helps nobody."""
    rows = [row(order_id=f"o-{number}", price="-1") for number in range(30)]
    said = refusal(file(*rows)).splitlines()

    assert said[0].startswith("row 2:")
    assert said[19].startswith("row 21:")
    assert said[20:] == ["and 10 more"]


_CELL = st.text(st.characters(codec="utf-8"), max_size=30)
_ROW = st.tuples(*(st.just(text) | _CELL for text in GOOD.values())) | st.lists(_CELL, max_size=18)


@given(rows=st.lists(_ROW, max_size=4), heading=st.sampled_from([[HEADING], []]))
def test_whatever_the_text_it_is_read_or_refused(rows: list[list[str]], heading: list[str]) -> None:
    """No text whatsoever ends in a traceback, or in an order that costs nothing."""
    text = "\n".join(heading + [",".join(cells) for cells in rows])
    with suppress(TraceRefused):
        assert all(order.total > 0 for order in parse(text, SAO_PAULO, {"BRL"}))
