"""Policies that differ from the shipped ones in a few figures."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.policies import SHIPPED, publish, read


async def publish_variant(engine: AsyncEngine, name: str, order: Mapping[str, Any]) -> None:
    """Publish the standard policy as *name*, with other figures in its table of orders."""
    document = read(SHIPPED / "standard.toml")
    changed = document | {"name": name, "order": document["order"] | dict(order)}
    async with engine.begin() as db:
        await publish(db, changed, "tests", datetime(2026, 1, 1, tzinfo=UTC))
