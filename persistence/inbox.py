"""Facts from providers: kept under their event id before they are acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import UnaryExpression, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from adapters.logistics.port import Scan
from domain.ids import (
    order_workflow_id,
    process_of_parcel,
    purchase_workflow_id,
    repayment_workflow_id,
)
from domain.shipment.milestones import Milestone
from persistence import waiting
from persistence.tables.business import (
    OrderRow,
    OrderViewRow,
    ParcelRow,
    PayoutRow,
    PolicyRow,
    RepaymentRow,
    ScanRow,
)
from persistence.tables.chargebacks import ChargebackRow
from persistence.tables.disputes import DisputeRow
from persistence.tables.purchases import PurchaseRow, PurchaseViewRow
from persistence.tables.traffic import Fact


@dataclass(frozen=True)
class Arrived:
    """One genuine message, as it is kept. `sealed` is its body under the key of `person`."""

    provider: str
    event_id: str
    kind: str
    subject: str
    reference: str
    occurred_at: datetime
    received_at: datetime
    person: str = ""
    sealed: bytes | None = None


@dataclass(frozen=True)
class Waiting:
    """One fact that is to be delivered."""

    seq: int
    provider: str
    event_id: str
    kind: str
    subject: str
    reference: str
    person: str
    received_at: datetime
    attempts: int
    defects: int


@dataclass
class Held:
    """What one provider told of one subject, in its order: ours alone `until` then.

    Nobody else takes them with the same instant, so it also says whose they are.
    """

    facts: list[Waiting]
    until: datetime


@dataclass(frozen=True)
class KnownParcel:
    """A parcel, and how far its process was told that it has come."""

    parcel: str
    order: str
    tracker: str
    milestone: str


_COLUMNS: Final[tuple[Any, ...]] = tuple(
    col(getattr(Fact, name)) for name in Waiting.__dataclass_fields__
)


async def keep(db: AsyncConnection, fact: Arrived, *, is_news: bool = True) -> bool:
    """Keep a fact; False if its event id is there. What is no news waits for nobody."""
    written = await db.execute(
        insert(Fact)
        .values(
            **vars(fact),
            state=waiting.WAITING if is_news else waiting.DONE,
            due_at=func.now(),
            attempts=0,
            last_error="",
        )
        .on_conflict_do_nothing()
        .returning(col(Fact.seq))
    )
    return written.scalar_one_or_none() is not None


async def take(
    db: AsyncConnection, limit: int, lease: timedelta, subject: str | None = None, most: int = 20
) -> list[Held]:
    """Take what waits in at most *limit* lines: of each its facts in order, *most* at a time.

    Whoever holds the first fact of a line holds the line, so the later ones come with it.
    """
    firsts = await waiting.take(db, Fact, limit, lease, subject)
    return [await _with_followers(db, first, most, lease) for first in firsts]


async def _with_followers(db: AsyncConnection, first: int, most: int, lease: timedelta) -> Held:
    line = tuple_(col(Fact.subject), col(Fact.provider))
    waits = (
        select(*_COLUMNS)
        .where(
            line.in_(select(col(Fact.subject), col(Fact.provider)).where(col(Fact.seq) == first)),
            col(Fact.state) == waiting.WAITING,
            col(Fact.seq) >= first,
        )
        .order_by(col(Fact.seq))
        .limit(most)
    )
    taken = [Waiting(*row) for row in await db.execute(waits)]
    until = await db.execute(
        update(Fact)
        .where(col(Fact.seq).in_([fact.seq for fact in taken]))
        .values(due_at=func.now() + lease)
        .returning(col(Fact.due_at))
    )
    return Held(taken, until.scalars().all()[0])


async def renew(db: AsyncConnection, held: Held, lease: timedelta) -> bool:
    """Hold what is left for another *lease*; False if somebody else has taken it since.

    Its rows are locked with that: who holds them does so to the end of the transaction.
    """
    again = await db.execute(
        update(Fact)
        .where(
            col(Fact.seq).in_([fact.seq for fact in held.facts]),
            col(Fact.state) == waiting.WAITING,
            col(Fact.due_at) == held.until,
        )
        .values(due_at=func.now() + lease)
        .returning(col(Fact.seq), col(Fact.due_at))
    )
    ours = again.all()
    if held.facts[0].seq not in {row.seq for row in ours}:
        return False
    held.until = ours[0].due_at
    return True


async def person_of(db: AsyncConnection, subject: str) -> str:
    """Whose message it is: a buyer's, or of a payout its seller's; "" if nobody's is known."""
    kind, _, name = subject.partition("/")
    if kind in {"order", "repayment"}:
        query = select(col(OrderRow.buyer)).where(col(OrderRow.order) == name)
    elif kind == "purchase":
        query = select(col(PurchaseRow.buyer)).where(col(PurchaseRow.purchase) == name)
    elif kind == "chargeback":
        query = select(col(ChargebackRow.buyer)).where(col(ChargebackRow.chargeback) == name)
    elif kind == "dispute":
        query = select(col(DisputeRow.buyer)).where(col(DisputeRow.dispute) == name)
    elif kind == "payout":
        query = select(col(PayoutRow.seller)).where(col(PayoutRow.payout) == name)
    else:
        return ""
    return (await db.execute(query)).scalar_one_or_none() or ""


async def paid_by(db: AsyncConnection, payment: str) -> str:
    """The process that *payment* (the provider's reference) is of: an order's or a purchase's."""
    shared = select(col(PurchaseViewRow.purchase)).where(col(PurchaseViewRow.intent) == payment)
    purchase = (await db.execute(shared.limit(1))).scalar_one_or_none()
    if purchase:
        return purchase_workflow_id(purchase)
    query = select(col(OrderViewRow.order)).where(col(OrderViewRow.intent) == payment).limit(1)
    order = (await db.execute(query)).scalar_one_or_none()
    if order:
        return order_workflow_id(order)
    again = select(col(RepaymentRow.order)).where(
        col(RepaymentRow.state)["intent"].as_string() == payment
    )
    order = (await db.execute(again.limit(1))).scalar_one_or_none()
    return repayment_workflow_id(order) if order else ""


async def paid_out_from(db: AsyncConnection, payout: str) -> str:
    """The seller's account at the provider that *payout* leaves by; "" if there is none."""
    account = col(PayoutRow.state)["account"].as_string()
    query = select(account).where(col(PayoutRow.payout) == payout)
    return (await db.execute(query)).scalar_one_or_none() or ""


async def parcel_of(
    db: AsyncConnection, reference: str, carrier: str = "", number: str = ""
) -> KnownParcel | None:
    """The parcel that a message is about: by its tracker, or by carrier and number."""
    by_number = (col(ParcelRow.carrier) == carrier) & (col(ParcelRow.number) == number)
    query = select(
        col(ParcelRow.parcel),
        col(ParcelRow.order),
        col(ParcelRow.tracker),
        col(ParcelRow.milestone),
    ).where(or_((col(ParcelRow.tracker) == reference) & (reference != ""), by_number))
    row = (await db.execute(query.limit(1))).one_or_none()
    return None if row is None else KnownParcel(*row)


async def keep_scans(
    db: AsyncConnection, parcel: str, scans: Sequence[Scan], received_at: datetime
) -> None:
    """Keep what the carrier says now. A scan that it says no longer is marked as withdrawn.

    The carrier's time stays as it was given, the time of its first receipt beside it. A time
    without a zone is read in the zone of the order's policy.
    """
    zone = await _zone_of(db, parcel) if any(not scan.has_zone for scan in scans) else UTC
    seen = [
        {
            "parcel": parcel,
            "milestone": str(scan.milestone),
            "at": scan.at if scan.has_zone else scan.at.replace(tzinfo=zone),
            "received_at": received_at,
            "message": scan.message,
            "city": scan.city,
            "country": scan.country,
            "is_withdrawn": False,
        }
        for scan in scans
    ]
    await db.execute(update(ScanRow).where(col(ScanRow.parcel) == parcel).values(is_withdrawn=True))
    if not seen:
        return
    new = insert(ScanRow)
    again = new.on_conflict_do_update(
        index_elements=["parcel", "milestone", "at", "message"],
        set_={"is_withdrawn": False, "city": new.excluded.city, "country": new.excluded.country},
    )
    await db.execute(again, seen)


async def _zone_of(db: AsyncConnection, parcel: str) -> tzinfo:
    """The zone of the policy that the parcel's order lives by; UTC where no policy is known."""
    label = col(OrderRow.terms)["policy"].astext
    query = (
        select(col(PolicyRow.document)["zone"].astext)
        .join(OrderRow, label == func.concat(col(PolicyRow.name), "/", col(PolicyRow.version)))
        .join(ParcelRow, col(ParcelRow.order) == col(OrderRow.order))
        .where(col(ParcelRow.parcel) == parcel)
    )
    name = (await db.execute(query)).scalar_one_or_none()
    return ZoneInfo(name) if name else UTC


async def standing(db: AsyncConnection, parcel: str) -> tuple[str, datetime | None]:
    """The milestone that the newest standing scan says, and when that scan was received."""
    query = (
        select(col(ScanRow.milestone), col(ScanRow.received_at))
        .where(col(ScanRow.parcel) == parcel, ~col(ScanRow.is_withdrawn))
        .order_by(*newest_first())
        .limit(1)
    )
    row = (await db.execute(query)).one_or_none()
    return (str(Milestone.DECLARED), None) if row is None else (row[0], row[1])


def newest_first() -> tuple[UnaryExpression[Any], ...]:
    """The order of scans: by the carriers' times, none of them later than its own receipt.

    A clock that runs ahead, or a time that is simply wrong, must not outrank what comes after it.
    """
    happened: Any = func.least(col(ScanRow.at), col(ScanRow.received_at))
    return happened.desc(), col(ScanRow.at).desc(), col(ScanRow.id).desc()


async def told(db: AsyncConnection, parcel: str, milestone: str, at: datetime) -> None:
    """The parcel's process knows how far it has come; the carrier was asked *at*."""
    await db.execute(
        update(ParcelRow)
        .where(col(ParcelRow.parcel) == parcel)
        .values(milestone=milestone, looked_at=func.greatest(col(ParcelRow.looked_at), at))
    )


_TELL_ORDERS: Final = text("""
    INSERT INTO inbox (provider, event_id, kind, subject, reference, person, occurred_at,
        received_at, state, due_at, attempts, last_error)
    SELECT 'caravan', 'standing/' || seller || '/' || cast(:version AS text) || '/' || "order",
        'seller.standing', 'order/' || "order", cast(:standing AS text), buyer,
        cast(:at AS timestamptz), cast(:at AS timestamptz), 'waiting', now(), 0, ''
    FROM order_views WHERE seller = :seller AND ended_at IS NULL
    ON CONFLICT DO NOTHING
""")


async def tell_orders(
    db: AsyncConnection, seller: str, standing: str, version: int, at: datetime
) -> int:
    """Put on record, for every open order of a seller, how the seller stands; how many it is."""
    values = {"seller": seller, "standing": standing, "version": str(version), "at": at}
    return (await db.execute(_TELL_ORDERS, values)).rowcount


def subject_of(parcel: KnownParcel) -> str:
    """The process that a parcel belongs to."""
    return process_of_parcel(parcel.parcel, parcel.order)
