"""What inbox and outbox have in common: rows that wait, are taken, and are done with.

Rows of one line are taken in the order of their `seq`: while an earlier one waits, nobody takes
a later one. A line is a subject's letters, or what one provider told of a subject: a carrier that
cannot be asked about a parcel keeps back no warning that the money must be frozen. Taking a row
moves its `due_at` ahead, so that nobody else has it meanwhile; a taker that is killed never gives
it back, it comes due by itself.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlmodel import col

from persistence.tables.business import Alarm
from persistence.tables.traffic import Fact, Notice

WAITING: Final = "waiting"
DONE: Final = "done"
PARKED: Final = "parked"
# Parked, and somebody has decided that it stays so.
GIVEN_UP: Final = "given_up"
# With half a minute between tries at most, what has been tried so often has waited for an hour.
LATE_AFTER: Final = 120
# One alarm for all that waits in a table: an outage of an hour concerns every subject alike.
LATE: Final = "delivery_late"

Table = type[Fact] | type[Notice]


async def take(
    db: AsyncConnection, table: Table, limit: int, lease: timedelta, subject: str | None = None
) -> list[int]:
    """Take the first row of at most *limit* lines; returns their `seq`, oldest first.

    With *subject* only that one's.
    """
    earlier = aliased(table)
    line = ("subject", "provider") if table is Fact else ("subject",)
    due = select(col(table.seq)).where(
        col(table.state) == WAITING,
        col(table.due_at) <= func.now(),
        ~exists().where(
            *(col(getattr(earlier, name)) == col(getattr(table, name)) for name in line),
            col(earlier.state) == WAITING,
            col(earlier.seq) < col(table.seq),
        ),
    )
    if subject is not None:
        due = due.where(col(table.subject) == subject)
    due = due.order_by(col(table.seq)).limit(limit).with_for_update(skip_locked=True)
    taken = await db.execute(
        update(table)
        .where(col(table.seq).in_(due), col(table.state) == WAITING)
        .values(due_at=func.now() + lease)
        .returning(col(table.seq))
    )
    return sorted(seq or 0 for seq in taken.scalars())


async def done(db: AsyncConnection, table: Table, seq: int, state: str = DONE) -> None:
    """The row has been delivered, or need not be; *state* says which."""
    settled = await db.execute(
        update(table)
        .where(col(table.seq) == seq, col(table.state) == WAITING)
        .values(state=state, last_error="")
        .returning(col(table.attempts))
    )
    await settled_after(db, table, settled.scalar_one_or_none() or 0)


async def put_off(
    db: AsyncConnection,
    table: Table,
    seq: int,
    error: str,
    wait: timedelta,
    *,
    is_defect: bool = False,
) -> None:
    """It could not be delivered now; somebody tries again after *wait*."""
    failed = await db.execute(
        update(table)
        .where(col(table.seq) == seq, col(table.state) == WAITING)
        .values(
            **failed_once_more(table, is_defect=is_defect),
            last_error=error,
            due_at=func.now() + wait,
        )
        .returning(col(table.attempts))
    )
    await kept_waiting(db, table, failed.scalar_one_or_none() or 0, error)


async def park(
    db: AsyncConnection,
    table: Table,
    seq: int,
    *,
    error: str,
    kind: str,
    subject: str,
    facts: Mapping[str, Any],
) -> None:
    """Give the row up and raise an alarm; what waits behind it goes on."""
    given_up = await db.execute(
        update(table)
        .where(col(table.seq) == seq, col(table.state) == WAITING)
        .values(state=PARKED, **failed_once_more(table, is_defect=True), last_error=error)
        .returning(col(table.attempts))
    )
    await alarm(db, kind, subject, f"cannot be delivered: {error}", facts)
    await settled_after(db, table, given_up.scalar_one_or_none() or 0)


def failed_once_more(table: type[Any], *, is_defect: bool) -> dict[str, Any]:
    """The counts of a row after one more failure; an outage is no defect of ours."""
    counted = ("attempts", "defects") if is_defect else ("attempts",)
    return {name: col(getattr(table, name)) + 1 for name in counted}


async def kept_waiting(db: AsyncConnection, table: type[Any], attempts: int, error: str) -> None:
    """Raise an alarm if a row has waited for long by now: no outage gives it up."""
    if attempts >= LATE_AFTER:
        words = f"something in {table.__tablename__} has waited for an hour: {error}"
        await alarm(db, LATE, _whole(table), words, {"last_error": error})


async def settled_after(db: AsyncConnection, table: type[Any], attempts: int) -> None:
    """A row waits no more that was tried so often: the alarm is over with the last that was late.

    The alarm is locked before the others are looked at: of two that end at once, one sees both.
    """
    if attempts < LATE_AFTER:
        return
    is_open = (
        col(Alarm.kind) == LATE,
        col(Alarm.subject) == _whole(table),
        col(Alarm.cleared_at).is_(None),
    )
    await db.execute(select(col(Alarm.id)).where(*is_open).with_for_update())
    others = exists().where(col(table.state) == WAITING, col(table.attempts) >= LATE_AFTER)
    await db.execute(update(Alarm).where(*is_open, ~others).values(cleared_at=func.now()))


def _whole(table: type[Any]) -> str:
    return f"relay/{table.__tablename__}"


async def alarm(
    db: AsyncConnection, kind: str, subject: str, detail: str, facts: Mapping[str, Any]
) -> None:
    """Raise an alarm unless it is open already."""
    await db.execute(
        insert(Alarm)
        .values(kind=kind, subject=subject, detail=detail, facts=dict(facts), raised_at=func.now())
        .on_conflict_do_nothing()
    )


async def pending(db: AsyncConnection, table: Table, subject: str | None = None) -> int:
    """How many rows wait (for *subject*)."""
    query = select(func.count()).select_from(table).where(col(table.state) == WAITING)
    if subject is not None:
        query = query.where(col(table.subject) == subject)
    return int((await db.execute(query)).scalar_one())
