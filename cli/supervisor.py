"""Starts the parts of a stack in their order, keeps them running, and ends them in reverse."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from runtime.child import Child, Program, StackError

Say = Callable[[str], None]

_WATCH_EVERY: Final = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# The first start compiles every module: half a minute on a slow machine. An end is seen at once.
_READY_WITHIN: Final = 120.0
# A part that ran this long has recovered, and the next failure is a new one.
_RECOVERED_AFTER: Final = 60.0
_FULL_DISK: Final = "No space left on device"


class Part(Protocol):
    """Something that runs: a server of `runtime.embedded`, or a `Service`."""

    @property
    def child(self) -> Child: ...

    async def start(self) -> None:
        """Start, and return when it is ready. Raises `StackError`."""
        ...

    async def stop(self) -> None: ...


class Service:
    """A program of ours, ready when its probe says so."""

    def __init__(
        self,
        program: Program,
        is_ready: Callable[[], Awaitable[bool]],
        within: float = _READY_WITHIN,
    ) -> None:
        self._program = program
        self._is_ready = is_ready
        self._within = within
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The running program. Raise `StackError` before the start."""
        if self._child is None:
            raise StackError(f"{self._program.name} has not been started.")
        return self._child

    async def start(self) -> None:
        self._child = Child(self._program)
        await self._child.ready(self._is_ready, self._within)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()


@dataclass
class _Running:
    name: str
    part: Part
    since: float = field(default_factory=time.monotonic)
    pause: float = _FIRST_PAUSE


class Supervisor:
    """Keeps the parts it was given running until `stop`, telling *say* what happens."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._running: list[_Running] = []
        self._asked_to_end = asyncio.Event()

    def end_on(self, *signals: signal.Signals) -> None:
        """Let these signals end `keep` and any `start` under way."""
        loop = asyncio.get_running_loop()
        for number in signals:
            loop.add_signal_handler(number, self._asked_to_end.set)

    async def start(self, *parts: tuple[str, Part]) -> bool:
        """Start these parts side by side. Return False if a signal asked to end meanwhile.

        Raises `StackError` if one does not start.
        """
        starting = asyncio.gather(*(self._start(name, part) for name, part in parts))
        await self._unless_ending(starting)
        return not self._asked_to_end.is_set()

    async def keep(self) -> None:
        """Restart what dies, until a signal asks to end."""
        keepers = asyncio.gather(*(self._keep(each) for each in self._running))
        await self._unless_ending(keepers)

    async def stop(self) -> None:
        """End all parts, the last started first."""
        for each in reversed(self._running):
            await each.part.stop()
        self._running.clear()

    async def _start(self, name: str, part: Part) -> None:
        begun = time.monotonic()
        # Known before it is ready, so that a start cut short is ended, too.
        self._running.append(_Running(name, part))
        await part.start()
        self._say(f"{name} is ready ({time.monotonic() - begun:.1f} s)")

    async def _unless_ending(self, work: "asyncio.Future[list[None]]") -> None:
        ending = asyncio.ensure_future(self._asked_to_end.wait())
        both: tuple[asyncio.Future[Any], ...] = (work, ending)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _keep(self, each: _Running) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            if each.part.child.returncode is not None:
                self._say(_obituary(each.name, each.part.child))
                while not await self._restarted(each):
                    pass

    async def _restarted(self, each: _Running) -> bool:
        """Start it again after a pause, which grows; False if that failed."""
        if time.monotonic() - each.since > _RECOVERED_AFTER:
            each.pause = _FIRST_PAUSE
        await asyncio.sleep(each.pause)
        each.pause = min(each.pause * 2, _LONGEST_PAUSE)
        each.since = time.monotonic()
        try:
            await each.part.start()
        except StackError as error:
            await each.part.stop()
            self._say(f"{error}\n{each.name} is tried again in {each.pause:g} s")
            return False
        self._say(f"{each.name} is back ({time.monotonic() - each.since:.1f} s)")
        return True


def _obituary(name: str, child: Child) -> str:
    if _FULL_DISK in child.output():
        return f"{name} ended: the disk is full. Make room; it is started again until it runs."
    return f"{name} {_how(child.returncode or 0)}; it is started again. {child.last_words()}"


def _how(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
