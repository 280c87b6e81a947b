"""Who has done what: processes report their steps, and whoever drives them waits for it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

Note = Callable[[str, str], None]


class Board:
    """Counts the steps of each process. News of the next order comes when the last is heard."""

    def __init__(self) -> None:
        """Begin empty."""
        self._done: Counter[tuple[str, str]] = Counter()
        self._waiting: dict[tuple[str, str, int], asyncio.Event] = {}

    def note(self, process: str, step: str) -> None:
        """One more step of *process* is done."""
        self._done[process, step] += 1
        waiting = self._waiting.pop((process, step, self._done[process, step]), None)
        if waiting is not None:
            waiting.set()

    async def reached(self, process: str, step: str, times: int = 1, within: float = 60) -> None:
        """Wait until the step has been done so many times. Raises TimeoutError."""
        if self._done[process, step] >= times:
            return
        event = self._waiting.setdefault((process, step, times), asyncio.Event())
        async with asyncio.timeout(within):
            await event.wait()


class Reporting(Interceptor):
    """Tells of every step that a worker has done; asks nothing of Temporal."""

    def __init__(self, note: Note) -> None:
        """Tell it to *note*, as (process, step)."""
        self._note = note

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's own name
        """Wrap the chain."""
        return _Reported(super().intercept_activity(next), self._note)


class _Reported(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, note: Note) -> None:
        super().__init__(inner)
        self._note = note

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's own form
        result = await super().execute_activity(input)
        info = activity.info()
        self._note(info.workflow_id or "", info.activity_type)
        return result
