"""The database's wake-up call: whoever waits for work hears of it at once."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from persistence.listening import Away, Listener

_CHANNEL: Final = "caravan_work"
log = structlog.get_logger(__name__)


class Bell:
    """Rings when work arrives. Without the database's word it rings every so often by itself."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Listen with a connection of *engine*, from the first wait on."""
        self._listener = Listener(engine, _CHANNEL, self.ring)
        self._waiting: list[asyncio.Event] = []

    @property
    def is_lost(self) -> bool:
        """Whether nothing is heard now."""
        return not self._listener.is_listening

    def handle(self) -> asyncio.Event:
        """An event of one's own that is set when the bell rings."""
        event = asyncio.Event()
        self._waiting.append(event)
        return event

    async def listen(self) -> None:
        """Listen, unless somebody does. A database that is away is not an error here."""
        try:
            has_begun = await self._listener.listen()
        except Away as away:
            log.warning("bell.failed", error=str(away))
            return
        if has_begun:
            # Something may have arrived while nobody listened.
            self.ring()

    async def close(self) -> None:
        """Stop listening."""
        await self._listener.close()

    def ring(self, *_: object) -> None:
        """Wake everybody who waits."""
        for event in self._waiting:
            event.set()
