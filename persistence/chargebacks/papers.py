"""What is on record about an order, opened for the moment in which evidence is put together."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from domain.errors import LimitReached, NotKnown
from domain.ids import order_workflow_id
from persistence import outbox, reading
from persistence.chargebacks.port import Paper, Papers
from persistence.engine import looking
from persistence.tables.business import OrderRow, ParcelRow, ScanRow
from persistence.tables.chargebacks import ChargebackStatement
from persistence.vault import Erased, Vault

MOST_STATEMENTS: Final = 20
_MOST_EVENTS: Final = 200
_MOST_SCANS: Final = 100


class SealedPapers:
    """Keeps `persistence.chargebacks.port.PaperDesk`."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        """Read through *engine* what *vault* opens."""
        self._engine = engine
        self._vault = vault

    async def of_order(self, order: str) -> Papers:
        """Order, address, parcels, scans and the timeline. Unknown: `NotKnown`."""
        async with looking(self._engine) as db:
            query = select(col(OrderRow.placed_at), col(OrderRow.lines), col(OrderRow.ship_to))
            row = (await db.execute(query.where(col(OrderRow.order) == order))).one_or_none()
            if row is None:
                raise NotKnown(f"there is no order {order}", order=order)
            told = await self._particulars(db, order)
            parts = (told.get(name) for name in ("street", "postcode", "city"))
            return Papers(
                order=order,
                placed_at=row.placed_at,
                lines=row.lines,
                buyer_name=str(told.get("name") or ""),
                buyer_email=str(told.get("email") or ""),
                address=", ".join(str(part) for part in (*parts, row.ship_to) if part),
                shipped=await _shipped(db, order),
                events=await _events(db, order),
                scans=await _scans(db, order),
            )

    async def statements(self, chargeback: str) -> Sequence[Paper]:
        """Those that can still be opened."""
        query = (
            select(ChargebackStatement)
            .where(col(ChargebackStatement.chargeback) == chargeback)
            .order_by(col(ChargebackStatement.number))
        )
        async with looking(self._engine) as db:
            rows = (await db.execute(query)).all()
        found: list[Paper] = []
        for row in rows:
            try:
                text = (await self._vault.open(row.person, row.sealed)).decode()
            except Erased:
                continue
            found.append(Paper(row.said_at, row.actor, text))
        return found

    async def _particulars(self, db: AsyncConnection, order: str) -> dict[str, Any]:
        found = await outbox.particulars_of(db, order_workflow_id(order))
        try:
            told: dict[str, Any] = json.loads(await self._vault.open(*found)) if found else {}
        except Erased:
            return {}
        return told


async def say(
    db: AsyncConnection, chargeback: str, actor: str, sealed: tuple[str, bytes], at: datetime
) -> int:
    """Keep a statement, *sealed* under a person; its number. Too many: `LimitReached`."""
    counted = select(func.count()).where(col(ChargebackStatement.chargeback) == chargeback)
    number = (await db.execute(counted)).scalar_one() + 1
    if number > MOST_STATEMENTS:
        raise LimitReached(
            f"at most {MOST_STATEMENTS} statements are kept of a chargeback", most=MOST_STATEMENTS
        )
    person, text = sealed
    row = {
        "chargeback": chargeback,
        "number": number,
        "actor": actor,
        "person": person,
        "sealed": text,
        "said_at": at,
    }
    await db.execute(insert(ChargebackStatement).values(**row))
    return number


async def _shipped(db: AsyncConnection, order: str) -> list[tuple[str, str, datetime]]:
    query = (
        select(col(ParcelRow.carrier), col(ParcelRow.number), col(ParcelRow.declared_at))
        .where(col(ParcelRow.order) == order)
        .order_by(col(ParcelRow.parcel))
    )
    return [(carrier, number, at) for carrier, number, at in (await db.execute(query)).all()]


async def _events(db: AsyncConnection, order: str) -> list[Paper]:
    told = await reading.timeline(db, order_workflow_id(order), None, _MOST_EVENTS)
    return [Paper(one.at, one.kind, one.actor) for one in told]


async def _scans(db: AsyncConnection, order: str) -> list[Paper]:
    query = (
        select(ScanRow)
        .where(col(ScanRow.parcel).startswith(f"{order}/", autoescape=True))
        .order_by(col(ScanRow.at))
        .limit(_MOST_SCANS)
    )
    rows = (await db.execute(query)).all()
    return [
        Paper(row.at, row.milestone, ", ".join(filter(None, (row.message, row.city, row.country))))
        for row in rows
        if not row.is_withdrawn
    ]
