"""Alarms closed by a person, and what they stopped let go again."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import structlog
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import IllegalTransition, NotKnown
from persistence import reading, waiting
from persistence.idempotency import REQUEST_PARKED
from persistence.reading import AlarmRow
from persistence.tables.business import Alarm
from persistence.tables.traffic import Fact, Notice, Request

# What each kind of alarm gave up: the table, and the column that names its subject.
_PARKED: Final[Mapping[str, tuple[type[Any], str]]] = MappingProxyType(
    {
        "fact.parked": (Fact, "subject"),
        "notice.parked": (Notice, "subject"),
        REQUEST_PARKED: (Request, "object"),
    }
)
log = structlog.get_logger(__name__)


async def clear(db: AsyncConnection, number: int, *, by: str, note: str, at: datetime) -> AlarmRow:
    """Close an alarm that is open; rows that were parked with it are given up for good.

    Raises `NotKnown` and `IllegalTransition`.
    """
    before = await reading.alarm(db, number)
    if before is None:
        raise NotKnown(f"there is no alarm {number}", alarm=number)
    await db.execute(
        update(Alarm)
        .where(col(Alarm.id) == number, col(Alarm.cleared_at).is_(None))
        .values(cleared_at=at, cleared_by=by, note=note)
    )
    if before.cleared_at is not None:
        raise IllegalTransition(f"alarm {number} was cleared before", alarm=number)
    if before.kind in _PARKED:
        # The next alarm of this subject is about others.
        await _now_are(db, before, {"state": waiting.GIVEN_UP})
    log.info("alarm.cleared", alarm=number, kind=before.kind, by=by)
    return await reading.alarm(db, number) or before


async def retry(db: AsyncConnection, number: int, *, by: str, note: str, at: datetime) -> AlarmRow:
    """Let every row that was given up about the alarm's subject go again, and close the alarm.

    Harmless if the reason was not mended: they are given up again, with a new alarm. Raises
    `NotKnown`, and `IllegalTransition` for an alarm that is closed or is not about such rows.
    """
    before = await reading.alarm(db, number)
    if before is None:
        raise NotKnown(f"there is no alarm {number}", alarm=number)
    if before.kind not in _PARKED:
        kinds = ", ".join(_PARKED)
        raise IllegalTransition(
            f"{before.kind} has given nothing up: only {kinds} have rows that can go again",
            kind=before.kind,
        )
    again = {"state": waiting.WAITING, "attempts": 0, "defects": 0, "due_at": func.now()}
    rows = await _now_are(db, before, again) if before.cleared_at is None else 0
    after = await clear(db, number, by=by, note=note, at=at)
    log.info("alarm.retried", alarm=number, kind=before.kind, by=by, rows=rows)
    return after


async def _now_are(db: AsyncConnection, alarm: AlarmRow, values: Mapping[str, Any]) -> int:
    """Change the rows that *alarm* speaks of; returns how many they were."""
    table, subject = _PARKED[alarm.kind]
    changed = await db.execute(
        update(table)
        .where(
            col(getattr(table, subject)) == alarm.subject,
            col(table.state) == waiting.PARKED,
        )
        .values(values)
        .returning(col(table.seq))
    )
    return len(changed.all())
