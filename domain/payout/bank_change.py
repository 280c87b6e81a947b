"""New bank details: who must say yes, in which order, until when; and what else may happen."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.errors import DeadlinePassed, IllegalTransition
from domain.machine import Machine

MOST_TRIES: Final = 5


class ChangeState(StrEnum):
    """Where a change of bank details stands."""

    AWAITING_OWNER = "awaiting_owner"
    AWAITING_CODE = "awaiting_code"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    REFUSED = "refused"
    LAPSED = "lapsed"


class ChangeEvent(StrEnum):
    """What happens to a change of bank details."""

    APPROVED = "approved"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    TRIES_USED_UP = "tries_used_up"
    TIME_RAN_OUT = "time_ran_out"


BANK_CHANGE: Final = Machine(
    "bank change",
    MappingProxyType(
        {
            (ChangeState.AWAITING_OWNER, ChangeEvent.APPROVED): ChangeState.AWAITING_CODE,
            (ChangeState.AWAITING_OWNER, ChangeEvent.WITHDRAWN): ChangeState.WITHDRAWN,
            (ChangeState.AWAITING_OWNER, ChangeEvent.REPLACED): ChangeState.REPLACED,
            (ChangeState.AWAITING_OWNER, ChangeEvent.TIME_RAN_OUT): ChangeState.LAPSED,
            (ChangeState.AWAITING_CODE, ChangeEvent.CONFIRMED): ChangeState.CONFIRMED,
            (ChangeState.AWAITING_CODE, ChangeEvent.WITHDRAWN): ChangeState.WITHDRAWN,
            (ChangeState.AWAITING_CODE, ChangeEvent.REPLACED): ChangeState.REPLACED,
            (ChangeState.AWAITING_CODE, ChangeEvent.TRIES_USED_UP): ChangeState.REFUSED,
            (ChangeState.AWAITING_CODE, ChangeEvent.TIME_RAN_OUT): ChangeState.LAPSED,
        }
    ),
)


def state_at(state: str, lapses_at: datetime, at: datetime) -> ChangeState:
    """How a change stands at an instant: one that nobody confirmed in time has lapsed."""
    kept = ChangeState(state)
    is_open = (kept, ChangeEvent.TIME_RAN_OUT) in BANK_CHANGE.moves
    return ChangeState.LAPSED if is_open and at > lapses_at else kept


def moved(state: str, event: ChangeEvent, lapses_at: datetime, at: datetime) -> ChangeState:
    """The state that *event* leads to at an instant, or a refusal; what has lapsed is over."""
    now = state_at(state, lapses_at, at)
    if now is ChangeState.LAPSED:
        raise DeadlinePassed(
            "the change of bank details has lapsed: ask for it again",
            due_at=lapses_at.isoformat(),
        )
    if (now, event) not in BANK_CHANGE.moves:
        raise IllegalTransition(f"the change of bank details is {now}", state=now, event=event)
    return BANK_CHANGE.moves[now, event]
