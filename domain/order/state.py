"""An order's parallel axes: states, events, and the tables that are the only copy of the rule."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.machine import Machine


class Payment(StrEnum):
    """Where the buyer's money stands."""

    AWAITING = "awaiting"
    IN_RISK_CHECK = "in_risk_check"
    CAPTURED = "captured"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    NEVER_PAID = "never_paid"


class PaymentEvent(StrEnum):
    """What happens to the buyer's money."""

    MONEY_ARRIVED = "money_arrived"
    WINDOW_CLOSED = "window_closed"
    CANCELLED = "cancelled"
    RISK_ACCEPTED = "risk_accepted"
    RISK_REFUSED = "risk_refused"
    PART_REFUNDED = "part_refunded"
    FULLY_REFUNDED = "fully_refunded"
    REFUND_FAILED = "refund_failed"


class Fulfilment(StrEnum):
    """Where the goods stand."""

    NOT_STARTED = "not_started"
    AWAITING_SHIPMENT = "awaiting_shipment"
    DECLARED = "declared"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    BUYER_ASKED = "buyer_asked"
    RECEIVED = "received"
    CANCELLED = "cancelled"


class FulfilmentEvent(StrEnum):
    """What happens to the goods."""

    SELLER_TOLD = "seller_told"
    DECLARED = "declared"
    SCANNED = "scanned"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"
    CONFIRMED_BY_SILENCE = "confirmed_by_silence"
    PROMISE_PASSED = "promise_passed"
    DENIED = "denied"
    NOT_SHIPPED = "not_shipped"
    NOT_RECEIVED = "not_received"
    CALLED_OFF = "called_off"


class Release(StrEnum):
    """How much of the escrow has gone to the seller."""

    NONE = "none"
    PART = "part"
    FULL = "full"


class ReleaseEvent(StrEnum):
    """What happens to the escrow."""

    PART_RELEASED = "part_released"
    ALL_RELEASED = "all_released"


PAYMENT: Final = Machine(
    "payment",
    MappingProxyType(
        {
            (Payment.AWAITING, PaymentEvent.MONEY_ARRIVED): Payment.IN_RISK_CHECK,
            (Payment.AWAITING, PaymentEvent.WINDOW_CLOSED): Payment.NEVER_PAID,
            (Payment.AWAITING, PaymentEvent.CANCELLED): Payment.NEVER_PAID,
            (Payment.IN_RISK_CHECK, PaymentEvent.RISK_ACCEPTED): Payment.CAPTURED,
            (Payment.IN_RISK_CHECK, PaymentEvent.RISK_REFUSED): Payment.CAPTURED,
            (Payment.CAPTURED, PaymentEvent.PART_REFUNDED): Payment.PARTLY_REFUNDED,
            (Payment.CAPTURED, PaymentEvent.FULLY_REFUNDED): Payment.REFUNDED,
            (Payment.PARTLY_REFUNDED, PaymentEvent.PART_REFUNDED): Payment.PARTLY_REFUNDED,
            (Payment.PARTLY_REFUNDED, PaymentEvent.FULLY_REFUNDED): Payment.REFUNDED,
            (Payment.PARTLY_REFUNDED, PaymentEvent.REFUND_FAILED): Payment.CAPTURED,
            (Payment.REFUNDED, PaymentEvent.REFUND_FAILED): Payment.CAPTURED,
        }
    ),
)

FULFILMENT: Final = Machine(
    "fulfilment",
    MappingProxyType(
        {
            (Fulfilment.NOT_STARTED, FulfilmentEvent.SELLER_TOLD): Fulfilment.AWAITING_SHIPMENT,
            (Fulfilment.NOT_STARTED, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.AWAITING_SHIPMENT, FulfilmentEvent.DECLARED): Fulfilment.DECLARED,
            (Fulfilment.AWAITING_SHIPMENT, FulfilmentEvent.NOT_SHIPPED): Fulfilment.CANCELLED,
            (Fulfilment.AWAITING_SHIPMENT, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.DECLARED, FulfilmentEvent.SCANNED): Fulfilment.IN_TRANSIT,
            (Fulfilment.DECLARED, FulfilmentEvent.DELIVERED): Fulfilment.DELIVERED,
            (Fulfilment.DECLARED, FulfilmentEvent.CONFIRMED): Fulfilment.RECEIVED,
            (Fulfilment.DECLARED, FulfilmentEvent.PROMISE_PASSED): Fulfilment.BUYER_ASKED,
            (Fulfilment.DECLARED, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.IN_TRANSIT, FulfilmentEvent.SCANNED): Fulfilment.IN_TRANSIT,
            (Fulfilment.IN_TRANSIT, FulfilmentEvent.DELIVERED): Fulfilment.DELIVERED,
            (Fulfilment.IN_TRANSIT, FulfilmentEvent.CONFIRMED): Fulfilment.RECEIVED,
            (Fulfilment.IN_TRANSIT, FulfilmentEvent.PROMISE_PASSED): Fulfilment.BUYER_ASKED,
            (Fulfilment.IN_TRANSIT, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.SCANNED): Fulfilment.BUYER_ASKED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.CONFIRMED): Fulfilment.RECEIVED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.DENIED): Fulfilment.BUYER_ASKED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.DELIVERED): Fulfilment.DELIVERED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.NOT_RECEIVED): Fulfilment.CANCELLED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.DELIVERED, FulfilmentEvent.SCANNED): Fulfilment.DELIVERED,
            (Fulfilment.DELIVERED, FulfilmentEvent.CONFIRMED): Fulfilment.RECEIVED,
            (Fulfilment.DELIVERED, FulfilmentEvent.CONFIRMED_BY_SILENCE): Fulfilment.RECEIVED,
            (Fulfilment.DELIVERED, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
        }
    ),
)

RELEASE: Final = Machine(
    "release",
    MappingProxyType(
        {
            (Release.NONE, ReleaseEvent.PART_RELEASED): Release.PART,
            (Release.NONE, ReleaseEvent.ALL_RELEASED): Release.FULL,
            (Release.PART, ReleaseEvent.PART_RELEASED): Release.PART,
            (Release.PART, ReleaseEvent.ALL_RELEASED): Release.FULL,
        }
    ),
)


class ClockName(StrEnum):
    """Every deadline an order can have; what each does when it runs out is in `rules.py`."""

    PAYMENT = "payment"
    RISK = "risk"
    SHIPMENT = "shipment"
    DELIVERY = "delivery"
    ANSWER = "answer"
    CONFIRMATION = "confirmation"
    EARLY_RELEASE = "early_release"
    RELEASE = "release"
    RESERVE = "reserve"


@dataclass(frozen=True)
class Clock:
    """One running deadline (UTC). `reminded` counts the reminders that have gone out.

    A clock that was lengthened once counts as reminded: it is not lengthened again.
    """

    name: ClockName
    opened_at: datetime
    due_at: datetime
    reminded: int = 0


@dataclass(frozen=True)
class Parcel:
    """One shipment. `number` is the carrier's; `tracker` the tracking provider's reference."""

    carrier: str
    number: str
    tracker: str = ""
    milestone: str = "declared"


@dataclass(frozen=True)
class Parked:
    """A step has failed for good: why, what was tried, who may do what about it, since when."""

    step: str
    reason: str
    tried: str
    since: datetime
    may: tuple[str, ...] = ("retry", "settle_by_hand")


class Outcome(StrEnum):
    """How an order ended."""

    OPEN = "open"
    COMPLETED = "completed"
    NEVER_PAID = "never_paid"
    CANCELLED_BY_BUYER = "cancelled_by_buyer"
    REFUSED_BY_RISK = "refused_by_risk"
    NEVER_SHIPPED = "never_shipped"
    NEVER_RECEIVED = "never_received"
    REFUNDED = "refunded"
    NOT_ACCEPTED = "not_accepted"


@dataclass(frozen=True)
class OrderState:
    """Everything the process knows, flat and small. Amounts are minor units of `currency`.

    `version` grows with every change, so that a view never goes back in time. `refunds` counts
    business attempts; `open_refunds` are the keys of those that are not final. `recovered` is
    what refunds took back from outside escrow: it is no longer missing there.
    """

    order: str
    buyer: str
    seller: str
    currency: str
    total: int
    placed_at: datetime
    policy: str = ""
    version: int = 0
    payment: Payment = Payment.AWAITING
    fulfilment: Fulfilment = Fulfilment.NOT_STARTED
    release: Release = Release.NONE
    outcome: Outcome = Outcome.OPEN
    captured: int = 0
    refunded: int = 0
    held: int = 0
    released: int = 0
    reserved: int = 0
    recovered: int = 0
    intent: str = ""
    refunds: int = 0
    open_refunds: tuple[str, ...] = ()
    clocks: tuple[Clock, ...] = ()
    parcel: Parcel | None = None
    denied: bool = False
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    parked: Parked | None = None
