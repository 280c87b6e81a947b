"""The connection to PostgreSQL: one engine per process, as the application's own role."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from persistence.urls import asyncpg_url

_JSON: Final = TypeAdapter[Any](Any)
APPLICATION_ROLE = "caravan_app"
# Connections that a process keeps; as many again may be opened when all of them are in use.
POOLED: Final = 10
_FRESH_SECONDS: Final = 1.0
_USED_AT: Final = "caravan_used_at"


def connect(url: str, *, pool_size: int = POOLED, as_owner: bool = False) -> AsyncEngine:
    """Open an engine on *url* ("postgresql://..."). ValueError for another database.

    Sessions run as the application's role, which may neither update nor delete postings; only
    migrations run *as_owner*. Statements are cut off after 30 s: nothing here takes that long.
    """
    settings = {"statement_timeout": "30000", "timezone": "UTC"}
    if not as_owner:
        settings["role"] = APPLICATION_ROLE
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={"server_settings": settings, "timeout": 10},
        # What failed is logged, and what it was told may be anybody's words.
        hide_parameters=True,
        # States, facts and letters: several times as quick as the standard library's.
        json_serializer=_json,
        json_deserializer=_JSON.validate_json,
    )
    _try_what_has_rested(engine.sync_engine)
    return engine


def _json(value: Any) -> str:  # noqa: ANN401 - whatever a column takes
    return _JSON.dump_json(value).decode()


@asynccontextmanager
async def one_by_one(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """A connection on which each statement is a transaction of its own.

    Without a `BEGIN` and a `COMMIT` around it a statement costs one round trip instead of three.
    """
    async with engine.connect() as db:
        yield await db.execution_options(isolation_level="AUTOCOMMIT")


# For statements that only look, which see no more in a transaction of their own than in one.
looking: Final = one_by_one


def _try_what_has_rested(engine: Engine) -> None:
    """Ask a connection whether it still stands, unless it has just been used.

    What the driver has seen fall is not taken; only what falls in the second after its use, and
    unseen, fails the next transaction, which is then tried again as after any outage.
    The pool's own `pool_pre_ping` asks before every transaction: one more round trip for each.
    """

    @event.listens_for(engine, "checkin")
    def _(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _(dbapi: Any, record: ConnectionPoolEntry, _: object) -> None:  # noqa: ANN401 - the driver's
        if dbapi.driver_connection.is_closed():
            raise InvalidatePoolError
        used_at = record.info.get(_USED_AT)
        if used_at is None or time.monotonic() - used_at < _FRESH_SECONDS:
            return
        try:
            is_alive = engine.dialect.do_ping(dbapi)
        except engine.dialect.loaded_dbapi.Error:
            is_alive = False
        if not is_alive:
            raise InvalidatePoolError
