"""Deliveries of outgoing webhooks: written with the fact, taken in order, tried, logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy import update as change
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.errors import NotKnown
from domain.webhooks import EVERYTHING
from persistence.endpoints import Endpoint
from persistence.tables.business import OrderViewRow, PayoutRow
from persistence.tables.traffic import TimelineEntry
from persistence.tables.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from persistence.waiting import WAITING

DELIVERED: Final = "delivered"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
STATES: Final = (WAITING, DELIVERED, FAILED, SKIPPED)
MOST_AT_ONCE: Final = 10_000
_EVENT: Final = ("event", "subject", "version", "kind", "actor", "at", "facts")
_ATTEMPTS_SHOWN: Final = 50


@dataclass(frozen=True)
class Delivery:
    """One event for one endpoint, and how far it has come. `event` is its id for the receiver."""

    seq: int
    endpoint: str
    event: str
    subject: str
    version: int
    kind: str
    actor: str
    at: datetime
    facts: Mapping[str, Any]
    state: str
    queued_at: datetime
    due_at: datetime
    attempts: int
    last_status: int | None
    last_error: str
    delivered_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """How one attempt went: the status, or why there was none; *excerpt* is of what was said."""

    at: datetime
    status: int | None
    ms: int
    excerpt: str = ""
    error: str = ""


@dataclass(frozen=True)
class Sought:
    """Which deliveries of an endpoint to list; None asks for all."""

    state: str | None = None
    kind: str | None = None
    subject: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        return [
            col(getattr(WebhookDelivery, name)) == value
            for name, value in vars(self).items()
            if value is not None
        ]


_COLUMNS: Final = tuple(col(getattr(WebhookDelivery, n)) for n in Delivery.__dataclass_fields__)
_AGAIN: Final = {
    "state": WAITING,
    "attempts": 0,
    "last_error": "",
    "due_at": func.now(),
    "queued_at": func.now(),
}


async def add(
    db: AsyncConnection, endpoint: str, event: str, subject: str, kind: str, at: datetime
) -> Delivery:
    """Write an event for one endpoint alone."""
    made: Any = insert(WebhookDelivery).values(
        endpoint=endpoint,
        event=event,
        subject=subject,
        version=1,
        kind=kind,
        actor="",
        at=at,
        facts={},
    )
    return Delivery(*(await db.execute(made.returning(*_COLUMNS))).one())


async def take(
    db: AsyncConnection,
    limit: int,
    lease: timedelta,
    *,
    busy: Sequence[str] = (),
    per_endpoint: int,
    subject: str | None = None,
) -> list[Delivery]:
    """Take the first delivery of some lines; a line is one endpoint's events of one subject.

    At most *per_endpoint* of each, none for those that are *busy*: a slow one must leave room.
    """
    line = _first_in_line(busy, subject).subquery()
    first = select(line.c.seq).where(line.c.place <= per_endpoint).order_by(line.c.seq).limit(limit)
    due = (col(WebhookDelivery.state) == WAITING, col(WebhookDelivery.due_at) <= func.now())
    locked = (
        select(col(WebhookDelivery.seq))
        .where(col(WebhookDelivery.seq).in_(first), *due)
        .with_for_update(skip_locked=True)
    )
    leased: Any = (
        change(WebhookDelivery)
        .where(col(WebhookDelivery.seq).in_(locked), *due)
        .values(due_at=func.now() + lease)
    )
    taken = (await db.execute(leased.returning(*_COLUMNS))).all()
    return sorted((Delivery(*row) for row in taken), key=lambda one: one.seq)


def _first_in_line(busy: Sequence[str], subject: str | None) -> Select[int | None, Any]:
    earlier = aliased(WebhookDelivery)
    endpoint = col(WebhookDelivery.endpoint)
    place = func.row_number().over(partition_by=endpoint, order_by=col(WebhookDelivery.seq))
    query = (
        select(col(WebhookDelivery.seq), place.label("place"))
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == endpoint)
        .where(
            col(WebhookEndpoint.is_enabled),
            col(WebhookDelivery.state) == WAITING,
            col(WebhookDelivery.due_at) <= func.now(),
            endpoint.not_in(busy),
            ~exists().where(
                col(earlier.endpoint) == endpoint,
                col(earlier.subject) == col(WebhookDelivery.subject),
                col(earlier.state) == WAITING,
                col(earlier.seq) < col(WebhookDelivery.seq),
            ),
        )
    )
    return query if subject is None else query.where(col(WebhookDelivery.subject) == subject)


async def pending(db: AsyncConnection, subject: str | None = None) -> int:
    """How many deliveries wait (about *subject*)."""
    query = (
        select(func.count())
        .select_from(WebhookDelivery)
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint))
        .where(col(WebhookEndpoint.is_enabled), col(WebhookDelivery.state) == WAITING)
    )
    if subject is not None:
        query = query.where(col(WebhookDelivery.subject) == subject)
    return int((await db.execute(query)).scalar_one())


async def reached(db: AsyncConnection, delivery: Delivery, attempt: Attempt) -> None:
    """The receiver has it."""
    values = {"state": DELIVERED, "delivered_at": func.now(), "last_error": ""}
    await _tried(db, delivery, attempt, values)
    await db.execute(
        change(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.id) == delivery.endpoint,
            col(WebhookEndpoint.failing_since).is_not(None),
        )
        .values(failing_since=None)
    )


async def missed(
    db: AsyncConnection, delivery: Delivery, attempt: Attempt, wait: timedelta | None
) -> None:
    """The receiver does not have it: try again after *wait*, or never (None)."""
    values: dict[str, Any] = {"last_error": attempt.error}
    values |= {"state": FAILED} if wait is None else {"due_at": func.now() + wait}
    await _tried(db, delivery, attempt, values)
    await db.execute(
        change(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.id) == delivery.endpoint,
            col(WebhookEndpoint.failing_since).is_(None),
        )
        .values(failing_since=attempt.at)
    )


async def _tried(
    db: AsyncConnection, delivery: Delivery, attempt: Attempt, values: Mapping[str, Any]
) -> None:
    await db.execute(insert(WebhookAttempt).values(delivery=delivery.seq, **vars(attempt)))
    await db.execute(
        change(WebhookDelivery)
        .where(col(WebhookDelivery.seq) == delivery.seq, col(WebhookDelivery.state) == WAITING)
        .values(attempts=col(WebhookDelivery.attempts) + 1, last_status=attempt.status, **values)
    )


async def has_reached_since(db: AsyncConnection, delivery: Delivery) -> bool:
    """Whether anything has reached the endpoint since *delivery* was queued."""
    query = select(
        exists().where(
            col(WebhookDelivery.endpoint) == delivery.endpoint,
            col(WebhookDelivery.delivered_at) >= delivery.queued_at,
        )
    )
    return bool((await db.execute(query)).scalar_one())


async def listed(
    db: AsyncConnection, endpoint: str, sought: Sought, before: int | None, limit: int
) -> list[Delivery]:
    """What an endpoint was told, the newest first."""
    query = select(*_COLUMNS).where(col(WebhookDelivery.endpoint) == endpoint, *sought.conditions())
    if before is not None:
        query = query.where(col(WebhookDelivery.seq) < before)
    rows = await db.execute(query.order_by(col(WebhookDelivery.seq).desc()).limit(limit))
    return [Delivery(*row) for row in rows]


async def found(db: AsyncConnection, endpoint: str, number: int) -> Delivery:
    """One delivery of an endpoint. Unknown: `NotKnown`."""
    query = select(*_COLUMNS).where(
        col(WebhookDelivery.seq) == number, col(WebhookDelivery.endpoint) == endpoint
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        raise NotKnown(f"there is no delivery {number}", endpoint=endpoint, delivery=number)
    return Delivery(*row)


async def attempts(db: AsyncConnection, number: int) -> list[Attempt]:
    """How the latest attempts at a delivery went, the newest first."""
    columns = (col(getattr(WebhookAttempt, name)) for name in Attempt.__dataclass_fields__)
    query = select(*columns).where(col(WebhookAttempt.delivery) == number)
    rows = await db.execute(query.order_by(col(WebhookAttempt.id).desc()).limit(_ATTEMPTS_SHOWN))
    return [Attempt(*row) for row in rows]


async def again(db: AsyncConnection, number: int) -> None:
    """Deliver it once more, under the same id."""
    await db.execute(
        change(WebhookDelivery).where(col(WebhookDelivery.seq) == number).values(**_AGAIN)
    )


async def replay(
    db: AsyncConnection, endpoint: Endpoint, since: datetime, limit: int = MOST_AT_ONCE
) -> tuple[int, datetime | None]:
    """Queue everything since an instant that the endpoint hears of, also what it missed.

    Returns how much, and where it was cut off (None: nowhere): go on from there.
    """
    entry = TimelineEntry
    events = (
        select(
            literal(endpoint.id),
            func.concat("evt_", col(entry.seq)),
            *(col(getattr(entry, name)) for name in _EVENT[1:]),
        )
        .where(col(entry.at) >= since, _asked_for(endpoint), *_its_own(endpoint.owner))
        .order_by(col(entry.at), col(entry.seq))
        .limit(limit)
    )
    queued = insert(WebhookDelivery).from_select(["endpoint", *_EVENT], events)
    written = await db.execute(
        queued.on_conflict_do_update(index_elements=["endpoint", "event"], set_=_AGAIN).returning(
            col(WebhookDelivery.at)
        )
    )
    times = sorted(written.scalars())
    return len(times), times[-1] if len(times) == limit else None


def _asked_for(endpoint: Endpoint) -> ColumnElement[bool]:
    kind = col(TimelineEntry.kind)
    family = func.concat(func.split_part(kind, ".", 1), ".*")
    wanted = list(endpoint.kinds)
    return or_(literal(EVERYTHING in wanted), kind.in_(wanted), family.in_(wanted))


def _its_own(seller: str) -> list[ColumnElement[bool]]:
    if not seller:
        return []
    orders = select(func.concat("order/", col(OrderViewRow.order))).where(
        col(OrderViewRow.seller) == seller
    )
    payouts = select(func.concat("payout/", col(PayoutRow.payout))).where(
        col(PayoutRow.seller) == seller
    )
    subject = col(TimelineEntry.subject)
    is_store = subject == f"seller/{seller}"
    return [or_(is_store, subject.in_(orders), subject.in_(payouts))]


async def prune(db: AsyncConnection, older_than: timedelta, limit: int = MOST_AT_ONCE) -> int:
    """Forget what was settled, or lost its endpoint, long ago; returns how much."""
    is_told = exists().where(col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint))
    old = (
        select(col(WebhookDelivery.seq))
        .where(
            or_(col(WebhookDelivery.state) != WAITING, ~is_told),
            col(WebhookDelivery.queued_at) < func.now() - older_than,
        )
        .limit(limit)
    )
    gone = await db.execute(
        delete(WebhookDelivery)
        .where(col(WebhookDelivery.seq).in_(old))
        .returning(col(WebhookDelivery.seq))
    )
    numbers = list(gone.scalars())
    await db.execute(delete(WebhookAttempt).where(col(WebhookAttempt.delivery).in_(numbers)))
    return len(numbers)
