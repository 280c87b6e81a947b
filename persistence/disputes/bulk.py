"""Bulk rulings on record: what was decided, on which disputes, by which requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.dispute.bulk import Award, BorneBy, BulkRuling
from persistence.idempotency import WAITING
from persistence.tables.disputes import BulkCase, BulkRulingRow
from persistence.tables.traffic import Request

_REFUSED: Final = 400
_COLUMNS: Final[tuple[Any, ...]] = tuple(
    col(getattr(BulkRulingRow, name))
    for name in ("seq", "bulk", "award", "borne_by", "why", "ruled_by", "ruled_at")
)


@dataclass(frozen=True)
class Ruled:
    """A bulk ruling, who made it and when (UTC)."""

    ruling: BulkRuling
    ruled_by: str
    ruled_at: datetime


@dataclass(frozen=True)
class Case:
    """One of its disputes: the revision that was judged, and how its request was answered."""

    dispute: str
    revision: int
    request: str
    status: int | None
    detail: str

    @property
    def is_answered(self) -> bool:
        """Whether the dispute has heard of it."""
        return self.status is not None

    @property
    def is_refused(self) -> bool:
        """Whether the dispute did not take it."""
        return self.status is not None and self.status >= _REFUSED


async def put(db: AsyncConnection, made: Ruled, cases: Sequence[tuple[str, int, str]]) -> None:
    """Put a ruling on record, with the dispute, revision and request of each case."""
    ruling = made.ruling
    await db.execute(
        insert(BulkRulingRow).values(
            bulk=ruling.bulk,
            award=str(ruling.award),
            borne_by=str(ruling.borne_by),
            why=ruling.why,
            ruled_by=made.ruled_by,
            ruled_at=made.ruled_at,
        )
    )
    await db.execute(
        insert(BulkCase),
        [
            {"bulk": ruling.bulk, "dispute": dispute, "revision": revision, "request": request}
            for dispute, revision, request in cases
        ],
    )


async def found(db: AsyncConnection, bulk: str) -> Ruled | None:
    """A bulk ruling by its id."""
    made = [each for _, each in await _ruled(db, bulk, None, 1)]
    return made[0] if made else None


async def newest(db: AsyncConnection, before: int | None, limit: int) -> list[tuple[int, Ruled]]:
    """Bulk rulings with their marks, the newest first."""
    return await _ruled(db, None, before, limit)


async def _ruled(
    db: AsyncConnection, bulk: str | None, before: int | None, limit: int
) -> list[tuple[int, Ruled]]:
    query = select(*_COLUMNS)
    if bulk is not None:
        query = query.where(col(BulkRulingRow.bulk) == bulk)
    if before is not None:
        query = query.where(col(BulkRulingRow.seq) < before)
    rows = (await db.execute(query.order_by(col(BulkRulingRow.seq).desc()).limit(limit))).all()
    return [(row.seq, _made(row)) for row in rows]


def _made(row: Any) -> Ruled:  # noqa: ANN401 - a row of any columns
    ruling = BulkRuling(row.bulk, Award(row.award), BorneBy(row.borne_by), row.why)
    return Ruled(ruling, row.ruled_by, row.ruled_at)


async def cases_of(db: AsyncConnection, bulk: str) -> list[Case]:
    """The disputes that a ruling is about, by name."""
    query = (
        select(
            col(BulkCase.dispute),
            col(BulkCase.revision),
            col(BulkCase.request),
            col(Request.status),
            col(Request.answer),
        )
        .join(Request, col(Request.id) == col(BulkCase.request))
        .where(col(BulkCase.bulk) == bulk)
        .order_by(col(BulkCase.dispute))
    )
    return [
        Case(dispute, revision, request, status, str((answer or {}).get("detail", "")))
        for dispute, revision, request, status, answer in (await db.execute(query)).all()
    ]


async def waiting_for(db: AsyncConnection, command: str, subjects: Sequence[str]) -> set[str]:
    """Of these objects those that have still to hear a request of that command."""
    query = select(col(Request.object)).where(
        col(Request.object).in_(subjects),
        col(Request.command) == command,
        col(Request.state) == WAITING,
    )
    return set((await db.execute(query)).scalars())
