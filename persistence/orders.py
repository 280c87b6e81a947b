"""Orders, parcels and sellers in PostgreSQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Label,
    Row,
    ScalarSelect,
    bindparam,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from domain.errors import NotKnown, TrackingInUse
from domain.ids import order_workflow_id
from domain.ledger import AccountKind
from domain.order.state import OrderState
from domain.policy import Policy, from_document
from domain.shipment.milestones import Milestone
from persistence import records
from persistence.inbox import newest_first
from persistence.port import LastScan, OrderRecord, ParcelRecord, SellerRecord
from persistence.session import Session
from persistence.tables import table_of
from persistence.tables.business import (
    OrderRow,
    OrderViewRow,
    ParcelRow,
    Particulars,
    PolicyRow,
    ScanRow,
    Seller,
)
from persistence.tables.ledger import COUNTED, LegRow, OrderMoney
from persistence.vault import Erased, Vault


def _listed(names: Iterable[str], form: str = '"{}"') -> str:
    return ", ".join(form.format(name) for name in names)


# Made once, on the tables themselves: putting a statement together, and taking it through the
# mapper, costs more than running it, and these are run for every order.
_ORDERS: Final = table_of(OrderRow)
_ORDER: Final = select(_ORDERS).where(_ORDERS.c.order == bindparam("of"))
_MONEY: Final = table_of(OrderMoney)
_LIVES_BY: Final = tuple(column.name for column in _ORDERS.columns)
_AGREED: Final = ("seller", "currency", "total", "commission", "settles_in")
# An order with its row of money; it says nothing if the order is there.
_OPENING: Final = text(f"""
WITH opened AS (
    INSERT INTO orders ({_listed(_LIVES_BY)}) VALUES ({_listed(_LIVES_BY, ":{}")})
    ON CONFLICT DO NOTHING
    RETURNING "order"
)
INSERT INTO order_money ("order", {_listed(_AGREED)}, {_listed(COUNTED)})
SELECT "order", {_listed(_AGREED, ":{}")}, {_listed(COUNTED, "0")} FROM opened
RETURNING "order"
""").bindparams(  # noqa: S608 - names of our own tables, never a value
    *(
        bindparam(name, type_=(_MONEY if name in _AGREED else _ORDERS).c[name].type)
        for name in {*_LIVES_BY, *_AGREED}
    )
)
_VIEWS: Final = table_of(OrderViewRow)
# Whoever asks how an order stands asks next what it lives by.
_STATE: Final = (
    select(_VIEWS.c.state, _ORDERS)
    .outerjoin_from(_VIEWS, _ORDERS, _ORDERS.c.order == _VIEWS.c.order)
    .where(_VIEWS.c.order == bindparam("of"))
)
_PARCELS: Final = table_of(ParcelRow)
# A number that never came to be watched, which its parcel had before this one.
_UNUSED: Final = delete(_PARCELS).where(
    _PARCELS.c.parcel == bindparam("named"),
    _PARCELS.c.number != bindparam("but_number"),
    _PARCELS.c.tracker == "",
)
# Also of its own name: the same declaration may run twice at once.
_DECLARING: Final = insert(_PARCELS).on_conflict_do_nothing().returning(_PARCELS.c.parcel)
_NUMBERED: Final = select(_PARCELS.c.parcel).where(
    _PARCELS.c.carrier == bindparam("by"), _PARCELS.c.number == bindparam("numbered")
)
_ONE: Final = update(_PARCELS).where(_PARCELS.c.parcel == bindparam("named"))
_WATCHED: Final = _ONE.values(tracker=bindparam("tracked_as"))
_ONE_UNWATCHED: Final = _ONE.values(is_watched=False)
# A dispute's own parcels are watched on: it may outlive its order.
_ALL_UNWATCHED: Final = (
    update(_PARCELS)
    .where(_PARCELS.c.order == bindparam("of"), ~_PARCELS.c.parcel.startswith("dispute/"))
    .values(is_watched=False)
)
_SCANS: Final = table_of(ScanRow)
_SCANNED: Final = (
    select(
        _SCANS.c.parcel,
        _SCANS.c.milestone,
        _SCANS.c.at,
        _SCANS.c.city,
        _SCANS.c.country,
        func.min(_SCANS.c.at).over(partition_by=_SCANS.c.parcel),
        func.bool_or(_SCANS.c.milestone == str(Milestone.DELIVERED)).over(
            partition_by=_SCANS.c.parcel
        ),
    )
    .ext(distinct_on(_SCANS.c.parcel))
    .join(_PARCELS, _PARCELS.c.parcel == _SCANS.c.parcel)
    .where(_PARCELS.c.order == bindparam("of"), ~_SCANS.c.is_withdrawn)
    .order_by(_SCANS.c.parcel, *newest_first())
)
_SELLERS: Final = table_of(Seller)
_SELLER: Final = select(_SELLERS).where(_SELLERS.c.seller == bindparam("of"))
_STEADY_SELLER: Final = _SELLER.with_for_update(read=True)
_POLICIES: Final = table_of(PolicyRow)
_VERSION: Final = bindparam("versioned", type_=_POLICIES.c.version.type)
_POLICY: Final = (
    select(_POLICIES.c.document, _POLICIES.c.version, _POLICIES.c.holidays)
    .where(
        _POLICIES.c.name == bindparam("named"),
        or_(_VERSION.is_(None), _POLICIES.c.version == _VERSION),
    )
    .order_by(_POLICIES.c.version.desc())
    .limit(1)
)


class SqlOrders:
    """Keeps `persistence.port.Orders` inside one open transaction."""

    def __init__(self, session: Session, vault: Vault | None = None) -> None:
        """Write through *session*; its owner commits. *vault* opens what is sealed."""
        self._session = session
        self._vault = vault
        # What an order lives by never changes: read with its state, it need not be read again.
        self._read: dict[str, Row[Any]] = {}

    async def open(self, record: OrderRecord) -> OrderRecord:
        """Write the order and its row of money, or return the ones that are there."""
        order = {
            "order": record.order,
            "buyer": record.buyer,
            "seller": record.seller,
            "currency": record.currency,
            "total": record.total,
            "ship_to": record.ship_to,
            "lines": [dict(line) for line in record.lines],
            "terms": records.TERMS.dump_python(record.terms, mode="json"),
            "placed_at": record.placed_at,
            "purchase": record.purchase,
        }
        agreed = {"commission": record.terms.commission, "settles_in": record.terms.settles_in}
        written = await self._session.run(_OPENING, order | agreed)
        if written.scalar_one_or_none() is None:
            return await self.get(record.order)
        return record

    async def get(self, order: str) -> OrderRecord:
        """What the order lives by. Unknown: `NotKnown`."""
        row = self._read.get(order)
        if row is None:
            row = (await self._session.run(_ORDER, {"of": order})).one_or_none()
        if row is None:
            raise NotKnown(f"there is no order {order}", order=order)
        return records.order_record(row)

    async def state(self, order: str) -> OrderState | None:
        """The state that the view shows."""
        row = (await self._session.run(_STATE, {"of": order})).one_or_none()
        if row is None:
            return None
        if row.order is not None:  # One that was not accepted is shown, and lives by nothing.
            self._read[order] = row
        return records.ORDER_STATE.validate_python(row.state)

    async def declare(self, parcel: ParcelRecord) -> None:
        """Take the number, once for all orders; another that never came to be watched is let go."""
        declared = {
            "parcel": parcel.parcel,
            "order": parcel.order,
            "carrier": parcel.carrier,
            "number": parcel.number,
            "tracker": "",
            "milestone": "declared",
            "is_watched": True,
            "declared_at": parcel.declared_at,
            "looked_at": parcel.declared_at,
        }
        if (await self._session.run(_DECLARING, declared)).scalar_one_or_none() is not None:
            return
        await self._session.run(_UNUSED, {"named": parcel.parcel, "but_number": parcel.number})
        await self._session.run(_DECLARING, declared)
        number = {"by": parcel.carrier, "numbered": parcel.number}
        found = await self._session.run(_NUMBERED, number)
        if found.scalar_one_or_none() != parcel.parcel:
            raise _in_use(parcel.carrier, parcel.number)

    async def undeclare(self, parcel: str) -> None:
        """Give the number free; a parcel that is watched already stays."""
        await self._session.execute(
            delete(ParcelRow).where(col(ParcelRow.parcel) == parcel, col(ParcelRow.tracker) == "")
        )

    async def watched(self, parcel: str, tracker: str) -> None:
        """Remember the tracking provider's reference."""
        await self._session.run(_WATCHED, {"named": parcel, "tracked_as": tracker})

    async def unwatched(self, order: str, parcel: str = "") -> None:
        """Leave the order's parcels, or the one named, out of the sweep."""
        if parcel:
            await self._session.run(_ONE_UNWATCHED, {"named": f"{order}/{parcel}"})
        else:
            await self._session.run(_ALL_UNWATCHED, {"of": order})

    async def must_be_free(self, carrier: str, number: str, parcel: str) -> None:
        """Refuse a number that another parcel has."""
        taken = exists().where(
            col(ParcelRow.carrier) == carrier,
            col(ParcelRow.number) == number,
            col(ParcelRow.parcel) != parcel,
        )
        if (await self._session.execute(select(taken))).scalar_one():
            raise _in_use(carrier, number)

    async def renumber(self, parcel: str, number: str, tracker: str) -> None:
        """Give the parcel its right number; the constraint decides between two at once."""
        row = await self._session.get_one(ParcelRow, parcel, with_for_update=True)
        carrier, row.number, row.tracker = row.carrier, number, tracker
        try:
            await self._session.flush()
        except IntegrityError:
            raise _in_use(carrier, number) from None

    async def scans(self, order: str) -> Mapping[str, LastScan]:
        """The newest standing scan of each parcel, with the oldest one's time."""
        found = await self._session.run(_SCANNED, {"of": order})
        return {row[0].removeprefix(f"{order}/"): LastScan(*row[1:]) for row in found.all()}

    async def city(self, order: str) -> str:
        """Opened with the buyer's key; nothing of a buyer who was forgotten."""
        row = await self._session.get(Particulars, order_workflow_id(order))
        if row is None or self._vault is None:
            return ""
        try:
            told = json.loads(await self._vault.open(row.person, row.sealed))
        except Erased:
            return ""
        return str(told.get("city") or "")

    async def readdress(self, order: str, draft: str) -> None:
        """Move the draft's words to the order. A repeat finds no draft and changes nothing."""
        new = await self._session.get(Particulars, draft, with_for_update=True)
        if new is None:
            return
        subject = order_workflow_id(order)
        old = await self._session.get(Particulars, subject)
        if old is None:
            self._session.add(Particulars(subject=subject, person=new.person, sealed=new.sealed))
        else:
            old.person, old.sealed = new.person, new.sealed
        await self._session.delete(new)
        await self._session.flush()


def _in_use(carrier: str, number: str) -> TrackingInUse:
    return TrackingInUse(f"number {number} of {carrier} belongs to another parcel", carrier=carrier)


class SqlSellers:
    """Keeps `persistence.port.Sellers` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Read through *session*."""
        self._session = session

    async def get(self, seller: str, *, is_steady: bool = False) -> SellerRecord:
        """The seller as they stand now; steady: and will until the transaction ends."""
        wanted = _STEADY_SELLER if is_steady else _SELLER
        row = (await self._session.run(wanted, {"of": seller})).one_or_none()
        if row is None:
            raise NotKnown(f"there is no seller {seller}; register it first", seller=seller)
        return records.seller_record(row)

    async def mark_non_fulfilment(self, seller: str) -> None:
        """Count one order that was paid for and not shipped."""
        await self._session.execute(
            update(Seller)
            .where(col(Seller.seller) == seller)
            .values(non_fulfilments=col(Seller.non_fulfilments) + 1)
        )

    async def refuse_details(self, seller: str, account: str) -> None:
        """Remember the account: nothing is sent there before somebody has looked into it."""
        await self._session.execute(
            update(Seller).where(col(Seller.seller) == seller).values(refused_account=account)
        )

    async def policy(self, name: str, version: int | None = None) -> Policy:
        """The named version, or the newest."""
        found = await self._session.run(_POLICY, {"named": name, "versioned": version})
        row = found.one_or_none()
        if row is None:
            raise NotKnown(f"there is no published policy {name}", policy=name)
        document, published, holidays = row
        return _policy(json.dumps(document), name, published, tuple(holidays))

    async def payable(
        self, as_of: datetime, after: tuple[str, str], limit: int, policy: str = ""
    ) -> Sequence[tuple[str, str, int]]:
        """Whoever has earned, by entries effective up to *as_of*, at least their policy's minimum.

        What is below it stays payable without a payout that would only say so.
        """
        owner, currency = col(LegRow.owner), col(LegRow.currency)
        seller: Label[str] = owner.label("seller")
        code: Label[str] = currency.label("currency")
        total = -func.sum(col(LegRow.amount))
        balance = (
            select(seller, code, total.label("amount"))
            .where(
                col(LegRow.kind) == str(AccountKind.PAYABLE),
                col(LegRow.effective_at) <= as_of,
                tuple_(owner, currency) > after,
            )
            .group_by(owner, currency)
            .having(total > 0)
            .subquery()
        )
        found = await self._session.execute(
            select(balance)
            .join(Seller, col(Seller.seller) == balance.c.seller)
            .where(
                balance.c.amount >= func.coalesce(_minimum_payout(balance.c.currency), 0),
                *([col(Seller.policy) == policy] if policy else ()),
            )
            .order_by(balance.c.seller, balance.c.currency)
            .limit(limit)
        )
        return [(row[0], row[1], int(row[2])) for row in found.all()]


def _minimum_payout(currency: ColumnElement[str]) -> ScalarSelect[int]:
    """What the newest version of a seller's policy pays out at least, in minor units."""
    path = ("currencies", currency, "minimum_payout")
    minimum = func.jsonb_extract_path_text(col(PolicyRow.document), *path)
    return (
        select(cast(minimum, BigInteger))
        .where(col(PolicyRow.name) == col(Seller.policy))
        .order_by(col(PolicyRow.version).desc())
        .limit(1)
        .correlate_except(PolicyRow)
        .scalar_subquery()
    )


@lru_cache(maxsize=64)
def _policy(document: str, name: str, version: int, holidays: tuple[str, ...]) -> Policy:
    """A published version never changes: the same document is the same policy."""
    return from_document(json.loads(document), name, version, holidays)
