"""What a chargeback allows, to whom."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.chargeback.state import ChargebackState, Stage
from domain.errors import IllegalTransition, NotYours


class Action(StrEnum):
    """What somebody may ask of a chargeback."""

    CONTEST = "contest"
    CONCEDE = "concede"


class Act(StrEnum):
    """The same, and what is said to the bank, as people are offered it."""

    SAY = "say_to_bank"
    CONTEST = "contest"
    CONCEDE = "concede"


_STAFF: Final = frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE})
WHO_MAY: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {Action.CONTEST: _STAFF, Action.CONCEDE: _STAFF}
)


def check(state: ChargebackState, action: Action, actor: Actor) -> None:
    """Refuse with a reason what may not be asked now, or not by this person."""
    if actor.role not in WHO_MAY[action]:
        raise NotYours(f"a {actor.role} may not {action} a chargeback", role=actor.role)
    if state.stage is not Stage.NEEDS_RESPONSE or state.conceded_by:
        raise IllegalTransition(
            f"chargeback {state.chargeback} is {state.stage}: the bank hears no more of us",
            status=state.stage,
        )


def allowed(state: ChargebackState) -> tuple[Action, ...]:
    """What may be asked now, by whoever may."""
    is_open = state.stage is Stage.NEEDS_RESPONSE and not state.conceded_by
    return tuple(Action) if is_open else ()
