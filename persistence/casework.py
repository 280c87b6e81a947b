"""The queue in PostgreSQL: written with the views, read by due time, assigned by version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from domain.casework import MANNERS, Work
from domain.errors import LimitReached, NotKnown, VersionConflict
from persistence.tables.casework import SavedView, WorkItem

MOST_VIEWS: Final = 30
NOBODY: Final = ""


@dataclass(frozen=True)
class Item:
    """One thing that a person must do, as it stands in the queue."""

    subject: str
    kind: str
    roles: Sequence[str]
    since: datetime
    due_at: datetime
    seller: str
    currency: str
    amount: int
    why: str
    assignee: str
    assigned_by: str
    assigned_at: datetime | None
    version: int


@dataclass(frozen=True)
class Wanted:
    """Which work to list; None asks for all. `late_at`: what is overdue at that moment."""

    role: str | None = None
    assignee: str | None = None
    kind: str | None = None
    seller: str | None = None
    late_at: datetime | None = None
    sought: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        same = {"assignee": self.assignee, "kind": self.kind, "seller": self.seller}
        found = [
            col(getattr(WorkItem, name)) == value
            for name, value in same.items()
            if value is not None
        ]
        if self.role is not None:
            found.append(col(WorkItem.roles).contains([self.role]))
        if self.late_at is not None:
            found.append(col(WorkItem.due_at) < self.late_at)
        if self.sought:
            found.append(col(WorkItem.subject).contains(self.sought, autoescape=True))
        return found


@dataclass(frozen=True)
class Load:
    """How much one person has taken, and how much of it is overdue; "" is what nobody has."""

    assignee: str
    items: int
    overdue: int


Mark = tuple[datetime, str, str]
_ITEM: Final = tuple(col(getattr(WorkItem, name)) for name in Item.__dataclass_fields__)


async def add(session: AsyncSession, subject: str, work: Sequence[Work], seen_at: datetime) -> None:
    """Let the queue hold *work* of *subject*; who has taken what stays theirs."""
    for one in work:
        new = insert(WorkItem).values(
            subject=subject,
            kind=str(one.kind),
            roles=sorted(map(str, MANNERS[one.kind].roles)),
            since=one.since or seen_at,
            due_at=one.due(seen_at),
            seller=one.seller,
            currency=one.currency,
            amount=one.amount,
            why=one.why,
            assignee=NOBODY,
            assigned_by=NOBODY,
            version=1,
        )
        fresh = {"amount": new.excluded.amount, "why": new.excluded.why}
        if one.due_at is not None:
            fresh["due_at"] = new.excluded.due_at
        await session.execute(
            new.on_conflict_do_update(index_elements=["subject", "kind"], set_=fresh)
        )


async def items(db: AsyncConnection, wanted: Wanted, after: Mark | None, limit: int) -> list[Item]:
    """Work, the first to be due first."""
    order = (col(WorkItem.due_at), col(WorkItem.subject), col(WorkItem.kind))
    query = select(*_ITEM).where(*wanted.conditions())
    if after is not None:
        query = query.where(tuple_(*order) > after)
    return [Item(*row) for row in (await db.execute(query.order_by(*order).limit(limit))).all()]


async def of_subject(db: AsyncConnection, subject: str) -> list[Item]:
    """What one object needs of people."""
    query = select(*_ITEM).where(col(WorkItem.subject) == subject).order_by(col(WorkItem.due_at))
    return [Item(*row) for row in (await db.execute(query)).all()]


async def loads(db: AsyncConnection, wanted: Wanted, at: datetime) -> list[Load]:
    """How much of the work *wanted* each person has, those with the most overdue first."""
    late = func.count().filter(col(WorkItem.due_at) < at)
    query = (
        select(col(WorkItem.assignee), func.count(), late)
        .where(*wanted.conditions())
        .group_by(col(WorkItem.assignee))
        .order_by(late.desc(), func.count().desc(), col(WorkItem.assignee))
    )
    return [Load(*row) for row in (await db.execute(query)).all()]


async def assign(
    db: AsyncConnection, subject: str, kind: str, to: str, by: str, seen: int, at: datetime
) -> Item:
    """Give work to somebody, or back to nobody ("").

    Refuses work that is done (`NotKnown`), and that was given on since *seen*
    (`VersionConflict`).
    """
    here = (col(WorkItem.subject) == subject, col(WorkItem.kind) == kind)
    given = await db.execute(
        update(WorkItem)
        .where(*here, col(WorkItem.version) == seen)
        .values(assignee=to, assigned_by=by, assigned_at=at, version=seen + 1)
        .returning(col(WorkItem.version))
    )
    is_given = given.scalar_one_or_none() is not None
    row = (await db.execute(select(*_ITEM).where(*here))).one_or_none()
    if row is None:
        raise NotKnown(f"{subject} needs nobody for this any more", subject=subject, kind=kind)
    if not is_given:
        raise VersionConflict(f"{subject} was given to somebody since you looked", seen=seen)
    return Item(*row)


async def views(db: AsyncConnection, owner: str) -> list[tuple[str, str]]:
    """The saved views of one person: their names, and what each filters by."""
    query = (
        select(col(SavedView.name), col(SavedView.query))
        .where(col(SavedView.owner) == owner)
        .order_by(col(SavedView.name))
    )
    return [(name, query) for name, query in (await db.execute(query)).all()]


async def save_view(db: AsyncConnection, owner: str, name: str, query: str) -> None:
    """Keep a view under its name, instead of one that has it. Too many: `LimitReached`."""
    kept = [known for known, _ in await views(db, owner)]
    if name not in kept and len(kept) >= MOST_VIEWS:
        raise LimitReached("there are as many saved views as there may be", limit=MOST_VIEWS)
    new = insert(SavedView).values(owner=owner, name=name, query=query)
    await db.execute(
        new.on_conflict_do_update(
            index_elements=["owner", "name"], set_={"query": new.excluded.query}
        )
    )


async def forget_view(db: AsyncConnection, owner: str, name: str) -> None:
    """Keep a view no longer."""
    await db.execute(
        delete(SavedView).where(col(SavedView.owner) == owner, col(SavedView.name) == name)
    )
