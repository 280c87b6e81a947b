"""The clock of the edge: when a message has arrived, as far as processes are concerned."""

from datetime import UTC, datetime
from typing import Protocol


class EdgeClock(Protocol):
    """Says when a message about *subject* ("order/o-1") has arrived (UTC)."""

    def now(self, subject: str) -> datetime:
        """The instant that decides every race against a deadline."""
        ...


class UtcClock:
    """The machine's own clock, the same for every subject."""

    def now(self, subject: str) -> datetime:  # noqa: ARG002 - other clocks ask which
        """Now."""
        return datetime.now(UTC)
