"""A database for vaults."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from persistence.engine import connect
from runtime.embedded import LocalPostgres


@asynccontextmanager
async def key_tables(postgres: LocalPostgres, template: str) -> AsyncGenerator[AsyncEngine]:
    """An engine on a copy of *template*, in the role that our processes have."""
    name = f"keys_{uuid.uuid4().hex[:12]}"
    engine = connect(await postgres.create_database(name, template))
    yield engine
    await engine.dispose()
    await postgres.drop_database(name)
