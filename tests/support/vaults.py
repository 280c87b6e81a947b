"""A database for vaults."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from persistence.tables.keys import PersonKey
from runtime.embedded import LocalPostgres


@asynccontextmanager
async def key_tables(postgres: LocalPostgres) -> AsyncGenerator[AsyncEngine]:
    """An engine on a database of its own that knows persons and their keys."""
    name = f"keys_{uuid.uuid4().hex[:12]}"
    engine = create_async_engine(await postgres.create_database(name))
    async with engine.begin() as db:
        await db.run_sync(PersonKey.metadata.create_all)
    yield engine
    await engine.dispose()
    await postgres.drop_database(name)
