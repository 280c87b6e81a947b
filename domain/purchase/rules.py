"""What a purchase allows, to whom, until when; and what happens next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.errors import DeadlinePassed, IllegalTransition, NotYours
from domain.order.rules import reminders_left
from domain.purchase.state import PURCHASE, PurchaseEvent, PurchaseState

MOST_SELLERS: Final = 20
WHEN_DUE: Final = "the payment is looked at once more, then the purchase closes unpaid"


class Action(StrEnum):
    """What somebody may ask of a purchase."""

    CANCEL = "cancel"
    RESOLVE = "resolve"


WHO_MAY: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.CANCEL: frozenset({Role.BUYER, Role.SERVICE}),
        Action.RESOLVE: frozenset({Role.OPERATOR}),
    }
)


@dataclass(frozen=True)
class Due:
    """The nearest thing that will happen by itself: the window's end, or a reminder of it."""

    at: datetime
    is_reminder: bool = False


def next_due(state: PurchaseState) -> Due | None:
    """The nearest reminder or the end of the payment window; None when nobody is waited for."""
    if state.clock is None:
        return None
    left = reminders_left(state.clock)
    return Due(left[0], is_reminder=True) if left else Due(state.clock.due_at)


def is_first_window(state: PurchaseState) -> bool:
    """Whether the window has not been lengthened yet: it opened when the purchase was placed."""
    return state.clock is not None and state.clock.opened_at == state.placed_at


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
    if action is Action.CANCEL and state.clock is not None and received_at > state.clock.due_at:
        raise DeadlinePassed(
            f"{action} had to be asked by {state.clock.due_at.isoformat()}",
            action=action,
            due_at=state.clock.due_at.isoformat(),
        )


def allowed(state: PurchaseState) -> dict[Action, tuple[Role, ...]]:
    """What may be asked now, and by whom."""
    possible = {
        Action.CANCEL: PURCHASE.allows(state.stage, PurchaseEvent.CANCELLED),
        Action.RESOLVE: state.parked is not None,
    }
    return {action: tuple(sorted(WHO_MAY[action])) for action in Action if possible[action]}


def headline(state: PurchaseState) -> str:
    """One status for lists, derived; never stored as the truth."""
    return "needs_attention" if state.parked is not None else str(state.stage)
