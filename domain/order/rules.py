"""What an order allows, to whom, until when; what happens next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.calendar import reminders
from domain.errors import (
    AmountExceeded,
    DeadlinePassed,
    IllegalTransition,
    NotYours,
)
from domain.order.agreements import Topic
from domain.order.facts import (
    EDITABLE,
    clock_of,
    escrowed,
    is_typed,
    refundable,
    releasable,
    ticking,
)
from domain.order.headlines import headline
from domain.order.online_moves import may_fetch, may_void
from domain.order.parcels import MOST_PARCELS, ParcelStage
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
    Payment,
    PaymentEvent,
)
from domain.order.tables import FULFILMENT, PAYMENT


class Action(StrEnum):
    """What somebody may ask of an order."""

    CANCEL = "cancel"
    PAY_ANOTHER_WAY = "pay_another_way"
    DECIDE_AMOUNT = "decide_amount"
    DECIDE_RISK = "decide_risk"
    DECLARE_SHIPMENT = "declare_shipment"
    CONFIRM_RECEIPT = "confirm_receipt"
    DENY_RECEIPT = "deny_receipt"
    REPORT_FRAUD = "report_fraud"
    DECIDE_FRAUD = "decide_fraud"
    REFUND = "refund"
    PLACE_HOLD = "place_hold"
    LIFT_HOLD = "lift_hold"
    RESOLVE = "resolve"
    EDIT_SHIPMENT = "edit_shipment"
    DISOWN_SHIPMENT = "disown_shipment"
    RULE_ON_CUSTOMS = "rule_on_customs"
    CHANGE_ADDRESS = "change_address"
    ASK_CONSENT = "ask_consent"
    ANSWER_CONSENT = "answer_consent"
    WITHDRAW_QUESTION = "withdraw_question"
    BUY_LABEL = "buy_label"
    VOID_LABEL = "void_label"
    SCHEDULE_PICKUP = "schedule_pickup"


WHO_MAY: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.CANCEL: frozenset({Role.BUYER, Role.SERVICE}),
        Action.PAY_ANOTHER_WAY: frozenset({Role.BUYER, Role.SERVICE}),
        Action.DECIDE_AMOUNT: frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}),
        Action.DECIDE_RISK: frozenset({Role.COMPLIANCE}),
        Action.DECLARE_SHIPMENT: frozenset({Role.SELLER, Role.SERVICE}),
        Action.CONFIRM_RECEIPT: frozenset({Role.BUYER}),
        Action.DENY_RECEIPT: frozenset({Role.BUYER}),
        Action.REPORT_FRAUD: frozenset({Role.COMPLIANCE}),
        Action.DECIDE_FRAUD: frozenset({Role.COMPLIANCE}),
        Action.REFUND: frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, Role.SERVICE}),
        Action.PLACE_HOLD: frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE}),
        Action.LIFT_HOLD: frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE}),
        Action.RESOLVE: frozenset({Role.OPERATOR}),
        Action.EDIT_SHIPMENT: frozenset({Role.SELLER, Role.SERVICE}),
        Action.DISOWN_SHIPMENT: frozenset({Role.BUYER}),
        Action.RULE_ON_CUSTOMS: frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}),
        Action.CHANGE_ADDRESS: frozenset({Role.BUYER}),
        Action.ASK_CONSENT: frozenset({Role.BUYER, Role.SELLER}),
        Action.ANSWER_CONSENT: frozenset(
            {Role.BUYER, Role.SELLER, Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}
        ),
        Action.WITHDRAW_QUESTION: frozenset({Role.BUYER, Role.SELLER}),
        Action.BUY_LABEL: frozenset({Role.SELLER, Role.SERVICE}),
        Action.VOID_LABEL: frozenset({Role.SELLER, Role.SERVICE}),
        Action.SCHEDULE_PICKUP: frozenset({Role.SELLER, Role.SERVICE}),
    }
)
# The clock that an action must beat: asked at or before its end, it wins (invariant 5).
BEATS: Final[Mapping[Action, ClockName]] = MappingProxyType(
    {
        Action.CANCEL: ClockName.PAYMENT,
        Action.PAY_ANOTHER_WAY: ClockName.PAYMENT,
        Action.DECIDE_AMOUNT: ClockName.AMOUNT,
        Action.DECIDE_RISK: ClockName.RISK,
        Action.DECLARE_SHIPMENT: ClockName.SHIPMENT,
        Action.DENY_RECEIPT: ClockName.ANSWER,
        Action.DISOWN_SHIPMENT: ClockName.PROOF,
        Action.CHANGE_ADDRESS: ClockName.SHIPMENT,
        Action.BUY_LABEL: ClockName.SHIPMENT,
    }
)
# What each clock does when it runs out: every timer has a named outcome (invariant 4).
WHEN_DUE: Final[Mapping[ClockName, str]] = MappingProxyType(
    {
        ClockName.PAYMENT: "the payment is looked at once more, then the order closes unpaid",
        ClockName.AMOUNT: "all that was paid goes back, and the order closes",
        ClockName.AUTHORISATION: "the money is taken before the bank's word runs out",
        ClockName.RISK: "the check is extended once, with an alarm; then the buyer is refunded",
        ClockName.SHIPMENT: "what was not shipped is cancelled and refunded",
        ClockName.DELIVERY: "the buyer is asked whether the goods arrived",
        ClockName.ANSWER: "the buyer is refunded unless the carrier proves delivery",
        ClockName.CONFIRMATION: "silence confirms the receipt",
        ClockName.EARLY_RELEASE: "most of the money goes to the seller, the rest into reserve",
        ClockName.RELEASE: "the money goes to the seller",
        ClockName.RESERVE: "the reserve goes to the seller",
        ClockName.FIRST_SCAN: "the shipment is doubted, and the buyer may call it off",
        ClockName.PROOF: "the shipment counts as false: its goods are refunded",
        ClockName.RETURN: "what is on its way back counts as back: its goods are refunded",
        ClockName.PICKUP: "the courier is looked for: the parcel is on its way, or nobody came",
        ClockName.CHECK_IN: "a person asks the carrier where the collected parcel is",
        ClockName.EXTENSION_ANSWER: "silence leaves the shipping time as it is",
        ClockName.CANCELLATION_ANSWER: "silence agrees: the order is cancelled and refunded",
        ClockName.PROTECTION_ANSWER: "silence leaves the promise as it is",
        ClockName.REFUND: "a person looks for a refund that has not arrived",
    }
)


@dataclass(frozen=True)
class Due:
    """The nearest thing that will happen by itself: a clock's end, or a reminder of it."""

    clock: ClockName
    at: datetime
    is_reminder: bool = False
    parcel: str = ""

    @property
    def words(self) -> str:
        """What happens then, in a few words."""
        return f"{self.clock}: {'reminder' if self.is_reminder else WHEN_DUE[self.clock]}"


def reminders_left(clock: Clock) -> tuple[datetime, ...]:
    """The reminders of *clock* that have not gone out."""
    return reminders(clock.opened_at, clock.due_at)[clock.reminded :]


# A buyer who has not managed to pay by then is helped by a person, not by another attempt.
MOST_ATTEMPTS: Final = 8
REMINDED: Final = frozenset(
    {
        ClockName.PAYMENT,
        ClockName.SHIPMENT,
        ClockName.ANSWER,
        ClockName.CONFIRMATION,
        ClockName.PROOF,
        ClockName.EXTENSION_ANSWER,
        ClockName.PROTECTION_ANSWER,
    }
)


def next_due(state: OrderState) -> Due | None:
    """The nearest deadline or reminder; None where only a person or a provider can act.

    Windows in which nobody can do anything (delivery, protection) have no reminders.
    """
    dues = [Due(clock.name, clock.due_at, parcel=clock.parcel) for clock in ticking(state)]
    dues += [
        Due(clock.name, left[0], is_reminder=True, parcel=clock.parcel)
        for clock in ticking(state)
        if clock.name in REMINDED and (left := reminders_left(clock))
    ]
    return min(dues, key=lambda due: (due.at, due.is_reminder, due.clock, due.parcel), default=None)


def _has(state: OrderState, *stages: ParcelStage) -> bool:
    return any(parcel.stage in stages for parcel in state.parcels)


def _may_declare(state: OrderState) -> bool:
    is_possible = FULFILMENT.allows(state.fulfilment, FulfilmentEvent.DECLARED)
    is_stopped = state.fraud is Fraud.SUSPECTED
    return is_possible and not is_stopped and len(state.parcels) < MOST_PARCELS


def topics(state: OrderState) -> tuple[Topic, ...]:
    """What may be asked of the other side now; one question of a kind at a time."""
    open_now = {agreement.topic for agreement in state.agreements}
    return tuple(topic for topic in Topic if topic not in open_now and _TOPICS[topic](state))


def _waits_for_goods(state: OrderState) -> bool:
    """Whether the seller is waited for; not while compliance looks at the payment."""
    waits = state.fulfilment in (Fulfilment.AWAITING_SHIPMENT, Fulfilment.PARTLY_SHIPPED)
    return waits and state.fraud is not Fraud.SUSPECTED


_TOPICS: Final[Mapping[Topic, Callable[[OrderState], bool]]] = MappingProxyType(
    {
        Topic.EXTENSION: lambda s: _waits_for_goods(s) and not s.extended,
        Topic.CANCELLATION: lambda s: (
            _waits_for_goods(s) and s.fulfilment is not Fulfilment.PARTLY_SHIPPED
        ),
        Topic.PROTECTION: lambda s: (
            clock_of(s, ClockName.DELIVERY) is not None and s.protections < MOST_PROTECTIONS
        ),
    }
)
# Source: the policy table "Order and shipment": twice fifteen days.
MOST_PROTECTIONS: Final = 2

# Nobody doubts a payment any more once all of it went back.
_DOUBTFUL: Final = frozenset({Payment.AUTHORISED, Payment.CAPTURED, Payment.PARTLY_REFUNDED})
_POSSIBLE: Final[Mapping[Action, Callable[[OrderState], bool]]] = MappingProxyType(
    {
        # A part of a purchase is not called off alone: its buyer cancels the purchase.
        Action.CANCEL: lambda s: (
            PAYMENT.allows(s.payment, PaymentEvent.CANCELLED) and not s.paid_by
        ),
        Action.PAY_ANOTHER_WAY: lambda s: (
            s.payment is Payment.AWAITING and bool(s.intent) and s.attempts < MOST_ATTEMPTS
        ),
        Action.DECIDE_AMOUNT: lambda s: s.payment is Payment.AMOUNT_DIFFERS,
        Action.DECIDE_RISK: lambda s: PAYMENT.allows(s.payment, PaymentEvent.RISK_ACCEPTED),
        Action.DECLARE_SHIPMENT: _may_declare,
        Action.CONFIRM_RECEIPT: lambda s: FULFILMENT.allows(
            s.fulfilment, FulfilmentEvent.CONFIRMED
        ),
        Action.DENY_RECEIPT: lambda s: (
            FULFILMENT.allows(s.fulfilment, FulfilmentEvent.DENIED) and not s.denied
        ),
        Action.REPORT_FRAUD: lambda s: s.payment in _DOUBTFUL and not is_doubted(s),
        Action.DECIDE_FRAUD: lambda s: s.fraud is Fraud.SUSPECTED,
        Action.REFUND: lambda s: (
            PAYMENT.allows(s.payment, PaymentEvent.PART_REFUNDED) and refundable(s) > 0
        ),
        Action.PLACE_HOLD: lambda s: releasable(s) > 0,
        Action.LIFT_HOLD: lambda s: s.held > 0,
        Action.RESOLVE: lambda s: s.parked is not None,
        Action.EDIT_SHIPMENT: lambda s: any(
            parcel.stage in EDITABLE and is_typed(s, parcel) for parcel in s.parcels
        ),
        Action.DISOWN_SHIPMENT: lambda s: _has(s, ParcelStage.DOUBTED),
        Action.RULE_ON_CUSTOMS: lambda s: _has(s, ParcelStage.AT_CUSTOMS),
        Action.CHANGE_ADDRESS: lambda s: FULFILMENT.allows(
            s.fulfilment, FulfilmentEvent.ADDRESS_CHANGED
        ),
        Action.ASK_CONSENT: lambda s: bool(topics(s)),
        Action.ANSWER_CONSENT: lambda s: bool(s.agreements),
        Action.WITHDRAW_QUESTION: lambda s: bool(s.agreements),
        Action.BUY_LABEL: _may_declare,
        Action.VOID_LABEL: lambda s: s.outcome is Outcome.OPEN and may_void(s),
        Action.SCHEDULE_PICKUP: lambda s: s.outcome is Outcome.OPEN and may_fetch(s),
    }
)


def is_doubted(state: OrderState) -> bool:
    """Whether the payment is, or was found to be, fraudulent."""
    return state.fraud in (Fraud.SUSPECTED, Fraud.CONFIRMED)


def can_be_doubted(state: OrderState) -> bool:
    """Whether a report of fraud changes anything: after the risk check, and not yet decided."""
    return _is_possible(state, Action.REPORT_FRAUD)


def _is_possible(state: OrderState, action: Action) -> bool:
    return state.ended_at is None and _POSSIBLE[action](state)


def _is_theirs(state: OrderState, actor: Actor) -> bool:
    match actor.role:
        case Role.BUYER:
            return actor.id == state.buyer
        case Role.SELLER:
            return actor.id == state.seller
        case _:
            return True


def check(
    state: OrderState, action: Action, actor: Actor, received_at: datetime, amount: int = 0
) -> None:
    """Refuse what may not be asked, in a fixed order: who, whose, whether, until when, how much.

    Raises `NotYours`, `IllegalTransition`, `DeadlinePassed` or `AmountExceeded`.
    """
    if actor.role not in WHO_MAY[action] or not _is_theirs(state, actor):
        raise NotYours(f"{actor.role} may not {action} order {state.order}", role=actor.role)
    if not _is_possible(state, action):
        raise IllegalTransition(
            f"order {state.order} is {headline(state)}: {action} is not possible now",
            order=state.order,
            status=headline(state),
            version=state.version,
            action=action,
        )
    clock = clock_of(state, BEATS[action]) if action in BEATS else None
    if clock is not None and clock in ticking(state) and received_at > clock.due_at:
        raise DeadlinePassed(
            f"{action} had to be asked by {clock.due_at.isoformat()}",
            action=action,
            due_at=clock.due_at.isoformat(),
        )
    limit = {Action.REFUND: refundable, Action.PLACE_HOLD: releasable}.get(action)
    if limit is not None and not 0 < amount <= limit(state):
        raise AmountExceeded(
            f"at most {limit(state)} (minor units of {state.currency}) are left for {action}",
            asked=amount,
            available=limit(state),
            currency=state.currency,
        )


def allowed(state: OrderState) -> dict[Action, tuple[Role, ...]]:
    """What may be asked now, and by whom."""
    return {
        action: tuple(sorted(WHO_MAY[action])) for action in Action if _is_possible(state, action)
    }


def is_settled(state: OrderState) -> bool:
    """Whether nothing of the order is open: no escrow, reserve, hold, refund or suspicion."""
    if state.payment is Payment.NEVER_PAID:
        return True
    is_money_out = escrowed(state) <= state.released
    is_open = state.reserved or state.held or state.open_refunds or state.owed or state.authorised
    is_over = state.fulfilment in (Fulfilment.RECEIVED, Fulfilment.CANCELLED)
    return is_over and is_money_out and not is_open and state.fraud is not Fraud.SUSPECTED


def is_release_due(state: OrderState) -> bool:
    """Whether money waits in escrow that no clock, hold or refund keeps there any more."""
    waits = clock_of(state, ClockName.RELEASE) is not None
    is_received = state.fulfilment is Fulfilment.RECEIVED and state.outcome is Outcome.OPEN
    is_free = not (state.frozen or state.owed or is_doubted(state))
    return is_received and is_free and not waits and releasable(state) > 0


def is_end_due(state: OrderState) -> bool:
    """Whether an order that nobody called off is settled, and nothing else will end it."""
    return state.outcome is Outcome.OPEN and not state.clocks and is_settled(state)


def is_void_due(state: OrderState) -> bool:
    """Whether the order was called off while the buyer's bank still keeps money ready for it."""
    return state.outcome is not Outcome.OPEN and state.authorised > 0


def is_refund_due(state: OrderState) -> bool:
    """Whether the order was called off with the buyer's money still here."""
    return state.outcome is not Outcome.OPEN and refundable(state) > 0
