"""The log of what people decided: only ever added to, read here in the order it was written."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from persistence.engine import looking
from persistence.tables.disputes import AuditEntry

_AT_ONCE: Final = 500


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; None asks for all. `since` is in, `until` is not."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        same = {"subject": self.subject, "actor": self.actor, "action": self.action}
        wanted = [
            col(getattr(AuditEntry, name)) == value
            for name, value in same.items()
            if value is not None
        ]
        if self.since is not None:
            wanted.append(col(AuditEntry.at) >= self.since)
        if self.until is not None:
            wanted.append(col(AuditEntry.at) < self.until)
        return wanted


@dataclass(frozen=True)
class Entry:
    """Who did what about what, and why."""

    seq: int
    subject: str
    version: int
    action: str
    actor: str
    at: datetime
    why: str
    facts: dict[str, Any]


async def entries(
    db: AsyncConnection, wanted: AuditFilter, after: int | None, limit: int
) -> Sequence[Entry]:
    """Some of them, the oldest first, after a mark."""
    columns = [col(getattr(AuditEntry, name)) for name in Entry.__dataclass_fields__]
    query = select(*columns).where(col(AuditEntry.seq) > (after or 0), *wanted.conditions())
    found = await db.execute(query.order_by(col(AuditEntry.seq)).limit(limit))
    return [Entry(*row) for row in found.all()]


async def every(engine: AsyncEngine, wanted: AuditFilter) -> AsyncGenerator[Entry]:
    """All of them, read in parts: however long the log is, little of it is held at a time."""
    after = 0
    while True:
        async with looking(engine) as db:
            part = await entries(db, wanted, after, _AT_ONCE)
        for entry in part:
            yield entry
        if len(part) < _AT_ONCE:
            return
        after = part[-1].seq


def adding(entry: Entry) -> Insert:
    """The statement that writes an entry, once per version and action; its number is the log's."""
    values = {name: value for name, value in vars(entry).items() if name != "seq"}
    return insert(AuditEntry).values(**values).on_conflict_do_nothing()
