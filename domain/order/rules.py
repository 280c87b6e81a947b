"""What an order allows, to whom, until when; what happens next; how its money divides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.calendar import reminders
from domain.errors import AmountExceeded, DeadlinePassed, IllegalTransition, NotYours
from domain.order.state import (
    FULFILMENT,
    PAYMENT,
    Clock,
    ClockName,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
    Payment,
    PaymentEvent,
)


class Action(StrEnum):
    """What somebody may ask of an order."""

    CANCEL = "cancel"
    DECIDE_RISK = "decide_risk"
    DECLARE_SHIPMENT = "declare_shipment"
    CONFIRM_RECEIPT = "confirm_receipt"
    DENY_RECEIPT = "deny_receipt"
    REFUND = "refund"
    PLACE_HOLD = "place_hold"
    LIFT_HOLD = "lift_hold"
    RESOLVE = "resolve"


WHO_MAY: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.CANCEL: frozenset({Role.BUYER, Role.SERVICE}),
        Action.DECIDE_RISK: frozenset({Role.COMPLIANCE}),
        Action.DECLARE_SHIPMENT: frozenset({Role.SELLER, Role.SERVICE}),
        Action.CONFIRM_RECEIPT: frozenset({Role.BUYER}),
        Action.DENY_RECEIPT: frozenset({Role.BUYER}),
        Action.REFUND: frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, Role.SERVICE}),
        Action.PLACE_HOLD: frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE}),
        Action.LIFT_HOLD: frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE}),
        Action.RESOLVE: frozenset({Role.OPERATOR}),
    }
)
# The clock that an action must beat: asked at or before its end, it wins (invariant 5).
BEATS: Final[Mapping[Action, ClockName]] = MappingProxyType(
    {
        Action.CANCEL: ClockName.PAYMENT,
        Action.DECIDE_RISK: ClockName.RISK,
        Action.DECLARE_SHIPMENT: ClockName.SHIPMENT,
        Action.DENY_RECEIPT: ClockName.ANSWER,
    }
)
# What each clock does when it runs out: every timer has a named outcome (invariant 4).
WHEN_DUE: Final[Mapping[ClockName, str]] = MappingProxyType(
    {
        ClockName.PAYMENT: "the payment is looked at once more, then the order closes unpaid",
        ClockName.RISK: "the check is extended once, with an alarm; then the buyer is refunded",
        ClockName.SHIPMENT: "the order is cancelled and the buyer refunded in full",
        ClockName.DELIVERY: "the buyer is asked whether the goods arrived",
        ClockName.ANSWER: "the buyer is refunded unless the carrier proves delivery",
        ClockName.CONFIRMATION: "silence confirms the receipt",
        ClockName.EARLY_RELEASE: "most of the money goes to the seller, the rest into reserve",
        ClockName.RELEASE: "the money goes to the seller",
        ClockName.RESERVE: "the reserve goes to the seller",
    }
)


@dataclass(frozen=True)
class Due:
    """The nearest thing that will happen by itself: a clock's end, or a reminder of it."""

    clock: ClockName
    at: datetime
    is_reminder: bool = False


def reminders_left(clock: Clock) -> tuple[datetime, ...]:
    """The reminders of *clock* that have not gone out."""
    return reminders(clock.opened_at, clock.due_at)[clock.reminded :]


REMINDED: Final = frozenset(
    {ClockName.PAYMENT, ClockName.SHIPMENT, ClockName.ANSWER, ClockName.CONFIRMATION}
)


def next_due(state: OrderState) -> Due | None:
    """The nearest deadline or reminder; None where only a person or a provider can act.

    Windows in which nobody can do anything (delivery, protection) have no reminders.
    """
    dues = [Due(clock.name, clock.due_at) for clock in state.clocks]
    dues += [
        Due(clock.name, left[0], is_reminder=True)
        for clock in state.clocks
        if clock.name in REMINDED and (left := reminders_left(clock))
    ]
    return min(dues, key=lambda due: (due.at, due.is_reminder, due.clock), default=None)


def clock_of(state: OrderState, name: ClockName) -> Clock | None:
    """The running clock of that name, if it runs."""
    return next((clock for clock in state.clocks if clock.name is name), None)


def refundable(state: OrderState) -> int:
    """What may still be refunded: captured, less what went back or is held for a stated claim."""
    return state.captured - state.refunded - state.held


def releasable(state: OrderState) -> int:
    """What escrow could release now, holds aside."""
    return max(0, refundable(state) + state.recovered - state.released)


_POSSIBLE: Final[Mapping[Action, Callable[[OrderState], bool]]] = MappingProxyType(
    {
        Action.CANCEL: lambda s: PAYMENT.allows(s.payment, PaymentEvent.CANCELLED),
        Action.DECIDE_RISK: lambda s: PAYMENT.allows(s.payment, PaymentEvent.RISK_ACCEPTED),
        Action.DECLARE_SHIPMENT: lambda s: FULFILMENT.allows(
            s.fulfilment, FulfilmentEvent.DECLARED
        ),
        Action.CONFIRM_RECEIPT: lambda s: FULFILMENT.allows(
            s.fulfilment, FulfilmentEvent.CONFIRMED
        ),
        Action.DENY_RECEIPT: lambda s: (
            FULFILMENT.allows(s.fulfilment, FulfilmentEvent.DENIED) and not s.denied
        ),
        Action.REFUND: lambda s: (
            PAYMENT.allows(s.payment, PaymentEvent.PART_REFUNDED) and refundable(s) > 0
        ),
        Action.PLACE_HOLD: lambda s: releasable(s) > 0,
        Action.LIFT_HOLD: lambda s: s.held > 0,
        Action.RESOLVE: lambda s: s.parked is not None,
    }
)


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
            action=action,
        )
    clock = clock_of(state, BEATS[action]) if action in BEATS else None
    if clock is not None and received_at > clock.due_at:
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


def headline(state: OrderState) -> str:
    """One status for lists, derived from the axes; never stored as the truth."""
    if state.parked is not None:
        return "needs_attention"
    if state.ended_at is not None:
        return str(state.outcome)
    if state.outcome is not Outcome.OPEN:
        return "refunding"
    if state.payment in _BEFORE_SHIPMENT:
        return _BEFORE_SHIPMENT[state.payment]
    if state.fulfilment is Fulfilment.RECEIVED:
        return "held" if state.held and not state.clocks else "in_protection"
    return str(state.fulfilment)


_BEFORE_SHIPMENT: Final = MappingProxyType(
    {Payment.AWAITING: "awaiting_payment", Payment.IN_RISK_CHECK: "in_risk_check"}
)


def is_settled(state: OrderState) -> bool:
    """Whether nothing of the order is open: no clock, escrow, reserve, hold or refund."""
    if state.payment is Payment.NEVER_PAID:
        return True
    is_money_out = state.captured - state.refunded + state.recovered - state.released <= 0
    is_anything_open = state.reserved or state.held or state.open_refunds
    is_over = state.fulfilment in (Fulfilment.RECEIVED, Fulfilment.CANCELLED)
    return is_over and is_money_out and not is_anything_open


def is_release_due(state: OrderState) -> bool:
    """Whether money waits in escrow that no clock, hold or refund keeps there any more."""
    waits = clock_of(state, ClockName.RELEASE) is not None
    is_received = state.fulfilment is Fulfilment.RECEIVED and state.outcome is Outcome.OPEN
    return is_received and not waits and releasable(state) > 0


def phase(state: OrderState) -> str:
    """The headline, coarse enough to be searched for: it changes a few times in a life."""
    status = headline(state)
    return "on_the_way" if status in _ON_THE_WAY else status


_ON_THE_WAY: Final = frozenset(
    {str(Fulfilment.DECLARED), str(Fulfilment.IN_TRANSIT), str(Fulfilment.BUYER_ASKED)}
)


def is_refund_due(state: OrderState) -> bool:
    """Whether the order was called off with the buyer's money still here."""
    return state.outcome is not Outcome.OPEN and refundable(state) > 0


def commission_until(commission: int, total: int, released: int) -> int:
    """The commission due once *released* of *total* is out; cumulative, so that parts sum exactly.

    *commission* is what the whole order would bear, fixed when it was placed. Rounds down: the
    odd minor unit is the seller's until the last release.
    """
    return commission * released // total if total else 0
