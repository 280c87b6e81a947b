"""Labels and couriers in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.money import Money
from domain.shipment.labels import Bearer, Label, LabelStatus
from domain.shipment.pickup import Pickup, PickupStatus
from domain.shipment.reconciliation import Booked
from persistence.session import Session
from persistence.tables.carriage import LabelRow, PickupRow
from persistence.tables.ledger import MoneyEffect, PostingRow


class SqlLabels:
    """Keeps `persistence.carriage.port.Labels` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def ask(self, label: Label) -> Label:
        """Write the label under its key, or return the one that is there."""
        written = await self._session.execute(
            insert(LabelRow)
            .values(**_values(label))
            .on_conflict_do_nothing()
            .returning(col(LabelRow.key))
        )
        if written.scalar_one_or_none() is not None:
            return label
        return label_of(await self._session.get_one(LabelRow, label.key, with_for_update=True))

    async def found(self, key: str) -> Label | None:
        """The label of that key, if one was asked for."""
        row = await self._session.get(LabelRow, key, populate_existing=True)
        return None if row is None else label_of(row)

    async def of(self, order: str) -> Sequence[Label]:
        """The order's labels, oldest first."""
        rows = await self._session.execute(
            select(LabelRow)
            .where(col(LabelRow.order) == order)
            .order_by(col(LabelRow.asked_at), col(LabelRow.key))
        )
        return [label_of(row) for row in rows.scalars()]

    async def void_asked(self, after: str, limit: int) -> Sequence[Label]:
        """Those that wait for the carrier's word."""
        rows = await self._session.execute(
            select(LabelRow)
            .where(col(LabelRow.status) == str(LabelStatus.VOID_ASKED), col(LabelRow.key) > after)
            .order_by(col(LabelRow.key))
            .limit(limit)
        )
        return [label_of(row) for row in rows.scalars()]

    async def bought(self, since: datetime) -> Sequence[Label]:
        """Those with postage."""
        rows = await self._session.execute(
            select(LabelRow).where(col(LabelRow.bought_at) >= since).order_by(col(LabelRow.key))
        )
        return [label_of(row) for row in rows.scalars()]

    async def couriers(self, since: datetime, keys: Sequence[str]) -> Sequence[Booked]:
        """Read off the effects and the entries of the ledger."""
        effect = MoneyEffect
        is_back = exists().where(col(PostingRow.key) == col(effect.key) + "/given-back")
        rows = await self._session.execute(
            select(effect, is_back)
            .where(
                col(effect.kind) == "pickup",
                or_(col(effect.effective_at) >= since, col(effect.key).in_(keys)),
            )
            .order_by(col(effect.key))
        )
        return [
            Booked(
                row.key,
                Money(row.amount, row.currency),
                row.effective_at if row.state == "done" else None,
                is_given_back,
            )
            for row, is_given_back in rows.all()
        ]

    async def put(self, label: Label) -> None:
        """Write how the label stands; who asked for what never changes."""
        await self._session.execute(
            update(LabelRow)
            .where(col(LabelRow.key) == label.key)
            .values(
                status=str(label.status),
                number=label.number,
                tracker=label.tracker,
                url=label.url,
                bought_at=label.bought_at,
            )
        )

    async def pickup(self, label: str) -> Pickup:
        """The label's row is locked, so that the first courier is nobody else's to plan."""
        await self._session.execute(
            select(col(LabelRow.key)).where(col(LabelRow.key) == label).with_for_update()
        )
        row = await self._session.get(PickupRow, label, populate_existing=True)
        return Pickup(label) if row is None else pickup_of(row)

    async def put_pickup(self, pickup: Pickup) -> None:
        """Write it, for the first time or again."""
        values = vars(pickup) | {"status": str(pickup.status)}
        await self._session.execute(
            insert(PickupRow)
            .values(**values)
            .on_conflict_do_update(index_elements=["label"], set_=values)
        )


def label_of(row: LabelRow) -> Label:
    """A label, as the domain speaks of it."""
    words: dict[str, Any] = {"status": LabelStatus(row.status), "bearer": Bearer(row.bearer)}
    return Label(**(row.model_dump() | words))


def pickup_of(row: PickupRow) -> Pickup:
    """The fetching of a parcel, as the domain speaks of it."""
    words: dict[str, Any] = {"status": PickupStatus(row.status)}
    return Pickup(**(row.model_dump() | words))


def _values(label: Label) -> dict[str, Any]:
    return vars(label) | {"status": str(label.status), "bearer": str(label.bearer)}
