"""What any provider of tracking must do for us, and promise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.shipment.milestones import Milestone


@dataclass(frozen=True)
class Scan:
    """One scan of a carrier. `at` is the carrier's time, read as UTC where it names no zone."""

    milestone: Milestone
    at: datetime
    message: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True)
class Tracking:
    """What is known about one number now: every scan, oldest first (event time, then order)."""

    reference: str
    carrier: str
    number: str
    milestone: Milestone
    scans: tuple[Scan, ...]


@dataclass(frozen=True)
class TrackingNews:
    """A genuine message: the number has news. The news itself is read again from the provider."""

    event_id: str
    kind: str
    reference: str
    carrier: str
    number: str
    occurred_at: datetime


class TrackingProvider(Protocol):
    """Watches numbers of many carriers.

    The contract, asked of every implementation in `tests/adapters/test_logistics_contract.py`:

    * watching the same number twice gives the same tracker and no second charge;
    * one vocabulary of milestones (`domain.shipment.milestones`) over all carriers;
    * only `adapters.errors` leave this boundary.
    """

    name: str

    async def watch(self, carrier: str, number: str) -> Tracking:
        """Start to watch a number, or find the tracker that already does."""
        ...

    async def look(self, reference: str) -> Tracking:
        """The truth about a tracker now."""
        ...

    async def look_many(self, references: Sequence[str]) -> tuple[Tracking, ...]:
        """The truth about many at once, in as few calls as the provider allows."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> TrackingNews:
        """Read a webhook. Raises `NotGenuine` on a bad signature."""
        ...
