"""Orders' money, holds and effects in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.errors import AlreadyExists, NotKnown
from domain.order.money import OrderFunds
from persistence import records
from persistence.port import EffectRecord
from persistence.session import Session
from persistence.tables import table_of
from persistence.tables.ledger import COUNTED, Hold, MoneyEffect, OrderMoney

# Made once, on the table itself: these are run for every step that moves money.
_FUNDS: Final = table_of(OrderMoney)
_LOCKED: Final = select(_FUNDS).where(_FUNDS.c.order == bindparam("of")).with_for_update()
_PUT: Final = (
    update(_FUNDS)
    .where(_FUNDS.c.order == bindparam("of"))
    .values({name: bindparam(f"now_{name}") for name in COUNTED})
)


class SqlFunds:
    """Keeps `persistence.port.Funds` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def locked(self, order: str) -> OrderFunds:
        """Lock the row that every hold, refund and release of the order locks."""
        row = (await self._session.run(_LOCKED, {"of": order})).one_or_none()
        if row is None:
            raise NotKnown(f"there is no order {order}", order=order)
        return records.funds(row)

    async def put(self, funds: OrderFunds) -> None:
        """Write the locked row back; identity and agreed figures never change."""
        told = {"of": funds.order, **{f"now_{name}": getattr(funds, name) for name in COUNTED}}
        await self._session.run(_PUT, told)

    async def place_hold(
        self, hold: str, order: str, amount: int, reason: str, by: str, at: datetime
    ) -> bool:
        """Put a hold on record; False if this very one was placed before.

        A name that another hold has, or had, is refused (`AlreadyExists`).
        """
        wanted = Hold(
            key=f"{order}/{hold}",
            order=order,
            amount=amount,
            reason=reason,
            placed_by=by,
            effective_at=at,
        )
        placed = await self._session.execute(
            insert(Hold)
            .values(**wanted.model_dump())
            .on_conflict_do_nothing()
            .returning(col(Hold.key))
        )
        if placed.scalar_one_or_none() is not None:
            return True
        if (await self._session.get_one(Hold, wanted.key)).model_dump() != wanted.model_dump():
            raise AlreadyExists(f"order {order} has had a hold {hold}: name another", hold=hold)
        return False

    async def lift_hold(self, hold: str, order: str, by: str, at: datetime) -> int:
        """End a hold and return its amount; zero if it had ended."""
        row = await self._session.get(Hold, f"{order}/{hold}", with_for_update=True)
        if row is None:
            raise NotKnown(f"order {order} has no hold {hold}", order=order, hold=hold)
        if row.lifted_at is not None:
            return 0
        row.lifted_at, row.lifted_by = at, by
        await self._session.flush()
        return row.amount

    async def has_hold(self, hold: str, order: str) -> bool:
        """Whether the hold is on record, standing or lifted."""
        return await self._session.get(Hold, f"{order}/{hold}") is not None

    async def standing_holds(self, hold: str, order: str) -> Sequence[str]:
        """The holds of that name, and those below it, that have not been lifted."""
        key = col(Hold.key)
        found = await self._session.execute(
            select(key)
            .where(
                col(Hold.order) == order,
                col(Hold.lifted_at).is_(None),
                or_(key == f"{order}/{hold}", key.startswith(f"{order}/{hold}/", autoescape=True)),
            )
            .order_by(key)
        )
        return [name.removeprefix(f"{order}/") for name in found.scalars()]

    async def ask(self, effect: EffectRecord) -> EffectRecord:
        """Put the effect on record under its key, or return the one that is there."""
        written = await self._session.execute(
            insert(MoneyEffect)
            .values(
                key=effect.key,
                kind=effect.kind,
                subject=effect.subject,
                provider=effect.provider,
                currency=effect.currency,
                amount=effect.amount,
                reference=effect.reference,
                effective_at=effect.effective_at,
            )
            .on_conflict_do_nothing()
            .returning(col(MoneyEffect.key))
        )
        if written.scalar_one_or_none() is not None:
            return effect
        row = await self._session.get_one(MoneyEffect, effect.key, with_for_update=True)
        return records.effect_record(row, is_new=False)

    async def of(self, subject: str, kind: str) -> Sequence[EffectRecord]:
        """Every effect of one kind for *subject*, oldest first."""
        rows = await self._session.execute(
            select(MoneyEffect)
            .where(col(MoneyEffect.subject) == subject, col(MoneyEffect.kind) == kind)
            .order_by(col(MoneyEffect.first_asked_at), col(MoneyEffect.key))
        )
        return [records.effect_record(row, is_new=False) for row in rows.scalars()]

    async def found(self, key: str) -> EffectRecord | None:
        """The effect of that key, if one was asked for."""
        row = await self._session.get(MoneyEffect, key, populate_existing=True)
        return None if row is None else records.effect_record(row, is_new=False)

    async def finish(self, key: str, state: str, reference: str = "", failure: str = "") -> None:
        """Say how the effect ended, and where the provider keeps it."""
        values = {"state": state, "failure": failure} | (
            {"reference": reference} if reference else {}
        )
        await self._session.execute(
            update(MoneyEffect).where(col(MoneyEffect.key) == key).values(**values)
        )
