"""Transactions over PostgreSQL, as `persistence.port.Database` promises them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from persistence.funds import SqlFunds
from persistence.ledger import SqlLedger
from persistence.orders import SqlOrders, SqlSellers
from persistence.story import SqlStory


class SqlTransaction:
    """One open transaction, by what it is about."""

    def __init__(self, session: AsyncSession) -> None:
        """Everything goes through *session*; its owner commits."""
        self.ledger = SqlLedger(session)
        self.funds = SqlFunds(session)
        self.orders = SqlOrders(session)
        self.sellers = SqlSellers(session)
        self.story = SqlStory(session)


class SqlDatabase:
    """Where transactions come from."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Open transactions on *engine*; its owner closes it."""
        self.engine: Final = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[SqlTransaction]:
        """Committed when the block ends, rolled back when it raises."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield SqlTransaction(session)
