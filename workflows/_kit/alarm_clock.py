"""One timer for the nearest deadline, kept while that deadline stands."""

import asyncio
from datetime import datetime

from temporalio import workflow


class AlarmClock:
    """Rings at an absolute instant. Setting it to the same instant again costs nothing."""

    def __init__(self) -> None:
        """Begin silent."""
        self._at: datetime | None = None
        self._sleep: asyncio.Task[None] | None = None
        self.has_rung = False

    def set(self, at: datetime | None, summary: str) -> None:
        """Ring at *at* (UTC), at once if that is past; None silences it."""
        if at == self._at:
            return
        if self._sleep is not None:
            self._sleep.cancel()
        self._at, self._sleep = at, None
        self.has_rung = at is not None and at <= workflow.now()
        if at is not None and not self.has_rung:
            self._sleep = asyncio.create_task(self._ring(at, summary))

    async def _ring(self, at: datetime, summary: str) -> None:
        await workflow.sleep(at - workflow.now(), summary=summary)
        self.has_rung = True
