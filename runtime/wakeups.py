"""Wake-up calls of the database: whoever waits for news of a subject hears at once."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from persistence.listening import Away, Listener

_CHANNEL: Final = "caravan_timeline"
# For whoever wants to hear of every subject.
ANYTHING: Final = ""
log = structlog.get_logger(__name__)


class Wakeups:
    """Listens on one connection for all who wait; without it they look by themselves."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Listen with a connection of *engine*, from the first time that somebody waits."""
        self._listener = Listener(engine, _CHANNEL, self._heard)
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

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
        try:
            await self._listener.listen()
        except Away as away:
            log.warning("wakeups.failed", error=str(away))

    async def close(self) -> None:
        """Stop listening."""
        await self._listener.close()

    def _heard(self, *said: object) -> None:
        """Called by the driver with connection, process, channel and payload."""
        for subject in (str(said[-1]), ANYTHING):
            for event in self._waiting.get(subject, ()):
                event.set()
