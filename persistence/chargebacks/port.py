"""What activities need of the database about chargebacks; a part of `persistence.port`.

Rows are locked in one order: a purchase's payment, then its orders' money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.chargeback.state import ChargebackState, Slice
from persistence.disputes.port import Deed


@dataclass(frozen=True)
class Paper:
    """One thing that is on record: when it was (UTC), what kind of thing, and in words."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True)
class Papers:
    """All that is on record about one order, for the bank: read once, and kept nowhere else.

    `shipped` are carrier, number and declaration of each parcel; `address` is where they went.
    """

    order: str
    placed_at: datetime
    lines: Sequence[Mapping[str, str | int]]
    buyer_name: str
    buyer_email: str
    address: str
    shipped: Sequence[tuple[str, str, datetime]]
    events: Sequence[Paper]
    scans: Sequence[Paper]


class PaperDesk(Protocol):
    """Opens what is sealed for the moment in which evidence is put together."""

    async def of_order(self, order: str) -> Papers:
        """Everything about one order. What belongs to who was forgotten is left out."""
        ...

    async def statements(self, chargeback: str) -> Sequence[Paper]:
        """What the sides have said to the bank, the oldest first."""
        ...


class Chargebacks(Protocol):
    """Chargebacks and the orders that each concerns."""

    async def state(self, chargeback: str) -> ChargebackState | None:
        """The last state that was written of it."""
        ...

    async def payment_of(self, intent: str) -> str:
        """The process whose payment *intent* is ("order/o-1"), "" where it is none of ours."""
        ...

    async def concern(self, chargeback: str, slices: Sequence[Slice]) -> None:
        """Put on record which orders it is about; a repeat changes nothing."""
        ...

    async def number(self, chargeback: str, order: str) -> int:
        """The how-manieth chargeback of the order it is, from 1 on."""
        ...

    async def did(self, chargeback: str, version: int, deed: Deed) -> None:
        """Add to the log of what people decided, once per version of the chargeback."""
        ...

    async def is_open(self, order: str) -> bool:
        """Whether the bank has still to decide about a chargeback of the order."""
        ...
