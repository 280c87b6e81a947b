"""Reading for people: views, the timeline, the ledger. Nothing here decides or writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col

from domain.errors import NotKnown
from domain.ids import order_workflow_id
from domain.ledger import AccountKind
from domain.order.state import OrderState
from domain.payout.state import PayoutState
from persistence import records
from persistence.tables.business import Alarm, OrderViewRow, PayoutRow, Seller
from persistence.tables.ledger import LegRow, PostingRow
from persistence.tables.traffic import TimelineEntry

# What of a seller's money people ask about; credit is what is theirs.
SELLER_ACCOUNTS: Final = (
    AccountKind.PAYABLE,
    AccountKind.RESERVE,
    AccountKind.DEPOSIT,
    AccountKind.DEBT,
)


@dataclass(frozen=True)
class OrderFilter:
    """Which orders to list; None asks for all. `sought`: how the id begins, or whose it is."""

    status: str | None = None
    seller: str | None = None
    buyer: str | None = None
    needs_attention: bool | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    sought: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL; `placed_to` itself is not in the list."""
        same = {"status": self.status, "seller": self.seller, "buyer": self.buyer}
        found = [
            col(getattr(OrderViewRow, name)) == value
            for name, value in same.items()
            if value is not None
        ]
        if self.needs_attention is not None:
            found.append(col(OrderViewRow.needs_attention).is_(self.needs_attention))
        if self.placed_from is not None:
            found.append(col(OrderViewRow.placed_at) >= self.placed_from)
        if self.placed_to is not None:
            found.append(col(OrderViewRow.placed_at) < self.placed_to)
        if self.sought:
            found.append(
                or_(
                    col(OrderViewRow.order).startswith(self.sought, autoescape=True),
                    col(OrderViewRow.seller) == self.sought,
                    col(OrderViewRow.buyer) == self.sought,
                )
            )
        return found


@dataclass(frozen=True)
class Happened:
    """One entry of a timeline."""

    seq: int
    version: int
    kind: str
    actor: str
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class PostingFilter:
    """Which entries of the ledger to list; None asks for all. Times are business time."""

    account: str | None = None
    owner: str | None = None
    process: str | None = None
    key_prefix: str | None = None
    effective_from: datetime | None = None
    effective_to: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL; `effective_to` itself is not in the list."""
        found: list[ColumnElement[bool]] = []
        if self.account is not None or self.owner is not None:
            found.append(self._has_leg())
        if self.process is not None:
            found.append(col(PostingRow.process) == self.process)
        if self.key_prefix is not None:
            found.append(col(PostingRow.key).startswith(self.key_prefix, autoescape=True))
        if self.effective_from is not None:
            found.append(col(PostingRow.effective_at) >= self.effective_from)
        if self.effective_to is not None:
            found.append(col(PostingRow.effective_at) < self.effective_to)
        return found

    def _has_leg(self) -> ColumnElement[bool]:
        legs = select(col(LegRow.posting))
        if self.account is not None:
            legs = legs.where(col(LegRow.kind) == self.account)
        if self.owner is not None:
            legs = legs.where(col(LegRow.owner) == self.owner)
        return col(PostingRow.id).in_(legs)


@dataclass(frozen=True)
class EntryLeg:
    """One side of an entry; debit is positive, minor units."""

    account: str
    owner: str
    amount: int


@dataclass(frozen=True)
class LedgerEntry:
    """One entry of the ledger with its sides."""

    id: int
    key: str
    kind: str
    process: str
    currency: str
    effective_at: datetime
    recorded_at: datetime
    legs: tuple[EntryLeg, ...] = ()


@dataclass(frozen=True)
class AccountSum:
    """What stands on an account; debit is positive, minor units."""

    account: str
    owner: str
    currency: str
    amount: int


@dataclass(frozen=True)
class SellerRow:
    """A seller as registered."""

    seller: str
    version: int
    account: str
    country: str
    level: str
    standing: str
    policy: str
    bank_changed_at: datetime | None
    non_fulfilments: int
    registered_at: datetime
    refused_account: str = ""
    settles_in: str = ""


@dataclass(frozen=True)
class AlarmRow:
    """Something that a person must look at."""

    id: int
    kind: str
    subject: str
    detail: str
    facts: Mapping[str, Any]
    raised_at: datetime
    cleared_at: datetime | None
    cleared_by: str = ""
    note: str = ""


def _columns(table: type[SQLModel], record: type[Any], *, but: str = "") -> tuple[Any, ...]:
    names = (name for name in record.__dataclass_fields__ if name != but)
    return tuple(col(getattr(table, name)) for name in names)


_SELLER: Final = _columns(Seller, SellerRow)
_ALARM: Final = _columns(Alarm, AlarmRow)
_HAPPENED: Final = _columns(TimelineEntry, Happened)
_POSTING: Final = _columns(PostingRow, LedgerEntry, but="legs")


async def order(db: AsyncConnection, name: str) -> OrderState | None:
    """An order's last written state, if it was opened."""
    query = select(col(OrderViewRow.state)).where(col(OrderViewRow.order) == name)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.ORDER_STATE.validate_python(state)


async def orders(
    db: AsyncConnection, wanted: OrderFilter, before: int | None, limit: int
) -> list[tuple[int, OrderState]]:
    """Orders with their marks, the newest first."""
    query = select(col(OrderViewRow.seq), col(OrderViewRow.state)).where(*wanted.conditions())
    if before is not None:
        query = query.where(col(OrderViewRow.seq) < before)
    found = await db.execute(query.order_by(col(OrderViewRow.seq).desc()).limit(limit))
    return [(seq or 0, records.ORDER_STATE.validate_python(state)) for seq, state in found.all()]


async def timeline(
    db: AsyncConnection, subject: str, after: int | None, limit: int
) -> list[Happened]:
    """What happened to an object, the oldest first."""
    query = (
        select(*_HAPPENED)
        .where(col(TimelineEntry.subject) == subject, col(TimelineEntry.seq) > (after or 0))
        .order_by(col(TimelineEntry.seq))
        .limit(limit)
    )
    return [Happened(*row) for row in (await db.execute(query)).all()]


async def postings(
    db: AsyncConnection, wanted: PostingFilter, after: int | None, limit: int
) -> list[LedgerEntry]:
    """Entries of the ledger, the oldest first."""
    query = select(*_POSTING).where(*wanted.conditions())
    if after is not None:
        query = query.where(col(PostingRow.id) > after)
    rows = (await db.execute(query.order_by(col(PostingRow.id)).limit(limit))).all()
    legs = await _legs(db, [row[0] for row in rows])
    return [replace(LedgerEntry(*row), legs=tuple(legs[row[0]])) for row in rows]


async def _legs(db: AsyncConnection, entries: list[int]) -> dict[int, list[EntryLeg]]:
    query = (
        select(col(LegRow.posting), col(LegRow.kind), col(LegRow.owner), col(LegRow.amount))
        .where(col(LegRow.posting).in_(entries))
        .order_by(col(LegRow.id))
    )
    found: dict[int, list[EntryLeg]] = {}
    for posting, kind, owner, amount in (await db.execute(query)).all():
        found.setdefault(posting, []).append(EntryLeg(kind, owner, amount))
    return found


async def process_postings(db: AsyncConnection, order_name: str) -> list[LedgerEntry]:
    """Every entry that an order's process posted, the oldest first."""
    wanted = PostingFilter(process=order_workflow_id(order_name))
    return await postings(db, wanted, None, 1000)


async def sums(
    db: AsyncConnection, account: str | None, after: tuple[str, str, str], limit: int
) -> list[AccountSum]:
    """What stands on each account, by (kind, owner, currency)."""
    keys = (col(LegRow.kind), col(LegRow.owner), col(LegRow.currency))
    query = select(*keys, func.sum(col(LegRow.amount))).group_by(*keys)
    if account is not None:
        query = query.where(col(LegRow.kind) == account)
    if any(after):
        query = query.where(tuple_(*keys) > after)
    found = await db.execute(query.order_by(*keys).limit(limit))
    return [AccountSum(kind, owner, code, int(total)) for kind, owner, code, total in found.all()]


async def balances(db: AsyncConnection, seller: str) -> dict[str, dict[AccountKind, int]]:
    """What a seller has per currency and account (credit positive), in minor units."""
    query = (
        select(col(LegRow.currency), col(LegRow.kind), -func.sum(col(LegRow.amount)))
        .where(col(LegRow.owner) == seller, col(LegRow.kind).in_([str(k) for k in SELLER_ACCOUNTS]))
        .group_by(col(LegRow.currency), col(LegRow.kind))
    )
    found: dict[str, dict[AccountKind, int]] = {}
    for currency, kind, amount in (await db.execute(query)).all():
        found.setdefault(currency, {})[AccountKind(kind)] = int(amount)
    return found


async def seller(db: AsyncConnection, name: str) -> SellerRow:
    """A seller. Unknown: `NotKnown`."""
    query = select(*_SELLER).where(col(Seller.seller) == name)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        raise NotKnown(f"there is no seller {name}", seller=name)
    return SellerRow(*row)


async def sellers(
    db: AsyncConnection, after: str, limit: int, standing: str | None = None
) -> list[SellerRow]:
    """Sellers by name."""
    query = select(*_SELLER).where(col(Seller.seller) > after)
    if standing is not None:
        query = query.where(col(Seller.standing) == standing)
    found = await db.execute(query.order_by(col(Seller.seller)).limit(limit))
    return [SellerRow(*row) for row in found.all()]


async def payout(db: AsyncConnection, name: str) -> PayoutState | None:
    """A payout's last written state."""
    query = select(col(PayoutRow.state)).where(col(PayoutRow.payout) == name)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.PAYOUT_STATE.validate_python(state)


async def payouts(
    db: AsyncConnection, of_seller: str, before: int | None, limit: int
) -> list[tuple[int, PayoutState]]:
    """A seller's payouts with their marks, the newest first."""
    query = select(col(PayoutRow.seq), col(PayoutRow.state)).where(
        col(PayoutRow.seller) == of_seller
    )
    if before is not None:
        query = query.where(col(PayoutRow.seq) < before)
    found = await db.execute(query.order_by(col(PayoutRow.seq).desc()).limit(limit))
    return [(seq or 0, records.PAYOUT_STATE.validate_python(state)) for seq, state in found.all()]


async def alarms(
    db: AsyncConnection, before: int | None, limit: int, *, is_open: bool | None = None
) -> list[AlarmRow]:
    """Alarms, the newest first."""
    query = select(*_ALARM)
    if is_open is not None:
        cleared = col(Alarm.cleared_at)
        query = query.where(cleared.is_(None) if is_open else cleared.is_not(None))
    if before is not None:
        query = query.where(col(Alarm.id) < before)
    found = await db.execute(query.order_by(col(Alarm.id).desc()).limit(limit))
    return [AlarmRow(*row) for row in found.all()]


async def alarm(db: AsyncConnection, number: int) -> AlarmRow | None:
    """One alarm."""
    row = (await db.execute(select(*_ALARM).where(col(Alarm.id) == number))).one_or_none()
    return None if row is None else AlarmRow(*row)
