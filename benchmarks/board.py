"""Who has done what: processes report their steps, and whoever drives them waits for it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

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
    """Tells of every step whose end a process has heard of; asks nothing of Temporal.

    Told when the step itself ends, a driver would speak before the process can listen, and be
    refused: in life there are hours between the two.
    """

    def __init__(self, note: Note) -> None:
        """Tell it to *note*, in the running loop, as (process, step)."""
        loop = asyncio.get_running_loop()

        def tell(process: str, step: str) -> None:
            # Workflows run in threads of their own.
            loop.call_soon_threadsafe(note, process, step)

        self._note = tell

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - the SDK's own form
    ) -> type[WorkflowInboundInterceptor]:
        """Listen to what each execution hears."""
        note = self._note

        class Listening(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_Listening(outbound, note))

        return Listening


class _Listening(WorkflowOutboundInterceptor):
    def __init__(self, following: WorkflowOutboundInterceptor, note: Note) -> None:
        super().__init__(following)
        self._note = note

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - the SDK's own name
        return self._told(input.activity, super().start_activity(input))

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - the SDK's own name
        return self._told(input.activity, super().start_local_activity(input))

    def _told(
        self, step: str, handle: workflow.ActivityHandle[Any]
    ) -> workflow.ActivityHandle[Any]:
        def heard(ended: asyncio.Future[Any]) -> None:
            is_done = not ended.cancelled() and ended.exception() is None
            if is_done and not workflow.unsafe.is_replaying():
                self._note(workflow.info().workflow_id, step)

        handle.add_done_callback(heard)
        return handle
