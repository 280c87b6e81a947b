"""The database's wake-up call: whoever waits for work hears of it at once."""

import asyncio
import contextlib
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_CHANNEL: Final = "caravan_work"
log = structlog.get_logger(__name__)


class Bell:
    """Rings when work arrives. Without the database's word it rings every so often by itself."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Listen with a connection of *engine*, from the first wait on."""
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self.is_lost = False
        self._waiting: list[asyncio.Event] = []
        self._one_at_a_time = asyncio.Lock()

    def handle(self) -> asyncio.Event:
        """An event of one's own that is set when the bell rings."""
        event = asyncio.Event()
        self._waiting.append(event)
        return event

    async def listen(self) -> None:
        """Listen, unless somebody does. A database that is away is not an error here."""
        async with self._one_at_a_time:
            if self._connection is not None and not self.is_lost:
                return
            await self.close()
            try:
                await self._listen()
            except (OSError, SQLAlchemyError) as error:
                await self.close()
                log.warning("bell.failed", error=type(error).__name__)

    async def _listen(self) -> None:
        self._connection = await self._engine.connect()
        raw: Any = (await self._connection.get_raw_connection()).driver_connection
        await raw.add_listener(_CHANNEL, self.ring)
        raw.add_termination_listener(self._lost)
        await self._connection.commit()
        self.is_lost = False
        # Something may have arrived while nobody listened.
        self.ring()

    async def close(self) -> None:
        """Stop listening."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, SQLAlchemyError):
                await connection.invalidate()
            await connection.close()

    def ring(self, *_: object) -> None:
        """Wake everybody who waits."""
        for event in self._waiting:
            event.set()

    def _lost(self, *_: object) -> None:
        self.is_lost = True
