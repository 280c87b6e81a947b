"""What is said to an order and asked of it. Public: services that speak to Temporal use these.

Fields are only ever added, each with a default. Instants are UTC, amounts minor units of the
order's currency. `received_at` is the instant at which the edge of the system had the message:
it decides every race against a deadline.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.actors import Actor
from domain.order.lines import OrderLine
from domain.order.state import OrderState


@dataclass(frozen=True)
class PlaceOrder:
    """Start an order. Holds what was asked and nothing that a caller must not choose.

    `ship_to` is the destination's ISO 3166 country; the address itself stays sealed in the
    database. `method` is the provider's token of a payment method, empty if the buyer pays later.
    """

    order: str
    buyer: str
    seller: str
    currency: str
    lines: tuple[OrderLine, ...]
    ship_to: str
    received_at: datetime
    method: str = ""

    @property
    def total(self) -> int:
        """What the buyer pays for the order."""
        return sum(line.total for line in self.lines)


@dataclass(frozen=True)
class CancelOrder:
    """Close the order before it is paid."""

    actor: Actor
    received_at: datetime
    reason: str = ""


class RiskVerdict(StrEnum):
    """What compliance says of a payment that was put aside."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    EXTEND = "extend"


@dataclass(frozen=True)
class DecideRisk:
    """Accept or refuse an order that waits for a person, or take the longer window."""

    actor: Actor
    received_at: datetime
    verdict: RiskVerdict
    reason: str = ""


@dataclass(frozen=True)
class DeclareShipment:
    """The seller has handed the goods to *carrier* under *number*."""

    actor: Actor
    received_at: datetime
    carrier: str
    number: str


@dataclass(frozen=True)
class ConfirmReceipt:
    """The buyer has the goods; protection runs from now."""

    actor: Actor
    received_at: datetime


@dataclass(frozen=True)
class DenyReceipt:
    """The buyer, asked, says that nothing came."""

    actor: Actor
    received_at: datetime


@dataclass(frozen=True)
class RefundOrder:
    """Give *amount* back to the buyer."""

    actor: Actor
    received_at: datetime
    amount: int
    reason: str = ""


@dataclass(frozen=True)
class PlaceHold:
    """*amount* may not be released, for *reason*, until the hold named *hold* is lifted."""

    actor: Actor
    received_at: datetime
    hold: str
    amount: int
    reason: str = ""


@dataclass(frozen=True)
class LiftHold:
    """The hold named *hold* has ended."""

    actor: Actor
    received_at: datetime
    hold: str
    reason: str = ""


Request = (
    CancelOrder
    | DecideRisk
    | DeclareShipment
    | ConfirmReceipt
    | DenyReceipt
    | RefundOrder
    | PlaceHold
    | LiftHold
)


class Resolution(StrEnum):
    """What an operator does about a parked step."""

    RETRY = "retry"
    SETTLE_BY_HAND = "settle_by_hand"


@dataclass(frozen=True)
class Resolve:
    """Let a parked order go on. `note` is kept: why, and for a step settled by hand, how."""

    actor: Actor
    received_at: datetime
    resolution: Resolution
    note: str = ""


@dataclass(frozen=True)
class PaymentChanged:
    """The provider says that the payment, or a refund of it, has news: its truth is read again."""

    event_id: str
    received_at: datetime


@dataclass(frozen=True)
class ParcelMoved:
    """The carrier has reached a new milestone with the order's parcel."""

    event_id: str
    received_at: datetime
    milestone: str = ""


Fact = PaymentChanged | ParcelMoved


@dataclass(frozen=True)
class OrderSnapshot:
    """Where an order stands, in full: its axes, what may be asked by whom, what comes next."""

    state: OrderState
    status: str
    allowed: dict[str, tuple[str, ...]]
    next: str = ""
    next_at: datetime | None = None
