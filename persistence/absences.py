"""Who of the staff is away, until when, and who has their work meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import IllegalTransition
from persistence.tables.casework import Absence as Row
from persistence.tables.casework import WorkItem
from persistence.tables.disputes import DisputeViewRow

_PEOPLE_LOCK: Final = 5


@dataclass(frozen=True)
class Absence:
    """Somebody is away ("support-agent:agent-1"); `cover` "" is the queue. Instants are UTC."""

    absence: int
    person: str
    cover: str
    why: str
    entered_by: str
    begins_at: datetime
    ends_at: datetime

    @property
    def name(self) -> str:
        """The id alone, as disputes know their judges."""
        return self.person.partition(":")[2]


_COLUMNS: Final[list[Any]] = [col(getattr(Row, name)) for name in Absence.__dataclass_fields__]


async def at(db: AsyncConnection, moment: datetime) -> list[Absence]:
    """Who is away at a moment, the first to be back first."""
    query = (
        select(*_COLUMNS)
        .where(col(Row.begins_at) <= moment, col(Row.ends_at) > moment)
        .order_by(col(Row.ends_at), col(Row.absence))
    )
    return [Absence(*row) for row in (await db.execute(query)).all()]


async def must_be_here(db: AsyncConnection, person: str, moment: datetime) -> None:
    """Refuse (`IllegalTransition`) to give work to somebody who is away.

    *person* is named with their role, or by their id alone.
    """
    for absence in await at(db, moment):
        if person in (absence.person, absence.name):
            cover = f"; {absence.cover} has their work" if absence.cover else ""
            raise IllegalTransition(
                f"{absence.person} is away until {absence.ends_at.isoformat()}{cover}",
                person=absence.person,
                until=absence.ends_at.isoformat(),
                cover=absence.cover,
            )


async def begin(db: AsyncConnection, new: Absence) -> Absence:
    """Put an absence on record, its number given here. Refuses one who is away already."""
    # Two that are entered at once are entered in turn: neither may cover for the other.
    await db.execute(select(func.pg_advisory_xact_lock(_PEOPLE_LOCK)))
    await must_be_here(db, new.person, new.begins_at)
    if new.cover:
        await must_be_here(db, new.cover, new.begins_at)
    values = {name: value for name, value in vars(new).items() if name != "absence"}
    made = await db.execute(insert(Row).values(**values).returning(col(Row.absence)))
    return replace(new, absence=made.scalar_one() or 0)


async def end(db: AsyncConnection, absence: int, moment: datetime) -> Absence | None:
    """Somebody is back; None where there is no such absence, or it is over."""
    here = (col(Row.absence) == absence, col(Row.ends_at) > moment)
    ended = await db.execute(
        update(Row).where(*here).values(ends_at=moment).returning(col(Row.absence))
    )
    return None if ended.scalar_one_or_none() is None else await found(db, absence)


async def found(db: AsyncConnection, absence: int) -> Absence | None:
    """An absence by its number."""
    row = (await db.execute(select(*_COLUMNS).where(col(Row.absence) == absence))).one_or_none()
    return None if row is None else Absence(*row)


async def hand_over(
    db: AsyncConnection, person: str, to: str, by: str, moment: datetime
) -> list[str]:
    """Give all that *person* has taken to somebody, or back (""); returns what it is about."""
    given = await db.execute(
        update(WorkItem)
        .where(col(WorkItem.assignee) == person)
        .values(assignee=to, assigned_by=by, assigned_at=moment, version=col(WorkItem.version) + 1)
        .returning(col(WorkItem.subject))
    )
    return sorted(given.scalars())


async def cases_of(db: AsyncConnection, name: str) -> Sequence[str]:
    """The disputes that are theirs and not over."""
    query = (
        select(col(DisputeViewRow.dispute))
        .where(col(DisputeViewRow.assignee) == name, col(DisputeViewRow.ended_at).is_(None))
        .order_by(col(DisputeViewRow.dispute))
    )
    return list((await db.execute(query)).scalars())
