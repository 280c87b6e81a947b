"""Hearing what the database calls out on a channel, on a connection of one's own."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# The driver is spoken to directly here, so its own errors come as they are.
_FAILURES: Final = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Away(Exception):
    """The database could not be asked to call; the message is the kind of its error."""


class Listener:
    """Listens on one channel, and knows when it does so no longer."""

    def __init__(self, engine: AsyncEngine, channel: str, heard: Callable[..., None]) -> None:
        """Call *heard* with connection, process, channel and payload, from the first `listen` on.

        The connection is one of *engine*.
        """
        self._engine = engine
        self._channel = channel
        self._heard = heard
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def is_listening(self) -> bool:
        """Whether what is called out now will be heard."""
        return self._driver is not None and not self._driver.is_closed()

    async def listen(self) -> bool:
        """Listen, unless it does; says whether it has only begun to. Raises `Away`."""
        async with self._one_at_a_time:
            if self.is_listening:
                return False
            await self.close()
            try:
                await self._listen()
            except _FAILURES as error:
                raise Away(type(error).__name__) from error
            return True

    async def _listen(self) -> None:
        """Only a connection that listens is kept: any other would be taken for one that does."""
        connection = await self._engine.connect()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.add_listener(self._channel, self._heard)
            await connection.commit()
        except BaseException:
            await _given_up(connection)
            raise
        self._connection, self._driver = connection, driver

    async def close(self) -> None:
        """Listen no longer."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            await _given_up(connection)


async def _given_up(connection: AsyncConnection) -> None:
    """Close it for good: in the pool it would go on listening."""
    with contextlib.suppress(*_FAILURES):
        await connection.invalidate()
    with contextlib.suppress(*_FAILURES):
        await connection.close()
