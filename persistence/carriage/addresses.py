"""Addresses, opened with their owner's key for the moment in which a label is bought."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select

from adapters.logistics.port import Place
from domain.errors import AddressMissing
from persistence import outbox
from persistence.tables.business import OrderRow, Seller
from persistence.vault import Erased, Vault


class SealedAddresses:
    """Keeps `persistence.carriage.port.Addresses`."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        """Read through *engine* what *vault* opens."""
        self._engine = engine
        self._vault = vault

    async def of_buyer(self, order: str) -> Place:
        """What the buyer gave when they ordered."""
        async with self._engine.connect() as db:
            query = select(col(OrderRow.ship_to)).where(col(OrderRow.order) == order)
            country = (await db.execute(query)).scalar_one()
        return await self._opened(f"order/{order}", country)

    async def of_seller(self, seller: str) -> Place:
        """What is on file of the seller."""
        async with self._engine.connect() as db:
            query = select(col(Seller.country)).where(col(Seller.seller) == seller)
            country = (await db.execute(query)).scalar_one()
        return await self._opened(f"seller/{seller}", country)

    async def _opened(self, subject: str, country: str) -> Place:
        async with self._engine.connect() as db:
            found = await outbox.particulars_of(db, subject)
        try:
            told: dict[str, Any] = json.loads(await self._vault.open(*found)) if found else {}
        except Erased:
            told = {}
        told = told.get("ship_from") or told
        place = Place(
            country=country,
            **{
                name: str(told.get(name) or "")
                for name in ("city", "street", "postcode", "name", "phone", "email")
            },
        )
        if not place.city:
            raise AddressMissing(f"no address of {subject} is on file", subject=subject)
        return place
