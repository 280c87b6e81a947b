"""What a lost chargeback would do to an order's money: the step's own code, and no trace of it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.chargeback import charge, freed
from domain.chargeback.state import ChargebackState, Slice
from domain.order.money import OrderFunds
from persistence.database import inside


async def if_lost(
    engine: AsyncEngine, state: ChargebackState, share: Slice, at: datetime
) -> tuple[OrderFunds, OrderFunds]:
    """The money of the order of *share* as it is, and as it would be."""
    async with engine.connect() as db, db.begin() as whole:
        async with inside(db) as tx:
            before = await tx.funds.locked(share.order)
            await charge(tx, state, share, await freed(tx, state, share, at), at)
            after = await tx.funds.locked(share.order)
        await whole.rollback()
    return before, after
