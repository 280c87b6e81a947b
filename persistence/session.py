"""One connection, spoken to through the mapper or past it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession


class Session(AsyncSession):
    """A session on a connection that somebody else opens, commits and closes."""

    def __init__(self, db: AsyncConnection) -> None:
        """Go through *db*, within whatever transaction is open there."""
        super().__init__(db, expire_on_commit=False, join_transaction_mode="rollback_only")
        self._db = db

    async def run(
        self, statement: Executable, told: Mapping[str, Any] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement on tables, made once: it has nothing to ask of the mapper.

        What was changed through the mapper is not written before it; whoever changes rows flushes.
        """
        return await self._db.execute(statement, told)
