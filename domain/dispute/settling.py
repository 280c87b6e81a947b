"""How a dispute ends: its verdict is posted, the buyer paid, and nothing is open any more."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.dispute.moves import moved
from domain.dispute.state import (
    APPEALABLE,
    DISPUTE,
    DisputeEvent,
    DisputeState,
    Outcome,
    Pause,
    Stage,
)
from domain.dispute.terms import DisputeTerms
from domain.order.state import Parked


def settled(
    state: DisputeState, terms: DisputeTerms, given: int, cash: int, at: datetime
) -> DisputeState:
    """The verdict is posted: *given* more is the buyer's (less, where negative), nothing is held.

    *cash* of it is to leave for the buyer; the rest of it goes back to who paid the price.
    """
    verdict = state.verdict
    is_appealable = verdict is not None and verdict.basis in APPEALABLE
    event = DisputeEvent.RULING_SETTLED if is_appealable else DisputeEvent.SETTLED
    after = moved(state, terms, event, at)
    awarded = state.awarded + max(0, given)
    return replace(
        after,
        held=0,
        awarded=awarded,
        to_pay=state.to_pay + cash,
        outcome=_outcome(state, awarded + state.netted),
        ended_at=at if after.stage is Stage.CLOSED else None,
    )


def _outcome(state: DisputeState, awarded: int) -> Outcome:
    if state.verdict is None:
        return state.outcome
    if not awarded:
        return Outcome.REJECTED
    return Outcome.REFUNDED if awarded >= state.cap else Outcome.PARTLY_REFUNDED


def refund_sent(state: DisputeState, key: str, *, is_final: bool) -> DisputeState:
    """All that was to be paid is on its way to the buyer, or there."""
    return replace(
        state,
        to_pay=0,
        refunds=state.refunds + 1,
        open_refund="" if is_final else key,
        version=state.version + 1,
    )


def refund_refused(state: DisputeState, why: Parked) -> DisputeState:
    """The provider's final no: the attempt is spent, and an operator says how to go on."""
    return replace(state, refunds=state.refunds + 1, parked=why, version=state.version + 1)


def refund_arrived(state: DisputeState) -> DisputeState:
    """The refund that was pending is final."""
    return replace(state, open_refund="", version=state.version + 1)


def refund_came_back(state: DisputeState, amount: int, why: Parked) -> DisputeState:
    """The buyer's bank sent it back: it is still theirs, and goes out another way."""
    return replace(
        state, open_refund="", to_pay=state.to_pay + amount, parked=why, version=state.version + 1
    )


def parked(state: DisputeState, why: Parked | None) -> DisputeState:
    """The process waits for an operator (None: it goes on)."""
    return replace(state, parked=why, version=state.version + 1)


# While the goods may still go back by it, a label is kept.
_AWAITED: Final = frozenset({Stage.RETURN_DUE, Stage.RETURN_DECLARED})


def idle_label(state: DisputeState) -> str:
    """The label that nobody will use any more, by its key; "" where there is none."""
    is_awaited = state.stage in _AWAITED and goes_by_label(state)
    return "" if is_awaited else state.label


def goes_by_label(state: DisputeState) -> bool:
    """Whether the dispute's own parcel is the one that a label was bought for."""
    return state.sent is not None and bool(state.sent.url)


def label_given_back(state: DisputeState) -> DisputeState:
    """The label of the return is nobody's any more; what it cost is its carrier's to judge."""
    return replace(state, label="", version=state.version + 1)


def is_over(state: DisputeState) -> bool:
    """Whether nothing of the dispute is open: it is closed, and its money has arrived."""
    is_closed = DISPUTE.is_final(state.stage)
    is_paid = not state.to_pay and not state.open_refund and not state.label
    return is_closed and is_paid and state.pause is Pause.RUNNING
