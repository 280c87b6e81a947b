"""A database with the tables of keys alone, and vaults over it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel

from persistence.tables.keys import DataKeyRow, PersonKey
from runtime.embedded import LocalPostgres


@asynccontextmanager
async def key_tables(postgres: LocalPostgres) -> AsyncIterator[AsyncEngine]:
    """An engine on a database of its own that knows persons and their keys, and nothing else."""
    name = f"keys_{uuid.uuid4().hex[:12]}"
    engine = create_async_engine(await postgres.create_database(name))
    tables = [SQLModel.metadata.tables[str(t.__tablename__)] for t in (PersonKey, DataKeyRow)]
    async with engine.begin() as db:
        await db.run_sync(SQLModel.metadata.create_all, tables=tables)
    yield engine
    await engine.dispose()
    await postgres.drop_database(name)
