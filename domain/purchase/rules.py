"""What a purchase allows, to whom, until when; and what happens next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.errors import DeadlinePassed, IllegalTransition, NotYours, PaidOnShipment
from domain.order.rules import MOST_ATTEMPTS, reminders_left
from domain.order.state import ClockName
from domain.purchase.state import PURCHASE, PurchaseEvent, PurchaseState, Stage

MOST_SELLERS: Final = 20
WHEN_DUE: Final = MappingProxyType(
    {
        ClockName.PAYMENT: "the payment is looked at once more, then the purchase closes unpaid",
        ClockName.AMOUNT: "the other amount goes back and the purchase closes unpaid",
    }
)


class Action(StrEnum):
    """What somebody may ask of a purchase."""

    CANCEL = "cancel"
    PAY_ANOTHER_WAY = "pay_another_way"
    DECIDE_AMOUNT = "decide_amount"
    RESOLVE = "resolve"


WHO_MAY: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.CANCEL: frozenset({Role.BUYER, Role.SERVICE}),
        Action.PAY_ANOTHER_WAY: frozenset({Role.BUYER, Role.SERVICE}),
        Action.DECIDE_AMOUNT: frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}),
        Action.RESOLVE: frozenset({Role.OPERATOR}),
    }
)
_TIMED: Final = frozenset({Action.CANCEL, Action.PAY_ANOTHER_WAY, Action.DECIDE_AMOUNT})


@dataclass(frozen=True)
class Due:
    """The nearest thing that will happen by itself: a window's end, or a reminder of it."""

    at: datetime
    is_reminder: bool = False


def next_due(state: PurchaseState) -> Due | None:
    """The nearest reminder or the end of the window; None when nobody is waited for."""
    if state.clock is None:
        return None
    is_reminded = state.clock.name is ClockName.PAYMENT
    left = reminders_left(state.clock) if is_reminded else ()
    return Due(left[0], is_reminder=True) if left else Due(state.clock.due_at)


def what_is_due(state: PurchaseState) -> str:
    """The nearest thing that will happen by itself, in words; "" when nobody is waited for."""
    due = next_due(state)
    if due is None or state.clock is None:
        return ""
    return "a reminder goes out" if due.is_reminder else WHEN_DUE[state.clock.name]


def is_first_window(state: PurchaseState) -> bool:
    """Whether the window has not been lengthened yet: it opened when the buyer was asked."""
    asked_at = state.asked_at or state.placed_at
    return state.clock is not None and state.clock.opened_at == asked_at


def may_be_asked_again(state: PurchaseState) -> bool:
    """Whether the buyer may be asked for a further payment."""
    return state.attempts < MOST_ATTEMPTS


def must_be_paid_at_once(seller: str, capture: str) -> None:
    """Refuse a seller whose policy takes money only when the goods go (`PaidOnShipment`).

    A payment is captured once, and the orders of a purchase ship on days of their own.
    """
    if capture == "on_shipment":
        raise PaidOnShipment(
            f"what seller {seller} sells is paid when it is shipped; order of them by itself",
            seller=seller,
        )


def check(state: PurchaseState, action: Action, actor: Actor, received_at: datetime) -> None:
    """Refuse what may not be asked, in a fixed order: who, whose, whether, until when.

    Raises `NotYours`, `IllegalTransition` or `DeadlinePassed`.
    """
    is_theirs = actor.role is not Role.BUYER or actor.id == state.buyer
    if actor.role not in WHO_MAY[action] or not is_theirs:
        raise NotYours(f"{actor.role} may not {action} purchase {state.purchase}", role=actor.role)
    if action not in allowed(state):
        raise IllegalTransition(
            f"purchase {state.purchase} is {headline(state)}: {action} is not possible now",
            purchase=state.purchase,
            status=headline(state),
            action=action,
        )
    if action in _TIMED and state.clock is not None and received_at > state.clock.due_at:
        raise DeadlinePassed(
            f"{action} had to be asked by {state.clock.due_at.isoformat()}",
            action=action,
            due_at=state.clock.due_at.isoformat(),
        )


def allowed(state: PurchaseState) -> dict[Action, tuple[Role, ...]]:
    """What may be asked now, and by whom."""
    possible = {
        Action.CANCEL: PURCHASE.allows(state.stage, PurchaseEvent.CANCELLED),
        Action.PAY_ANOTHER_WAY: (
            state.stage is Stage.AWAITING_PAYMENT
            and bool(state.intent)
            and may_be_asked_again(state)
        ),
        Action.DECIDE_AMOUNT: state.stage is Stage.AMOUNT_DIFFERS,
        Action.RESOLVE: state.parked is not None,
    }
    return {action: tuple(sorted(WHO_MAY[action])) for action in Action if possible[action]}


def headline(state: PurchaseState) -> str:
    """One status for lists, derived; never stored as the truth."""
    return "needs_attention" if state.parked is not None else str(state.stage)
