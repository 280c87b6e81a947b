"""Endpoints of outgoing webhooks and their secrets, as they are registered and changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import NotKnown, VersionConflict
from persistence import waiting
from persistence.tables.business import Alarm
from persistence.tables.webhooks import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)

DISABLED: Final = "webhook.disabled"
_LOCK: Final = 3


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it stands; `owner` is the seller whose own it sees, "" for all."""

    id: str
    version: int
    owner: str
    url: str
    description: str
    kinds: Sequence[str]
    is_enabled: bool
    disabled_because: str
    failing_since: datetime | None
    created_by: str
    created_at: datetime
    seq: int = 0


@dataclass(frozen=True)
class Sealed:
    """One secret of an endpoint, sealed under the endpoint's own key."""

    number: int
    sealed: bytes
    valid_until: datetime | None


_COLUMNS: Final = tuple(col(getattr(WebhookEndpoint, n)) for n in Endpoint.__dataclass_fields__)


def subject_of(endpoint: str) -> str:
    """How an endpoint is named in records; its secrets' key in the vault, too."""
    return f"webhook-endpoint/{endpoint}"


async def add(db: AsyncConnection, endpoint: Endpoint) -> None:
    """Put a new endpoint on record."""
    values = {name: getattr(endpoint, name) for name in Endpoint.__dataclass_fields__}
    del values["seq"]
    await db.execute(insert(WebhookEndpoint).values(values | {"kinds": list(endpoint.kinds)}))


async def count(db: AsyncConnection, owner: str) -> int:
    """How many endpoints an owner has; nobody else adds one until the transaction ends."""
    locked = text("SELECT pg_advisory_xact_lock(:kind, hashtext(:owner))")
    await db.execute(locked, {"kind": _LOCK, "owner": owner})
    query = select(func.count()).where(col(WebhookEndpoint.owner) == owner)
    return int((await db.execute(query)).scalar_one())


async def found(db: AsyncConnection, name: str, owner: str | None = None) -> Endpoint:
    """An endpoint (of *owner*; None sees all). All others do not exist: `NotKnown`."""
    query = select(*_COLUMNS).where(col(WebhookEndpoint.id) == name, *_of(owner))
    row = (await db.execute(query)).one_or_none()
    if row is None:
        raise NotKnown(f"there is no webhook endpoint {name}", endpoint=name)
    return Endpoint(*row)


async def listed(
    db: AsyncConnection, owner: str | None, before: int | None, limit: int
) -> list[Endpoint]:
    """Endpoints (of *owner*), the newest first."""
    query = select(*_COLUMNS).where(*_of(owner))
    if before is not None:
        query = query.where(col(WebhookEndpoint.seq) < before)
    rows = await db.execute(query.order_by(col(WebhookEndpoint.seq).desc()).limit(limit))
    return [Endpoint(*row) for row in rows]


async def change(db: AsyncConnection, name: str, version: int, values: dict[str, Any]) -> None:
    """Change an endpoint that still is as its reader saw it. Raises `VersionConflict`."""
    written = await db.execute(
        update(WebhookEndpoint)
        .where(col(WebhookEndpoint.id) == name, col(WebhookEndpoint.version) == version)
        .values(version=version + 1, **values)
        .returning(col(WebhookEndpoint.id))
    )
    if written.scalar_one_or_none() is None:
        raise VersionConflict(
            f"webhook endpoint {name} has changed since: read it again", endpoint=name
        )


async def remove(db: AsyncConnection, name: str) -> None:
    """Forget an endpoint, its secrets and what it was told."""
    told = select(col(WebhookDelivery.seq)).where(col(WebhookDelivery.endpoint) == name)
    await db.execute(delete(WebhookAttempt).where(col(WebhookAttempt.delivery).in_(told)))
    await db.execute(delete(WebhookDelivery).where(col(WebhookDelivery.endpoint) == name))
    await db.execute(delete(WebhookSecret).where(col(WebhookSecret.endpoint) == name))
    await db.execute(delete(WebhookEndpoint).where(col(WebhookEndpoint.id) == name))
    await cleared(db, name)


async def disable(db: AsyncConnection, name: str, because: str, detail: str) -> None:
    """Tell an endpoint nothing more, skip what waits for it, and raise an alarm.

    For what nobody asked for; *because* is the short word for it.
    """
    written = await db.execute(
        update(WebhookEndpoint)
        .where(col(WebhookEndpoint.id) == name, col(WebhookEndpoint.is_enabled))
        .values(
            is_enabled=False, disabled_because=because, version=col(WebhookEndpoint.version) + 1
        )
        .returning(col(WebhookEndpoint.id))
    )
    if written.scalar_one_or_none() is None:
        return
    await skip(db, name)
    await waiting.alarm(
        db, DISABLED, subject_of(name), f"it was disabled: {detail}", {"because": because}
    )


async def skip(db: AsyncConnection, name: str) -> None:
    """What waits for an endpoint is not delivered."""
    await db.execute(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.endpoint) == name, col(WebhookDelivery.state) == waiting.WAITING)
        .values(state="skipped")
    )


async def cleared(db: AsyncConnection, name: str) -> None:
    """The alarm that an endpoint was disabled is over."""
    await db.execute(
        update(Alarm)
        .where(
            col(Alarm.kind) == DISABLED,
            col(Alarm.subject) == subject_of(name),
            col(Alarm.cleared_at).is_(None),
        )
        .values(cleared_at=func.now())
    )


async def add_secret(db: AsyncConnection, name: str, sealed: bytes, keep: timedelta) -> int:
    """Sign with another secret; the one before stays valid for *keep*. Returns its number."""
    mine = col(WebhookSecret.endpoint) == name
    last = (await db.execute(select(func.max(col(WebhookSecret.number))).where(mine))).scalar_one()
    number = (last or 0) + 1
    await db.execute(
        update(WebhookSecret)
        .where(mine, col(WebhookSecret.valid_until).is_(None))
        .values(valid_until=func.now() + keep)
    )
    await db.execute(insert(WebhookSecret).values(endpoint=name, number=number, sealed=sealed))
    await db.execute(delete(WebhookSecret).where(mine, col(WebhookSecret.valid_until) < func.now()))
    return number


async def secrets(db: AsyncConnection, name: str) -> list[Sealed]:
    """The secrets that are valid now, the newest first."""
    until = col(WebhookSecret.valid_until)
    query = (
        select(col(WebhookSecret.number), col(WebhookSecret.sealed), until)
        .where(col(WebhookSecret.endpoint) == name, or_(until.is_(None), until > func.now()))
        .order_by(col(WebhookSecret.number).desc())
    )
    return [Sealed(*row) for row in await db.execute(query)]


async def new_secret(
    db: AsyncConnection, name: str, number: int, within: timedelta
) -> bytes | None:
    """One secret, if it was made not longer ago than *within*."""
    query = select(col(WebhookSecret.sealed)).where(
        col(WebhookSecret.endpoint) == name,
        col(WebhookSecret.number) == number,
        col(WebhookSecret.made_at) > func.now() - within,
    )
    return (await db.execute(query)).scalar_one_or_none()


def _of(owner: str | None) -> list[ColumnElement[bool]]:
    return [] if owner is None else [col(WebhookEndpoint.owner) == owner]
