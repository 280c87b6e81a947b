"""What workflows ask of activities. Small: the state of the process, and what has changed.

Fields are only ever added, each with a default. `at` is business time (UTC): the instant of
whatever caused the step, never the wall clock.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.actors import Role
from domain.order.agreements import Topic
from domain.order.lines import OrderLine
from domain.order.paying import AmountDecision, BorneBy
from domain.order.state import ClockName, OrderState, Outcome, Parked
from domain.payout.rules import Standing
from domain.payout.state import PayoutState


@dataclass(frozen=True)
class OpenOrder:
    """Put a new order on record and fix what it lives by."""

    state: OrderState
    lines: tuple[OrderLine, ...]
    ship_to: str


@dataclass(frozen=True)
class Step:
    """One step of an order, at a moment; `actor` is who caused it, "" for time and providers."""

    state: OrderState
    at: datetime
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True)
class AskPayment:
    """Ask the buyer's money of the provider. `again`: an earlier try may have had its effect."""

    state: OrderState
    at: datetime
    method: str = ""
    again: bool = False
    actor: str = ""


@dataclass(frozen=True)
class ClosePayment:
    """Close the payment window; `by_deadline` says that its clock ran out at `at`."""

    state: OrderState
    at: datetime
    outcome: Outcome
    by_deadline: bool = False
    actor: str = ""


@dataclass(frozen=True)
class DecideAmount:
    """Do what was decided about money of another amount; `by_deadline`: nobody has decided.

    `borne_by` names whose account makes a short payment whole, `outcome` how an order closes.
    """

    state: OrderState
    at: datetime
    decision: AmountDecision
    actor: str = ""
    reason: str = ""
    borne_by: BorneBy = BorneBy.PLATFORM_LOSS
    outcome: Outcome = Outcome.AMOUNT_REFUSED
    by_deadline: bool = False


@dataclass(frozen=True)
class DecideFraud:
    """Say whether a payment that was doubted is fraudulent."""

    state: OrderState
    at: datetime
    is_fraud: bool
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Ship:
    """Declare a parcel of some lines; none named: of all that wait for one.

    `is_online`: under a label that was bought; the goods have not left before a carrier has them.
    """

    state: OrderState
    at: datetime
    carrier: str
    number: str
    actor: str = ""
    lines: tuple[str, ...] = ()
    is_online: bool = False


@dataclass(frozen=True)
class EditShipment:
    """Put the number of a declared parcel right."""

    state: OrderState
    at: datetime
    parcel: str
    number: str
    actor: str = ""


@dataclass(frozen=True)
class Consent:
    """One turn of a question between the two sides; `by_deadline`: silence is the answer."""

    state: OrderState
    at: datetime
    topic: Topic
    actor: str = ""
    role: Role = Role.BUYER
    days: int = 0
    is_agreed: bool = False
    by_deadline: bool = False
    reason: str = ""


@dataclass(frozen=True)
class ChangeAddress:
    """Send the goods elsewhere within the same country; `draft` names the sealed address."""

    state: OrderState
    at: datetime
    country: str
    draft: str
    actor: str = ""


@dataclass(frozen=True)
class HeedStanding:
    """The order's seller stands differently with the marketplace."""

    state: OrderState
    at: datetime
    standing: Standing


class Move(StrEnum):
    """A change of state that moves neither money nor goods; `by silence` ones act on a clock."""

    RISK_ACCEPTED = "risk_accepted"
    RISK_REFUSED = "risk_refused"
    RISK_EXTENDED = "risk_extended"
    BUYER_ASKED = "buyer_asked"
    RECEIVED = "received"
    RECEIVED_BY_SILENCE = "received_by_silence"
    RECEIPT_DENIED = "receipt_denied"
    NEVER_SHIPPED = "never_shipped"
    NEVER_RECEIVED = "never_received"
    REFUND_LATE = "refund_late"
    ENDED = "ended"
    NOT_ALL_SHIPPED = "not_all_shipped"
    SHIPMENT_DOUBTED = "shipment_doubted"
    SHIPMENT_FALSE = "shipment_false"
    RETURN_OVERDUE = "return_overdue"
    SEIZED = "seized"
    FORFEITED = "forfeited"
    NOTHING_OWED = "nothing_owed"


@dataclass(frozen=True)
class Record:
    """Record a move. `by_deadline`: refused while a request that came in time waits."""

    state: OrderState
    at: datetime
    move: Move
    actor: str = ""
    reason: str = ""
    by_deadline: bool = False
    parcel: str = ""


@dataclass(frozen=True)
class Remind:
    """Send one reminder of a clock."""

    state: OrderState
    at: datetime
    clock: ClockName
    parcel: str = ""


@dataclass(frozen=True)
class Park:
    """Show that the process waits for an operator, or (None) that it goes on."""

    state: OrderState
    at: datetime
    why: Parked | None
    actor: str = ""
    note: str = ""


@dataclass(frozen=True)
class Refund:
    """Give money back, as attempt `number`. `by_hand`: how an operator paid it outside.

    `owed` names the entry of the state's `owed` that this pays.
    """

    state: OrderState
    at: datetime
    number: int
    amount: int
    actor: str = ""
    reason: str = ""
    by_hand: str = ""
    owed: str = ""


@dataclass(frozen=True)
class ChangeHold:
    """Place a hold of `amount`, or lift it."""

    state: OrderState
    at: datetime
    hold: str
    amount: int = 0
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True)
class PayoutStep:
    """One step of a payout, at a moment."""

    state: PayoutState
    at: datetime
    reason: str = ""


@dataclass(frozen=True)
class PayoutWord:
    """An operator's word about a parked payout; `note` says why, or how it was paid."""

    state: PayoutState
    at: datetime
    actor: str
    note: str = ""


@dataclass(frozen=True)
class DuePayouts:
    """List what is payable as of a moment, after a mark (seller, currency), so many at a time.

    With `policy` only that of sellers who live by it.
    """

    as_of: datetime
    after_seller: str = ""
    after_currency: str = ""
    limit: int = 100
    policy: str = ""


@dataclass(frozen=True)
class PayoutDue:
    """One payable balance in minor units."""

    seller: str
    currency: str
    amount: int


@dataclass(frozen=True)
class CareForPayment:
    """News of an order's payment, or of a payout, after its execution had ended."""

    subject: str
    at: datetime
    kind: str = ""


@dataclass(frozen=True)
class CallOperator:
    """A step has failed for good: `subject` is the execution's object ("order/o-1")."""

    subject: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class ShipOnline:
    """Buy a label and declare the parcel under its number; with a window, order a courier too."""

    state: OrderState
    at: datetime
    label: "BuyLabel"
    actor: str = ""
    lines: tuple[str, ...] = ()
    fetch_from: datetime | None = None
    fetch_until: datetime | None = None


@dataclass(frozen=True)
class FetchParcel:
    """Order a courier for a parcel's label, in a window (UTC)."""

    state: OrderState
    at: datetime
    label: str
    fetch_from: datetime
    fetch_until: datetime
    actor: str = ""


@dataclass(frozen=True)
class OfLabel:
    """One step of a label of the order, named by its key ("": of every label that it concerns)."""

    state: OrderState
    at: datetime
    label: str = ""
    actor: str = ""


@dataclass(frozen=True)
class BuyLabel:
    """Buy label `number` of an order: this service, at no more than the price that was seen.

    `most` is minor units of `currency`, the carrier's; the box is grams and millimetres.
    """

    order: str
    number: int
    at: datetime
    carrier: str
    service: str
    most: int
    currency: str
    grams: int
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True)
class BuyReturnLabel:
    """Buy the cheapest label by which an order's goods go back to its seller, under *key*.

    It has to cost less than `below` (minor units of `currency`): goods that are worth less are not
    carried. The box is grams and millimetres.
    """

    key: str
    order: str
    at: datetime
    bearer: str
    below: int
    currency: str
    grams: int
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True)
class LabelStep:
    """One step of a label, named by the key of its purchase; at a moment of business time."""

    label: str
    at: datetime


@dataclass(frozen=True)
class SchedulePickup:
    """Let a courier fetch a label's parcel in a window (UTC), as purchase `number`."""

    label: str
    at: datetime
    number: int
    begins: datetime
    ends: datetime
