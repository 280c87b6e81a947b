"""Alarms closed by a person."""

from datetime import datetime

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import IllegalTransition, NotKnown
from persistence import reading
from persistence.reading import AlarmRow
from persistence.tables.business import Alarm

log = structlog.get_logger(__name__)


async def clear(db: AsyncConnection, number: int, *, by: str, note: str, at: datetime) -> AlarmRow:
    """Close an alarm that is open. Raises `NotKnown` and `IllegalTransition`."""
    before = await reading.alarm(db, number)
    if before is None:
        raise NotKnown(f"there is no alarm {number}", alarm=number)
    await db.execute(
        update(Alarm)
        .where(col(Alarm.id) == number, col(Alarm.cleared_at).is_(None))
        .values(cleared_at=at)
    )
    if before.cleared_at is not None:
        raise IllegalTransition(f"alarm {number} was cleared before", alarm=number)
    log.info("alarm.cleared", alarm=number, kind=before.kind, by=by, note=note)
    return await reading.alarm(db, number) or before
