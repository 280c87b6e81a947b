"""Reading chargebacks for people; nothing here decides or writes."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.chargeback.state import ChargebackState
from persistence import records
from persistence.tables.chargebacks import ChargebackOrder, ChargebackRow


@dataclass(frozen=True)
class ChargebackFilter:
    """Which chargebacks to list; None asks for all."""

    status: str | None = None
    order: str | None = None
    seller: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.status is not None:
            found.append(col(ChargebackRow.status) == self.status)
        for name in ("order", "seller"):
            value = getattr(self, name)
            if value is not None:
                found.append(
                    exists().where(
                        col(ChargebackOrder.chargeback) == col(ChargebackRow.chargeback),
                        col(getattr(ChargebackOrder, name)) == value,
                    )
                )
        return found


async def chargeback(db: AsyncConnection, name: str) -> ChargebackState | None:
    """A chargeback's last written state, if there is one."""
    query = select(col(ChargebackRow.state)).where(col(ChargebackRow.chargeback) == name)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.CHARGEBACK_STATE.validate_python(state)


async def chargebacks(
    db: AsyncConnection, wanted: ChargebackFilter, before: int | None, limit: int
) -> list[tuple[int, ChargebackState]]:
    """Chargebacks with their marks, the newest first."""
    query = select(col(ChargebackRow.seq), col(ChargebackRow.state)).where(*wanted.conditions())
    if before is not None:
        query = query.where(col(ChargebackRow.seq) < before)
    found = await db.execute(query.order_by(col(ChargebackRow.seq).desc()).limit(limit))
    return [(seq or 0, records.CHARGEBACK_STATE.validate_python(state)) for seq, state in found]
