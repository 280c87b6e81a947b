"""What activities need of the database about disputes; a part of `persistence.port`.

Rows are locked in one order: a purchase's payment, the order's money, then the dispute's lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.dispute.state import Claim, DisputeState
from domain.dispute.terms import DisputeTerms

Facts = Mapping[str, str | int]


@dataclass(frozen=True)
class DisputeRecord:
    """What a dispute lives by; `carrier` brought the goods, or was to."""

    dispute: str
    order: str
    buyer: str
    seller: str
    carrier: str
    terms: DisputeTerms
    opened_at: datetime


@dataclass(frozen=True)
class OpenDispute:
    """A dispute of an order that is open, and the lines that it is about."""

    dispute: str
    lines: tuple[str, ...]
    opened_at: datetime


@dataclass(frozen=True)
class Deed:
    """Who did what about a dispute, and why."""

    action: str
    actor: str
    at: datetime
    why: str = ""
    facts: Facts = field(default_factory=dict[str, str | int])


class Disputes(Protocol):
    """Disputes, their lines, and the log of what people decided."""

    async def open(self, record: DisputeRecord, claims: Sequence[Claim]) -> None:
        """Put a dispute on record. A line that another open one is about: `AlreadyExists`."""
        ...

    async def get(self, dispute: str) -> DisputeRecord:
        """What a dispute lives by. Unknown: `NotKnown`."""
        ...

    async def state(self, dispute: str) -> DisputeState | None:
        """The last state that was written of it."""
        ...

    async def open_of(self, order: str) -> Sequence[OpenDispute]:
        """The open disputes of an order, the oldest first."""
        ...

    async def waiting_for(self, chargeback: str, order: str) -> Sequence[str]:
        """The disputes of an order that stand still until a chargeback is decided."""
        ...

    async def given(self, order: str) -> Mapping[str, int]:
        """What disputes gave back for each line of an order, in minor units."""
        ...

    async def settle(self, dispute: str, given: Mapping[str, int]) -> None:
        """Its lines are nobody's dispute any more; so much was given for each of them in all."""
        ...

    async def did(self, dispute: str, version: int, deed: Deed) -> None:
        """Add to the log, once per version of the dispute."""
        ...
