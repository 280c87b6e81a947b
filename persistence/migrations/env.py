"""Alembic's environment: runs the versions over asyncpg, as the owner of the tables."""

import asyncio

from alembic import context
from sqlalchemy.engine import Connection

from persistence.engine import connect
from persistence.tables import METADATA


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()


async def _online() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        msg = "no database: set sqlalchemy.url"
        raise ValueError(msg)
    engine = connect(url, as_owner=True)
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_online())
