"""What happened to an order from outside, in the order of time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from runtime.trace.orders import Paying, TracedOrder

# What an export does not tell, it is told here once: when a buyer who cancels does so, and when
# one who confirms does.
CANCELS_AFTER: Final = timedelta(hours=1)
CONFIRMS_AFTER: Final = timedelta(hours=1)
DECIDES_AFTER: Final = timedelta(hours=1)


class Confirm(StrEnum):
    """What buyers say when the goods are there."""

    SILENCE = "silence"
    PROMPT = "prompt"


class Happening(StrEnum):
    """One kind of thing that people, banks and carriers do. In the order of equal instants."""

    CHOSEN_SLOW = "chosen_slow"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    PAID = "paid"
    RISK_ACCEPTED = "risk_accepted"
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"


_RANK: Final = tuple(Happening)


@dataclass(frozen=True)
class Happened:
    """One thing and its instant (the trace's own date, UTC)."""

    at: datetime
    what: Happening

    @property
    def turn(self) -> tuple[datetime, int]:
        """What comes first of several."""
        return self.at, _RANK.index(self.what)


def facts_of(order: TracedOrder, confirm: Confirm) -> list[Happened]:
    """What the trace tells of an order, after it was placed.

    A parcel that left before the order was placed is handed over as it is placed.
    """
    placed = order.purchased_at
    told: list[tuple[Happening, datetime | None]] = [
        (Happening.CHOSEN_SLOW, placed if order.paying is Paying.SLOW else None),
        (Happening.DECLINED, placed if order.is_declined else None),
        (Happening.PAID, order.paid_at),
        (Happening.CANCELLED, _cancelled_at(order)),
        (Happening.HANDED_OVER, order.shipped_at and max(order.shipped_at, placed)),
        (Happening.DELIVERED, order.delivered_at),
    ]
    if confirm is Confirm.PROMPT and order.delivered_at is not None:
        told.append((Happening.CONFIRMED, order.delivered_at + CONFIRMS_AFTER))
    happened = [Happened(at, what) for what, at in told if at is not None]
    return sorted(happened, key=lambda one: one.turn)


def _cancelled_at(order: TracedOrder) -> datetime | None:
    """Only what is not paid can be called off by the buyer alone."""
    if not order.is_cancelled or order.paid_at is not None:
        return None
    return order.purchased_at + CANCELS_AFTER
