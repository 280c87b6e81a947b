"""Transactions over PostgreSQL, as `persistence.port.Database` promises them."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from persistence.carriage.labels import SqlLabels
from persistence.chargebacks.store import SqlChargebacks
from persistence.disputes.store import SqlDisputes
from persistence.engine import looking
from persistence.funds import SqlFunds
from persistence.ledger import SqlLedger
from persistence.orders import SqlOrders, SqlSellers
from persistence.purchases import SqlPurchases
from persistence.rates import SqlRates
from persistence.repayments import SqlRepayments
from persistence.session import Session
from persistence.story import SqlStory
from persistence.vault import Vault


class SqlTransaction:
    """One open transaction, by what it is about."""

    def __init__(self, db: AsyncConnection, vault: Vault | None = None) -> None:
        """Everything goes through *db*, whose owner commits. *vault* opens what is sealed."""
        session = Session(db)
        self.ledger = SqlLedger(session)
        self.funds = SqlFunds(session)
        self.orders = SqlOrders(session, vault)
        self.sellers = SqlSellers(session)
        self.story = SqlStory(session)
        self.rates = SqlRates(session)
        self.purchases = SqlPurchases(session)
        self.labels = SqlLabels(session)
        self.disputes = SqlDisputes(session)
        self.chargebacks = SqlChargebacks(session)
        self.repayments = SqlRepayments(session)


@asynccontextmanager
async def inside(db: AsyncConnection) -> AsyncGenerator[SqlTransaction]:
    """The same within a transaction that is open on *db* already; its owner commits."""
    async with db.begin_nested():
        yield SqlTransaction(db)


@asynccontextmanager
async def looked_at(
    engine: AsyncEngine, vault: Vault | None = None
) -> AsyncGenerator[SqlTransaction]:
    """The same for who only looks: no transaction holds what is read together."""
    async with looking(engine) as db:
        yield SqlTransaction(db, vault)


class SqlDatabase:
    """Where transactions come from."""

    def __init__(self, engine: AsyncEngine, vault: Vault | None = None) -> None:
        """Open transactions on *engine*; its owner closes it. *vault* opens what is sealed."""
        self.engine: Final = engine
        self._vault = vault

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[SqlTransaction]:
        """Committed when the block ends, rolled back when it raises."""
        async with self.engine.begin() as db:
            yield SqlTransaction(db, self._vault)

    def looking(self) -> AbstractAsyncContextManager[SqlTransaction]:
        """For who only looks: there is no `BEGIN` and no `COMMIT` to wait for."""
        return looked_at(self.engine, self._vault)
