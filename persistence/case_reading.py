"""What a case's page shows besides its view: its money as locked, its holds, its newest entry."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.order.money import OrderFunds
from persistence.tables.business import OrderRow
from persistence.tables.ledger import Hold, OrderMoney
from persistence.tables.traffic import TimelineEntry


@dataclass(frozen=True)
class HoldRow:
    """A share of an order's money that is kept for a stated reason (minor units)."""

    hold: str
    amount: int
    reason: str
    since: datetime


async def newest(db: AsyncConnection, subject: str) -> int:
    """The number of the newest entry about *subject*, or about anything (""); 0 without one."""
    query = select(func.coalesce(func.max(col(TimelineEntry.seq)), 0))
    if subject:
        query = query.where(col(TimelineEntry.subject) == subject)
    return (await db.execute(query)).scalar_one() or 0


async def funds(db: AsyncConnection, order_name: str) -> OrderFunds | None:
    """An order's money, once it was opened."""
    return (await funds_of(db, [order_name])).get(order_name)


async def funds_of(db: AsyncConnection, orders: Collection[str]) -> dict[str, OrderFunds]:
    """The money of several orders, of those that were opened."""
    columns = [col(getattr(OrderMoney, name)) for name in OrderFunds.__dataclass_fields__]
    query = select(*columns).where(col(OrderMoney.order).in_(orders))
    found = [OrderFunds(*row) for row in (await db.execute(query)).all()]
    return {each.order: each for each in found}


async def lines(db: AsyncConnection, order_name: str) -> list[str]:
    """The names of an order's lines."""
    query = select(col(OrderRow.lines)).where(col(OrderRow.order) == order_name)
    found = (await db.execute(query)).scalar_one_or_none() or []
    return [str(line["line"]) for line in found]


async def open_holds(db: AsyncConnection, order_name: str) -> list[HoldRow]:
    """What keeps an order's money from being released now, the oldest first."""
    query = (
        select(col(Hold.key), col(Hold.amount), col(Hold.reason), col(Hold.effective_at))
        .where(col(Hold.order) == order_name, col(Hold.lifted_at).is_(None))
        .order_by(col(Hold.effective_at))
    )
    return [
        HoldRow(key.rpartition("/")[2], amount, reason, since)
        for key, amount, reason, since in (await db.execute(query)).all()
    ]
