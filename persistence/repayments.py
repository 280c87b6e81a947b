"""What buyers pay again for goods that came after their refund, in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.charges import smallest
from domain.order import repaying
from domain.order.repaying import RepaymentState
from persistence import case_reading, reading, records
from persistence.session import Session
from persistence.tables.business import RepaymentRow
from persistence.tables.ledger import MoneyEffect


class SqlRepayments:
    """Keeps `persistence.port.Repayments` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def state(self, order: str) -> RepaymentState | None:
        """The last that was written."""
        return await repayment(await self._session.connection(), order)

    async def put(self, state: RepaymentState) -> None:
        """Write a state unless a newer one is written."""
        new = insert(RepaymentRow).values(
            order=state.order,
            buyer=state.buyer,
            version=state.version,
            state=records.REPAYMENT_STATE.dump_python(state, mode="json"),
        )
        await self._session.execute(
            new.on_conflict_do_update(
                index_elements=["order"],
                set_={"version": new.excluded.version, "state": new.excluded.state},
                where=new.excluded.version > col(RepaymentRow.version),
            )
        )

    async def failed(self, refunds: Sequence[str]) -> frozenset[str]:
        """By their effects, as they are on record."""
        return await failed(await self._session.connection(), refunds)


async def failed(db: AsyncConnection, refunds: Sequence[str]) -> frozenset[str]:
    """Of these refunds those that did not leave, or have come back."""
    if not refunds:
        return frozenset()
    query = select(col(MoneyEffect.key)).where(
        col(MoneyEffect.key).in_(refunds), col(MoneyEffect.state).in_(("done", "pending"))
    )
    return frozenset(refunds) - frozenset((await db.execute(query)).scalars())


async def repayment(db: AsyncConnection, order: str) -> RepaymentState | None:
    """An order's repayment as last written, if one was ever asked for."""
    query = select(col(RepaymentRow.state)).where(col(RepaymentRow.order) == order)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.REPAYMENT_STATE.validate_python(state)


async def offered(db: AsyncConnection, order: str) -> RepaymentState | None:
    """What the buyer may pay again now, or is paying already; None where there is nothing."""
    state, funds = await reading.order(db, order), await case_reading.funds(db, order)
    shown = await repayment(db, order)
    if shown is not None and shown.is_open:
        return shown
    if state is None or funds is None:
        return None
    gone = await failed(db, repaying.refunds_of(state))
    owed = repaying.due(state, funds, shown.settled if shown else 0, gone)
    if owed.share.buyer < smallest(state.currency).minor:
        return None
    before = shown or RepaymentState(
        order, state.buyer, state.seller, state.currency, state.placed_at
    )
    return repaying.offered(before, owed)
