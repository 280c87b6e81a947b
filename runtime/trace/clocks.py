"""Time in a trace: moved ahead as a whole, then each order on a clock of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)

_WEEK: Final = timedelta(days=7)
# Until the last server runs, the first order must not have become the past.
_MARGIN: Final = timedelta(hours=6)


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
