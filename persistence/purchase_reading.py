"""Reading purchases for people; nothing here decides or writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.order.state import OrderState
from domain.purchase.state import PurchaseState
from persistence import records
from persistence.tables.business import OrderRow, OrderViewRow
from persistence.tables.purchases import PurchaseViewRow


@dataclass(frozen=True)
class PurchaseFilter:
    """Which purchases to list; None asks for all."""

    status: str | None = None
    buyer: str | None = None
    needs_attention: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.status is not None:
            found.append(col(PurchaseViewRow.status) == self.status)
        if self.buyer is not None:
            found.append(col(PurchaseViewRow.buyer) == self.buyer)
        if self.needs_attention is not None:
            found.append(col(PurchaseViewRow.needs_attention).is_(self.needs_attention))
        return found


async def purchase(db: AsyncConnection, name: str) -> PurchaseState | None:
    """A purchase's last written state, if it was opened."""
    query = select(col(PurchaseViewRow.state)).where(col(PurchaseViewRow.purchase) == name)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.PURCHASE_STATE.validate_python(state)


async def purchases(
    db: AsyncConnection, wanted: PurchaseFilter, before: int | None, limit: int
) -> list[tuple[int, PurchaseState]]:
    """Purchases with their marks, the newest first."""
    query = select(col(PurchaseViewRow.seq), col(PurchaseViewRow.state)).where(*wanted.conditions())
    if before is not None:
        query = query.where(col(PurchaseViewRow.seq) < before)
    found = await db.execute(query.order_by(col(PurchaseViewRow.seq).desc()).limit(limit))
    return [(seq or 0, records.PURCHASE_STATE.validate_python(state)) for seq, state in found.all()]


async def orders_of(db: AsyncConnection, state: PurchaseState) -> dict[str, OrderState]:
    """Its orders as they stand, by name; one whose process has not begun is not there."""
    names = [share.order for share in state.shares]
    query = select(col(OrderViewRow.order), col(OrderViewRow.state)).where(
        col(OrderViewRow.order).in_(names)
    )
    found = (await db.execute(query)).all()
    return {name: records.ORDER_STATE.validate_python(order) for name, order in found}


async def is_taken(db: AsyncConnection, orders: Sequence[str], but: str = "") -> bool:
    """Whether an order of one of these names is on record, except those of the purchase *but*."""
    query = select(
        exists().where(
            col(OrderRow.order).in_(orders),
            *([col(OrderRow.purchase) != but] if but else [col(OrderRow.purchase) != ""]),
        )
    )
    return bool((await db.execute(query)).scalar_one())
