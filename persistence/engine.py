"""The connection to PostgreSQL: one engine per process, as the application's own role."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from persistence.urls import asyncpg_url

APPLICATION_ROLE = "caravan_app"


def connect(url: str, *, pool_size: int = 10, as_owner: bool = False) -> AsyncEngine:
    """Open an engine on *url* ("postgresql://..."). ValueError for another database.

    Sessions run as the application's role, which may neither update nor delete postings; only
    migrations run *as_owner*. Statements are cut off after 30 s: nothing here takes that long.
    """
    settings = {"statement_timeout": "30000", "timezone": "UTC"}
    if not as_owner:
        settings["role"] = APPLICATION_ROLE
    return create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"server_settings": settings, "timeout": 10},
    )
