"""What is said to an order and asked of it. Public: services that speak to Temporal use these.

Fields are only ever added, each with a default. Instants are UTC, amounts minor units of the
order's currency. `received_at` is the instant at which the edge of the system had the message:
it decides every race against a deadline.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.actors import Actor
from domain.order.agreements import Topic
from domain.order.lines import OrderLine
from domain.order.paying import AmountDecision, BorneBy
from domain.order.state import OrderState
from domain.payout.rules import Standing
from workflows.dispute.messages import DisputesChanged


@dataclass(frozen=True)
class PlaceOrder:
    """Start an order. Holds what was asked and nothing that a caller must not choose.

    `ship_to` is the destination's ISO 3166 country; the address itself stays sealed in the
    database. `method` is the provider's token of a payment method, empty if the buyer pays later.
    `subsidy` is the platform's part of the price: the buyer pays the rest.
    `paid_by` is the purchase that has opened the order and pays for it: only a purchase says so.
    `edition` says under which code it began, so that it is replayed as it was lived.
    """

    order: str
    buyer: str
    seller: str
    currency: str
    lines: tuple[OrderLine, ...]
    ship_to: str
    received_at: datetime
    method: str = ""
    subsidy: int = 0
    paid_by: str = ""
    edition: int = 0

    @property
    def total(self) -> int:
        """The price of the order, whoever pays it."""
        return sum(line.total for line in self.lines)


@dataclass(frozen=True)
class CancelOrder:
    """Close the order before it is paid."""

    actor: Actor
    received_at: datetime
    reason: str = ""


@dataclass(frozen=True)
class PayAnotherWay:
    """Open a further payment beside the ones that are out; the first that is paid counts."""

    actor: Actor
    received_at: datetime
    method: str = ""


@dataclass(frozen=True)
class DecideAmount:
    """What becomes of money of another amount; `borne_by` makes a short payment whole."""

    actor: Actor
    received_at: datetime
    decision: AmountDecision
    reason: str = ""
    borne_by: BorneBy = BorneBy.PLATFORM_LOSS


class FraudVerdict(StrEnum):
    """What compliance says of a payment that was doubted after its risk check."""

    CLEARED = "cleared"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class ReportFraud:
    """The payment is thought to be fraudulent: freeze its money, stop or stop short the goods."""

    actor: Actor
    received_at: datetime
    reason: str = ""


@dataclass(frozen=True)
class DecideFraud:
    """Let the order go on, or give everything back."""

    actor: Actor
    received_at: datetime
    verdict: FraudVerdict
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
    """The seller has handed goods to *carrier* under *number*.

    `lines` are those in the parcel; none named: all that wait for one.
    """

    actor: Actor
    received_at: datetime
    carrier: str
    number: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class EditShipment:
    """The number of a declared parcel was mistyped. `parcel`: "" for the only one."""

    actor: Actor
    received_at: datetime
    number: str
    parcel: str = ""


@dataclass(frozen=True)
class DisownShipment:
    """The buyer calls a doubted shipment off. `parcel`: "" for the only doubted one."""

    actor: Actor
    received_at: datetime
    parcel: str = ""


class CustomsRuling(StrEnum):
    """Whose fault it is that customs keep a parcel."""

    COUNTERFEIT = "counterfeit"
    DUTY_UNPAID = "duty_unpaid"


@dataclass(frozen=True)
class RuleOnCustoms:
    """Support says why customs keep a parcel: the carrier's text says the same for both.

    Counterfeit goods are the seller's fault and refunded; an unpaid duty is the buyer's, and the
    seller is paid. `parcel`: "" for the only one at customs.
    """

    actor: Actor
    received_at: datetime
    ruling: CustomsRuling
    parcel: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ChangeAddress:
    """The buyer wants the goods elsewhere; `draft` names the address, which is kept sealed."""

    actor: Actor
    received_at: datetime
    country: str
    draft: str


@dataclass(frozen=True)
class AskConsent:
    """One side asks the other for something; `days` is how much longer, where that is asked."""

    actor: Actor
    received_at: datetime
    topic: Topic
    days: int = 0
    reason: str = ""


@dataclass(frozen=True)
class AnswerConsent:
    """The other side (or the platform, where it may force it) agrees, or does not."""

    actor: Actor
    received_at: datetime
    topic: Topic
    is_agreed: bool
    reason: str = ""


@dataclass(frozen=True)
class WithdrawQuestion:
    """Whoever asked wants it no longer."""

    actor: Actor
    received_at: datetime
    topic: Topic


@dataclass(frozen=True)
class BuyLabel:
    """Buy a label for goods of the order, at no more than the price that was seen.

    `most` is minor units of `currency`, the carrier's. The box is grams and millimetres (zero: not
    measured). `lines` are those in the parcel; none named: all that wait for one. With a window
    (UTC) a courier is ordered at once.
    """

    actor: Actor
    received_at: datetime
    carrier: str
    service: str
    most: int
    currency: str
    grams: int
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    lines: tuple[str, ...] = ()
    fetch_from: datetime | None = None
    fetch_until: datetime | None = None


@dataclass(frozen=True)
class VoidLabel:
    """Give an unused label back. `parcel`: "" for the only one that has one."""

    actor: Actor
    received_at: datetime
    parcel: str = ""


@dataclass(frozen=True)
class SchedulePickup:
    """Let a courier fetch a parcel in a window (UTC). `parcel`: "" for the only one that waits."""

    actor: Actor
    received_at: datetime
    fetch_from: datetime
    fetch_until: datetime
    parcel: str = ""


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
    | PayAnotherWay
    | DecideAmount
    | ReportFraud
    | DecideFraud
    | DecideRisk
    | DeclareShipment
    | ConfirmReceipt
    | DenyReceipt
    | RefundOrder
    | PlaceHold
    | LiftHold
    | EditShipment
    | DisownShipment
    | RuleOnCustoms
    | ChangeAddress
    | AskConsent
    | AnswerConsent
    | WithdrawQuestion
    | BuyLabel
    | VoidLabel
    | SchedulePickup
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


@dataclass(frozen=True)
class SellerChanged:
    """The order's seller was suspended, closed or let back in."""

    event_id: str
    received_at: datetime
    standing: Standing = Standing.ACTIVE


@dataclass(frozen=True)
class FraudWarned:
    """The provider reports the payment as fraudulent, or takes that back: its signs are read."""

    event_id: str
    received_at: datetime


Fact = PaymentChanged | ParcelMoved | SellerChanged | FraudWarned | DisputesChanged


@dataclass(frozen=True)
class OrderSnapshot:
    """Where an order stands, in full: its axes, what may be asked by whom, what comes next."""

    state: OrderState
    status: str
    allowed: dict[str, tuple[str, ...]]
    next: str = ""
    next_at: datetime | None = None
