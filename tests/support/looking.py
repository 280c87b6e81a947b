"""Looking into both books of a marketplace: the database's, and the provider's."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.sandbox import SandboxWorld


class Looking:
    """What a test asks of a marketplace without its knowing."""

    engine: AsyncEngine
    world: SandboxWorld

    async def rows(self, query: str, **values: object) -> Sequence[Any]:
        """Look straight into the database."""
        async with self.engine.connect() as db:
            return (await db.execute(text(query), values)).all()

    async def rows_changed(self, statement: str, **values: object) -> None:
        """Change the database under everybody's feet."""
        async with self.engine.begin() as db:
            await db.execute(text(statement), values)

    async def kinds(self, order: str) -> list[str]:
        """What the timeline says happened, in order."""
        found = await self.rows(
            "SELECT kind FROM timeline WHERE subject = :subject ORDER BY seq",
            subject=f"order/{order}",
        )
        return [kind.removeprefix("order.") for (kind,) in found]

    async def balances(self) -> dict[str, int]:
        """What each account holds, by its name; credit positive."""
        found = await self.rows(
            "SELECT kind, owner, -sum(amount) FROM legs GROUP BY kind, owner ORDER BY kind, owner"
        )
        return {f"{kind}/{owner}": int(amount) for kind, owner, amount in found if amount}

    async def provider_effects(self, subject: str) -> list[tuple[str, int]]:
        """What the provider says was done for a subject: (type, amount) by its own books."""
        found = await self.world.effects(subject)
        assert found["duplicates"] == [], "an effect happened twice at the provider"
        return sorted((line["type"], line["amount"]) for line in found["lines"])
