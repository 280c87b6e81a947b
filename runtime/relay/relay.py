"""The relay itself: its lanes run side by side, each with a bound on what is under way."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.relay.bell import Bell
from runtime.relay.lane import Job, Lane

_AT_ONCE: Final = 8
_LOOK_EVERY: Final = 1.0
_GRACE: Final = 15.0
log = structlog.get_logger(__name__)


class Relay:
    """Delivers what waits. Any number may run; each row is taken by one at a time."""

    def __init__(
        self, engine: AsyncEngine, lanes: Sequence[Lane], *, at_once: int = _AT_ONCE
    ) -> None:
        """Work on at most *at_once* subjects of each lane at the same time."""
        self._lanes = tuple(lanes)
        self._bell = Bell(engine)
        self._at_once = at_once
        self._is_stopping = False
        self.is_running = False

    async def run(self) -> None:
        """Deliver until told to stop; what is under way then is finished first."""
        self.is_running = True
        log.info("relay.started", lanes=[lane.name for lane in self._lanes])
        try:
            await asyncio.gather(*(self._serve(lane) for lane in self._lanes))
        finally:
            self.is_running = False
            await self._bell.close()
        log.info("relay.stopped")

    def stop(self) -> None:
        """Take nothing more, and let `run` end."""
        self._is_stopping = True
        self._bell.ring()

    async def drain(self, subject: str | None = None) -> int:
        """Deliver all that can be delivered now (about *subject*); returns how many jobs that were.

        What was put off, or is being delivered by another relay, is not waited for: see `pending`.
        """
        count = 0
        for lane in self._lanes:
            while jobs := await lane.take(self._at_once, subject):
                await asyncio.gather(*(job() for job in jobs))
                count += len(jobs)
        return count

    async def pending(self, subject: str | None = None) -> int:
        """How much waits to be delivered, in all lanes (about *subject*)."""
        return sum(await asyncio.gather(*(lane.pending(subject) for lane in self._lanes)))

    async def _serve(self, lane: Lane) -> None:
        rung = self._bell.handle()
        busy: set[asyncio.Task[None]] = set()
        while not self._is_stopping:
            rung.clear()
            taken = await self._taken(lane, self._at_once - len(busy))
            for job in taken:
                task = asyncio.create_task(self._done(lane, job))
                busy.add(task)
                task.add_done_callback(busy.discard)
                task.add_done_callback(lambda _: rung.set())
            if not taken and not self._is_stopping:
                await self._bell.listen()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(rung.wait(), _LOOK_EVERY)
        if busy:
            await asyncio.wait(busy, timeout=_GRACE)

    async def _taken(self, lane: Lane, limit: int) -> Sequence[Job]:
        if limit <= 0:
            return ()
        try:
            return await lane.take(limit)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
            log.warning("relay.failed", lane=lane.name, error=type(error).__name__)
            return ()

    async def _done(self, lane: Lane, job: Job) -> None:
        """A job that cannot even say that it failed comes due again when its lease ends."""
        try:
            await job()
        except Exception:
            log.exception("relay.job_failed", lane=lane.name)
