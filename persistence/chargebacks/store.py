"""Chargebacks in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.chargeback.state import ChargebackState, Slice
from domain.ids import chargeback_workflow_id
from persistence import inbox, records
from persistence.audit import Entry, adding
from persistence.disputes.port import Deed
from persistence.session import Session
from persistence.tables.chargebacks import ChargebackOrder, ChargebackRow


class SqlChargebacks:
    """Keeps `persistence.chargebacks.port.Chargebacks` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def state(self, chargeback: str) -> ChargebackState | None:
        """The state that the view shows."""
        query = select(col(ChargebackRow.state)).where(col(ChargebackRow.chargeback) == chargeback)
        state = (await self._session.execute(query)).scalar_one_or_none()
        return None if state is None else records.CHARGEBACK_STATE.validate_python(state)

    async def payment_of(self, intent: str) -> str:
        """As views of orders and purchases have it."""
        return await inbox.paid_by(await self._session.connection(), intent)

    async def concern(self, chargeback: str, slices: Sequence[Slice]) -> None:
        """One row per order, with its number among those of the order."""
        for one in slices:
            before = select(func.count()).where(
                col(ChargebackOrder.order) == one.order,
                col(ChargebackOrder.chargeback) != chargeback,
            )
            number = (await self._session.execute(before)).scalar_one() + 1
            row = {
                "chargeback": chargeback,
                "order": one.order,
                "seller": one.seller,
                "number": number,
            }
            new = insert(ChargebackOrder).values(**row)
            await self._session.execute(new.on_conflict_do_nothing())

    async def number(self, chargeback: str, order: str) -> int:
        """As it was put on record."""
        query = select(col(ChargebackOrder.number)).where(
            col(ChargebackOrder.chargeback) == chargeback, col(ChargebackOrder.order) == order
        )
        return (await self._session.execute(query)).scalar_one_or_none() or 1

    async def did(self, chargeback: str, version: int, deed: Deed) -> None:
        """One row, never changed."""
        name = chargeback_workflow_id(chargeback)
        facts = dict(deed.facts)
        entry = Entry(0, name, version, deed.action, deed.actor, deed.at, deed.why, facts)
        await self._session.execute(adding(entry))

    async def is_open(self, order: str) -> bool:
        """One that has not ended."""
        concerns = exists().where(
            col(ChargebackOrder.order) == order,
            col(ChargebackOrder.chargeback) == col(ChargebackRow.chargeback),
            col(ChargebackRow.ended_at).is_(None),
        )
        return bool((await self._session.execute(select(concerns))).scalar_one())
