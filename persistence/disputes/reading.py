"""Reading disputes for people; nothing here decides or writes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.dispute.state import DisputeState
from persistence import records
from persistence.tables.disputes import DisputeViewRow


@dataclass(frozen=True)
class DisputeFilter:
    """Which disputes to list; None asks for all, an assignee of "" for nobody's."""

    status: str | None = None
    reason: str | None = None
    order: str | None = None
    seller: str | None = None
    buyer: str | None = None
    assignee: str | None = None
    needs_attention: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        return [_column(name) == value for name, value in vars(self).items() if value is not None]


def _column(name: str) -> Any:  # noqa: ANN401 - any column's type
    """Of what is filtered by, the reason is in the state only."""
    if name == "reason":
        return col(DisputeViewRow.state)["reason"].astext
    return col(getattr(DisputeViewRow, name))


async def dispute(db: AsyncConnection, name: str) -> DisputeState | None:
    """A dispute's last written state, if it was opened."""
    query = select(col(DisputeViewRow.state)).where(col(DisputeViewRow.dispute) == name)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.DISPUTE_STATE.validate_python(state)


async def disputes(
    db: AsyncConnection, wanted: DisputeFilter, before: int | None, limit: int
) -> list[tuple[int, DisputeState]]:
    """Disputes with their marks, the newest first."""
    query = select(col(DisputeViewRow.seq), col(DisputeViewRow.state)).where(*wanted.conditions())
    if before is not None:
        query = query.where(col(DisputeViewRow.seq) < before)
    found = await db.execute(query.order_by(col(DisputeViewRow.seq).desc()).limit(limit))
    return [(seq or 0, records.DISPUTE_STATE.validate_python(state)) for seq, state in found.all()]


async def by_name(db: AsyncConnection, names: Collection[str]) -> dict[str, DisputeState]:
    """The last written states of several disputes; what there is not is left out."""
    query = select(col(DisputeViewRow.dispute), col(DisputeViewRow.state)).where(
        col(DisputeViewRow.dispute).in_(names)
    )
    found = (await db.execute(query)).all()
    return {name: records.DISPUTE_STATE.validate_python(state) for name, state in found}
