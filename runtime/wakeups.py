"""Wake-up calls of the database: whoever waits for news of a subject hears at once."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_CHANNEL: Final = "caravan_timeline"
# For whoever wants to hear of every subject.
ANYTHING: Final = ""
log = structlog.get_logger(__name__)


class Wakeups:
    """Listens on one connection for all who wait; without it they look by themselves."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Listen with a connection of *engine*, from the first time that somebody waits."""
        self._engine = engine
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._connection: AsyncConnection | None = None
        self._one_at_a_time = asyncio.Lock()

    @contextmanager
    def of(self, subject: str) -> Generator[asyncio.Event]:
        """An event that is set when *subject* has news; clear it before you look."""
        event = asyncio.Event()
        self._waiting[subject].add(event)
        try:
            yield event
        finally:
            self._waiting[subject].discard(event)
            if not self._waiting[subject]:
                del self._waiting[subject]

    async def listen(self) -> None:
        """Listen, if nobody does yet. A database that is away is not an error here."""
        async with self._one_at_a_time:
            if self._connection is not None and not self._connection.closed:
                return
            try:
                self._connection = await self._engine.connect()
                raw: Any = (await self._connection.get_raw_connection()).driver_connection
                await raw.add_listener(_CHANNEL, self._heard)
                raw.add_termination_listener(self._lost)
                await self._connection.commit()
            except (OSError, SQLAlchemyError) as error:
                self._connection = None
                log.warning("wakeups.failed", error=type(error).__name__)

    async def close(self) -> None:
        """Stop listening."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    def _heard(self, *said: object) -> None:
        """Called by the driver with connection, process, channel and payload."""
        for subject in (str(said[-1]), ANYTHING):
            for event in self._waiting.get(subject, ()):
                event.set()

    def _lost(self, *_: object) -> None:
        self._connection = None
