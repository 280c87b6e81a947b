"""An order's parallel axes, their states and events, and all that an order is."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.fx.rates import Exchange
from domain.order.agreements import Agreement
from domain.order.disputed import Disputed, GivenBack
from domain.order.online import OnlineLabel
from domain.order.parcels import Parcel, ParcelStage


class Payment(StrEnum):
    """Where the buyer's money stands."""

    AWAITING = "awaiting"
    AMOUNT_DIFFERS = "amount_differs"
    IN_RISK_CHECK = "in_risk_check"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    NEVER_PAID = "never_paid"
    VOIDED = "voided"


class PaymentEvent(StrEnum):
    """What happens to the buyer's money."""

    MONEY_ARRIVED = "money_arrived"
    OTHER_AMOUNT_ARRIVED = "other_amount_arrived"
    AMOUNT_ACCEPTED = "amount_accepted"
    AMOUNT_SENT_BACK = "amount_sent_back"
    BANK_AGREED = "bank_agreed"
    TAKEN = "taken"
    VOIDED = "voided"
    LAPSED = "lapsed"
    WINDOW_CLOSED = "window_closed"
    CANCELLED = "cancelled"
    RISK_ACCEPTED = "risk_accepted"
    RISK_REFUSED = "risk_refused"
    RISK_REOPENED = "risk_reopened"
    RISK_ACCEPTED_UNTAKEN = "risk_accepted_untaken"
    RISK_REFUSED_UNTAKEN = "risk_refused_untaken"
    PART_REFUNDED = "part_refunded"
    FULLY_REFUNDED = "fully_refunded"
    REFUND_FAILED = "refund_failed"


class Fulfilment(StrEnum):
    """Where the goods stand."""

    NOT_STARTED = "not_started"
    AWAITING_SHIPMENT = "awaiting_shipment"
    PARTLY_SHIPPED = "partly_shipped"
    DECLARED = "declared"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    BUYER_ASKED = "buyer_asked"
    RECEIVED = "received"
    CANCELLED = "cancelled"


class FulfilmentEvent(StrEnum):
    """What happens to the goods as a whole; what happens to one parcel is in `parcels.py`."""

    SELLER_TOLD = "seller_told"
    ADDRESS_CHANGED = "address_changed"
    PART_DECLARED = "part_declared"
    PART_TAKEN_BACK = "part_taken_back"
    ALL_TAKEN_BACK = "all_taken_back"
    DECLARED = "declared"
    CONFIRMED = "confirmed"
    CONFIRMED_BY_SILENCE = "confirmed_by_silence"
    DENIED = "denied"
    PAYMENT_LAPSED = "payment_lapsed"
    NOT_SHIPPED = "not_shipped"
    NOTHING_UNDER_WAY = "nothing_under_way"
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


class ClockName(StrEnum):
    """Every deadline an order can have; what each does when it runs out is in `rules.py`."""

    PAYMENT = "payment"
    AMOUNT = "amount"
    AUTHORISATION = "authorisation"
    RISK = "risk"
    SHIPMENT = "shipment"
    DELIVERY = "delivery"
    ANSWER = "answer"
    CONFIRMATION = "confirmation"
    FIRST_SCAN = "first_scan"
    PROOF = "proof"
    RETURN = "return"
    PICKUP = "pickup"
    CHECK_IN = "check_in"
    EXTENSION_ANSWER = "extension_answer"
    CANCELLATION_ANSWER = "cancellation_answer"
    PROTECTION_ANSWER = "protection_answer"
    EARLY_RELEASE = "early_release"
    RELEASE = "release"
    RESERVE = "reserve"
    REFUND = "refund"


@dataclass(frozen=True)
class Clock:
    """One running deadline (UTC). `reminded` counts the reminders that have gone out.

    A clock that was lengthened once counts as reminded: it is not lengthened again. `parcel`
    names whose clock it is, "" for the whole order's.
    """

    name: ClockName
    opened_at: datetime
    due_at: datetime
    reminded: int = 0
    parcel: str = ""


@dataclass(frozen=True)
class Owed:
    """Money that is the buyer's again, though the order goes on: for which goods, and why."""

    name: str
    amount: int
    reason: str


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
    AMOUNT_REFUSED = "amount_refused"
    REFUSED_BY_RISK = "refused_by_risk"
    FRAUD = "fraud"
    NEVER_SHIPPED = "never_shipped"
    NEVER_RECEIVED = "never_received"
    REFUNDED = "refunded"
    NOT_ACCEPTED = "not_accepted"
    CANCELLED_BY_AGREEMENT = "cancelled_by_agreement"
    SELLER_SUSPENDED = "seller_suspended"
    FALSE_SHIPMENT = "false_shipment"
    LOST = "lost"
    RETURNED = "returned"
    SEIZED = "seized"


class Fraud(StrEnum):
    """What is thought of a payment after its risk check."""

    NONE = "none"
    SUSPECTED = "suspected"
    CLEARED = "cleared"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class OrderState:
    """Everything the process knows, flat and small. Amounts are minor units of `currency`.

    `version` grows with every change, so that a view never goes back in time. `refunds` counts
    business attempts; `open_refunds` are the keys of those that are not final. `recovered` is
    what refunds took back from outside escrow: it is no longer missing there. `unshipped` are the
    lines that no parcel holds yet; `owed` what is to be refunded of an order that goes on.
    `frozen`: the seller is suspended, and nothing is released to them. `settles_in` is the currency
    that the seller is credited in, "" for the order's: `reserved` is in that one.

    `intent` is the payment that pays the order, or the newest asked for; `others` may still be
    paid, `attempts` were asked for in all. `subsidy` is the platform's part of `total`,
    `authorised` what may be captured, `received` money of another amount that is kept apart,
    `returns` how many payments that no order waited for went back.
    `asked_at` is when the payment window opened anew, `frauds` how often fraud was suspected.
    `paid_by` is the purchase that the order is a part of, "" if it is paid by itself.
    `labels` were bought online; `labels_asked` counts purchases, refused ones included. `ship_by`
    is when the shipping time ends that a declaration has stopped.
    `disputes` are open; `given_back` is what earlier ones gave for a line, `contributed` what
    others than the seller paid of that. `charged_back` is what the buyer's bank took back, and what
    it has taken and the platform stands in for until the verdict.
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
    others: tuple[str, ...] = ()
    attempts: int = 0
    subsidy: int = 0
    authorised: int = 0
    received: int = 0
    returns: int = 0
    asked_at: datetime | None = None
    fraud: Fraud = Fraud.NONE
    frauds: int = 0
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
    unshipped: tuple[str, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    owed: tuple[Owed, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    extended: bool = False
    protections: int = 0
    frozen: bool = False
    settles_in: str = ""
    exchange: Exchange | None = None
    paid_by: str = ""
    labels: tuple[OnlineLabel, ...] = ()
    labels_asked: int = 0
    ship_by: datetime | None = None
    contributed: int = 0
    disputes: tuple[Disputed, ...] = ()
    given_back: tuple[GivenBack, ...] = ()
    charged_back: int = 0

    def __post_init__(self) -> None:
        """Take the one parcel of an order that began before there could be several."""
        if self.parcel is None:
            return
        moved = tuple(
            replace(clock, parcel=self.parcel.name) if clock.name in _OF_PARCELS else clock
            for clock in self.clocks
        )
        object.__setattr__(self, "clocks", moved)
        object.__setattr__(self, "parcels", self.parcels or (_as_one_of_several(self),))
        object.__setattr__(self, "parcel", None)


_OF_PARCELS: Final = frozenset({ClockName.DELIVERY, ClockName.ANSWER})
_STAGES: Final = MappingProxyType(
    {
        Fulfilment.DECLARED: ParcelStage.DECLARED,
        Fulfilment.IN_TRANSIT: ParcelStage.IN_TRANSIT,
        Fulfilment.BUYER_ASKED: ParcelStage.BUYER_ASKED,
        Fulfilment.DELIVERED: ParcelStage.DELIVERED,
        Fulfilment.RECEIVED: ParcelStage.DELIVERED,
    }
)


def _as_one_of_several(state: OrderState) -> Parcel:
    assert state.parcel is not None  # noqa: S101 - asked by the caller
    return replace(
        state.parcel,
        stage=_STAGES.get(state.fulfilment, ParcelStage.IN_TRANSIT),
        amount=state.total,
        declared_at=state.shipped_at,
    )
