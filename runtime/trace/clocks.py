"""Time in a trace: moved ahead as a whole, then each order on a clock of its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

_WEEK: Final = timedelta(days=7)
# Until the last server runs, the first order must not have become the past.
_MARGIN: Final = timedelta(hours=6)
_SLACK: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Shift:
    """By how much a trace is moved ahead: whole weeks, for clocks can only be put forward."""

    by: timedelta

    @classmethod
    def past(cls, first: datetime, now: datetime) -> "Shift":
        """The least number of weeks after which *first* lies in the future."""
        return cls(max(0, -(-(now + _MARGIN - first) // _WEEK)) * _WEEK)

    def ahead(self, instant: datetime) -> datetime:
        """The instant at which something of the trace happens here."""
        return instant + self.by

    def back(self, instant: datetime) -> datetime:
        """The trace's own date of what happened here."""
        return instant - self.by


class TraceClock:
    """The edge's clock: what the trace says of each subject, as far as it has come."""

    def __init__(self, start: datetime) -> None:
        """Begin at *start* for every subject."""
        self._start = start
        self._now: dict[str, datetime] = {}

    def set(self, subject: str, instant: datetime) -> None:
        """It is *instant* now, as far as *subject* is concerned."""
        self._now[subject] = instant

    def now(self, subject: str) -> datetime:
        """As `EdgeClock` has it."""
        return self._now.get(subject, self._start)


class DelayedStarts(Interceptor):
    """Lets the execution of a subject begin at that subject's own instant."""

    def __init__(self, starts_at: Callable[[str], datetime | None]) -> None:
        """*starts_at* tells the instant of an execution's id; None: at once."""
        self.starts_at = starts_at

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - its name there
        """As the client asks."""
        return _Delaying(next, self)


class _Delaying(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, delays: DelayedStarts) -> None:
        super().__init__(following)
        self._delays = delays

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - its name there
        starts_at = self._delays.starts_at(input.id)
        if starts_at is not None:
            input = replace(input, start_delay=starts_at - datetime.now(UTC))  # noqa: A001 - as above
        return await super().start_workflow(input)


class ClockLost(Exception):
    """A clock has been put further than it was told: what happened meanwhile is worth nothing."""


class ClockHeld(Exception):
    """The server moves no clock of an execution whose children run: theirs have to be moved."""


class Skips:
    """Moves the clocks of executions, each for itself."""

    def __init__(self, client: Client) -> None:
        """Reach the executions by *client*."""
        self._skipper = TimeSkipper(client)

    async def to(self, process: WorkflowHandle[Any, Any], instant: datetime) -> bool:
        """Put a clock forward to *instant*; False if the execution has ended before.

        A clock that stands later already stays there. Raises `ClockHeld` if children of the
        execution run, for the server would not answer before they end; and `ClockLost` if it
        skipped too far: it counts from when it hears a call, and a call that was cut off is heard
        twice.
        """
        try:
            further = instant - await _now(process)
            if further <= timedelta():
                return True
            called = time.monotonic()
            if not await self._skipper.fast_forward(process, further):
                return False
            beyond = await self._skipper.get_current_time(process) - instant
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and "completed" in error.message:
                return False
            raise
        if beyond > timedelta(seconds=time.monotonic() - called) + _SLACK:
            raise ClockLost(f"the clock of {process.id} went {beyond} beyond {instant}")
        return True


async def _now(process: WorkflowHandle[Any, Any]) -> datetime:
    """The instant at which the clock of an execution stands, if it can be moved at all."""
    seen = (await process.describe()).raw_description
    if seen.pending_children:
        raise ClockHeld(f"{process.id} has {len(seen.pending_children)} children that run")
    moved = seen.workflow_extended_info
    if not moved.HasField("time_skipping_info"):
        return datetime.now(UTC)
    return moved.time_skipping_info.current_time.ToDatetime(UTC)
