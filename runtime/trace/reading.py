"""A trace file, read whole before anything starts: an order per seller of each purchase."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from domain.order.lines import OrderLine
from runtime.trace.orders import Paying, TracedOrder, TracedParcel
from runtime.trace.rows import COLUMNS, SLOW_METHODS, BadRow, Row, RowReader, TraceRefused
from runtime.trace.told import OF_DISPUTE, OF_ORDER, OF_PARCEL, OF_PURCHASE, OF_SELLER, OPTIONAL

_LARGEST_FILE: Final = 64 * 1024 * 1024
_MOST_REASONS: Final = 20
_HEADING: Final = 1
_KNOWN: Final = frozenset({*COLUMNS, *OPTIONAL})


def read(path: Path, zone: ZoneInfo | None, currencies: Collection[str]) -> tuple[TracedOrder, ...]:
    """Read the orders of a file, in the order of their purchase.

    Times without a zone are in *zone*. Raises `TraceRefused`, which names up to twenty rows and
    what is wrong with each.
    """
    return parse(_text(path), zone, currencies)


def parse(text: str, zone: ZoneInfo | None, currencies: Collection[str]) -> tuple[TracedOrder, ...]:
    """The same for the text of a file."""
    reader = RowReader(zone, currencies)
    rows: list[Row] = []
    faults: list[BadRow] = []
    for number, cells in _cells(text):
        try:
            rows.append(reader.read(number, cells))
        except TraceRefused as refused:
            faults += refused.rows
    faults += _contradictions(rows)
    if faults:
        raise TraceRefused(*_shortened(sorted(faults, key=lambda fault: fault.row)))
    if not rows:
        raise TraceRefused(BadRow(0, "the file has a heading and no rows"))
    orders = sorted(_orders(rows), key=lambda order: (order.purchased_at, order.order))
    _must_be_possible(orders)
    return tuple(orders)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise TraceRefused(BadRow(0, f"{path} cannot be read: {error.strerror}")) from None
    if len(content) > _LARGEST_FILE:
        raise TraceRefused(BadRow(0, f"{path} is larger than {_LARGEST_FILE >> 20} MB"))
    if b"\0" in content:
        raise TraceRefused(BadRow(0, f"{path} is a binary file, not CSV"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise TraceRefused(BadRow(row, "not UTF-8 from here on")) from None


def _cells(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    if not text.strip():
        raise TraceRefused(BadRow(0, "the file is empty"))
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = [name.strip() for name in next(lines)]
        _must_have_columns(heading)
        for line in lines:
            if not line:
                continue
            if len(line) != len(heading):
                raise TraceRefused(
                    BadRow(lines.line_num, f"{len(line)} cells under {len(heading)} headings")
                )
            yield (
                lines.line_num,
                {name: cell for name, cell in zip(heading, line, strict=True) if name in _KNOWN},
            )
    except csv.Error as error:
        raise TraceRefused(BadRow(lines.line_num, f"no CSV: {error}")) from None


def _must_have_columns(heading: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        raise TraceRefused(BadRow(_HEADING, f"missing columns: {', '.join(missing)}"))
    twice = {name for name in _KNOWN if heading.count(name) > 1}
    if twice:
        raise TraceRefused(BadRow(_HEADING, f"columns told twice: {', '.join(sorted(twice))}"))


def _shortened(faults: Sequence[BadRow]) -> list[BadRow]:
    shown = list(faults[:_MOST_REASONS])
    if len(faults) > len(shown):
        shown.append(BadRow(0, f"and {len(faults) - len(shown)} more"))
    return shown


_OF_PURCHASE: Final = ("currency", "payment_type", "status", "purchased_at", "paid_at")
_OF_PARCEL: Final = ("shipped_at", "delivered_at")
# What an order cannot tell unless one of its rows tells of a shipment.
_OF_SOME_PARCEL: Final = ("protection_asked_at", "confirmed_at", "denied_at")
# What an order cannot tell whose payment is for others as well.
_OF_ONE_PAYMENT: Final = ("subsidy", "paid_another_way_at", "paid_amount")


def _contradictions(rows: Sequence[Row]) -> Iterator[BadRow]:
    """Lines of one purchase, order, parcel or seller that cannot both be true."""
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if (before := first.setdefault((row.order, "line", row.line), row)) is not row:
            yield BadRow(row.number, f"line {row.line} of {row.order} is in row {before.number}")
        order = (row.order, "seller", row.seller)
        for names, values, key in (
            (_OF_PURCHASE, _base, (row.order,)),
            (OF_PURCHASE, _of_purchase, (row.order,)),
            (_OF_PARCEL, _base, (*order, "parcel", row.told.of_parcel.parcel)),
            (OF_PARCEL, _of_parcel, (*order, "parcel", row.told.of_parcel.parcel)),
            (OF_ORDER, _of_order, order),
            (OF_DISPUTE, _of_dispute, order),
            (OF_SELLER, _of_seller, ("seller", row.seller)),
        ):
            before = first.setdefault(key, row)
            for name in names:
                if values(before)[name] != values(row)[name]:
                    yield BadRow(row.number, f"{name} contradicts row {before.number}")


def _base(row: Row) -> dict[str, object]:
    return vars(row)


def _of_parcel(row: Row) -> dict[str, object]:
    return vars(row.told.of_parcel)


def _of_order(row: Row) -> dict[str, object]:
    return vars(row.told.of_order)


def _of_dispute(row: Row) -> dict[str, object]:
    return vars(row.told.of_dispute)


def _of_purchase(row: Row) -> dict[str, object]:
    return vars(row.told.of_purchase)


def _of_seller(row: Row) -> dict[str, object]:
    return vars(row.told.of_seller)


def _orders(rows: Sequence[Row]) -> Iterator[TracedOrder]:
    purchases: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        purchases[row.order][row.seller].append(row)
    for purchase, sellers in purchases.items():
        for number, seller in enumerate(sorted(sellers), 1):
            name = purchase if len(sellers) == 1 else f"{purchase}-{number}"
            yield _order(name, sellers[seller], is_alone=len(sellers) == 1)


def _must_be_possible(orders: Sequence[TracedOrder]) -> None:
    names = Counter(order.order for order in orders)
    faults = [
        BadRow(0, f"order {order.order}: all its lines together cost nothing")
        for order in orders
        if order.total == 0
    ]
    faults += [
        BadRow(0, f"order {order.order}: refund_amount is more than its lines cost")
        for order in orders
        if order.told.refund_amount > order.total
    ]
    faults += [
        BadRow(0, f"order {order.order}: disputed_lines names {line}, which it does not have")
        for order in orders
        for line in order.of_dispute.disputed_lines
        if line not in {one.line for one in order.lines}
    ]
    faults += [
        BadRow(0, f"order {order.order}: {name} is more than the disputed lines cost")
        for order in orders
        for name in ("dispute_amount", "counter_amount", "ruled_amount")
        if getattr(order.of_dispute, name) > order.disputable
    ]
    faults += [
        BadRow(0, f"order {order.order}: subsidy leaves nothing for its buyer to pay")
        for order in orders
        if 0 < order.total <= order.told.subsidy
    ]
    faults += [
        BadRow(0, f"order {order.order}: {name} is told, and no parcel of it was shipped")
        for order in orders
        for name in _OF_SOME_PARCEL
        if getattr(order.told, name) and not any(one.declared_at for one in order.parcels)
    ]
    faults += [
        BadRow(0, f"order {order.order}: disputed_at is told, and no parcel of it was shipped")
        for order in orders
        if order.of_dispute.disputed_at and not any(one.declared_at for one in order.parcels)
    ]
    faults += [
        BadRow(0, f"order {order.order}: {name} is told, and it is paid together with others")
        for order in orders
        for name in _OF_ONE_PAYMENT
        if order.is_part and getattr(order.told, name)
    ]
    faults += [
        BadRow(0, f"order {name}: a purchase from several sellers would be called the same")
        for name, count in names.items()
        if count > 1
    ]
    if faults:
        raise TraceRefused(*_shortened(faults))


def _order(name: str, rows: Sequence[Row], *, is_alone: bool) -> TracedOrder:
    row = rows[0]
    return TracedOrder(
        order=name,
        purchase=row.order,
        buyer=f"buyer-{row.order}",
        seller=row.seller,
        currency=row.currency,
        lines=tuple(
            OrderLine(one.line, one.product, one.category, 1, one.price, one.freight)
            for one in rows
        ),
        status=row.status,
        paying=Paying.SLOW if row.payment_type in SLOW_METHODS else Paying.CARD,
        purchased_at=row.purchased_at,
        paid_at=row.paid_at,
        ship_by=max((one.ship_by for one in rows if one.ship_by), default=None),
        promised_at=max((one.promised_at for one in rows if one.promised_at), default=None),
        parcels=tuple(_parcels(rows)),
        told=row.told.of_order,
        of_dispute=row.told.of_dispute,
        of_seller=row.told.of_seller,
        is_declined=row.status == "declined",
        is_cancelled=row.status == "canceled",
        is_part=row.told.of_purchase.paid_together and not is_alone,
    )


def _parcels(rows: Sequence[Row]) -> Iterator[TracedParcel]:
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row.told.of_parcel.parcel].append(row)
    for name, lines in sorted(by_name.items(), key=lambda one: int(one[0] or 0)):
        row = lines[0]
        yield TracedParcel(
            name=name,
            lines=() if len(by_name) == 1 else tuple(one.line for one in lines),
            shipped_at=row.shipped_at,
            delivered_at=row.delivered_at,
            told=row.told.of_parcel,
        )
