"""What a purchase asks of activities. Small: its state, and what has changed.

Fields are only ever added, each with a default. `at` is business time (UTC).
"""

from dataclasses import dataclass
from datetime import datetime

from domain.order.lines import OrderLine
from domain.order.paying import AmountDecision, BorneBy
from domain.order.state import Parked
from domain.purchase.state import PurchaseEvent, PurchaseState


@dataclass(frozen=True)
class OpenPurchase:
    """Put a new purchase on record with all its orders; `lines` are those of each share."""

    state: PurchaseState
    at: datetime
    lines: tuple[tuple[OrderLine, ...], ...]
    ship_to: str


@dataclass(frozen=True)
class PurchaseStep:
    """One step of a purchase, at a moment; `actor` is who caused it, "" for time and providers."""

    state: PurchaseState
    at: datetime
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True)
class AskForAll:
    """Ask the buyer for the sum of all orders. `again`: an earlier try may have had its effect."""

    state: PurchaseState
    at: datetime
    method: str = ""
    again: bool = False
    actor: str = ""


@dataclass(frozen=True)
class DecideExcess:
    """Settle what becomes of a purchase's payment of another amount; `by_deadline`: by silence.

    `event` is how the purchase closes where the decision is to close it.
    """

    state: PurchaseState
    at: datetime
    decision: AmountDecision
    actor: str = ""
    reason: str = ""
    borne_by: BorneBy = BorneBy.PLATFORM_LOSS
    by_deadline: bool = False
    event: PurchaseEvent = PurchaseEvent.WINDOW_CLOSED


@dataclass(frozen=True)
class ClosePurchase:
    """Close the payment window; `by_deadline` says that its clock ran out at `at`."""

    state: PurchaseState
    at: datetime
    event: PurchaseEvent
    by_deadline: bool = False
    actor: str = ""


@dataclass(frozen=True)
class ParkPurchase:
    """Show that the process waits for an operator, or (None) that it goes on."""

    state: PurchaseState
    at: datetime
    why: Parked | None
    actor: str = ""
    note: str = ""


@dataclass(frozen=True)
class CaredFor:
    """What was done about late news of a purchase, and which orders still have to hear of it."""

    done: str
    orders: tuple[str, ...] = ()
