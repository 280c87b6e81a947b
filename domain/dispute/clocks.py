"""A dispute's clocks: which run in which stage, what each does at its end, what comes next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from domain.calendar import reminders
from domain.dispute.state import NEGOTIABLE, Clock, ClockName, DisputeState, Pause, Stage
from domain.dispute.terms import DisputeTerms

# Each stage that somebody is waited for in, and the window that they have.
RUNS_IN: Final[Mapping[Stage, tuple[ClockName, str]]] = MappingProxyType(
    {
        Stage.AWAITING_SELLER: (ClockName.SELLER_ANSWER, "seller_answers_within"),
        Stage.AWAITING_BUYER: (ClockName.BUYER_ANSWER, "buyer_answers_within"),
        Stage.EVIDENCE: (ClockName.EVIDENCE, "evidence_within"),
        Stage.IN_REVIEW: (ClockName.REVIEW, "review_target"),
        Stage.PLATFORM_PROPOSED: (ClockName.PROPOSAL, "proposal_stands_for"),
        Stage.AWAITING_APPROVAL: (ClockName.APPROVAL, "approve_within"),
        Stage.RULED: (ClockName.TAKE_BACK, "take_back_within"),
        Stage.RETURN_DUE: (ClockName.RETURN_SHIPMENT, "return_within"),
        Stage.RETURN_DECLARED: (ClockName.RETURN_SCAN, "return_scan_within"),
        Stage.RETURN_UNDER_WAY: (ClockName.RETURN_TRANSIT, "return_at_most"),
        Stage.RETURN_CHECK: (ClockName.RETURN_CHECK, "check_return_within"),
        Stage.RESHIP_DUE: (ClockName.RESHIPMENT, "reship_within"),
        Stage.RESHIPPED: (ClockName.RESHIP_TRANSIT, "reship_at_most"),
        Stage.RESHIP_CHECK: (ClockName.RESHIP_CHECK, "check_reship_within"),
        Stage.APPEALABLE: (ClockName.APPEAL, "appeal_within"),
        Stage.APPEALED: (ClockName.APPEAL_REVIEW, "appeal_review_within"),
        Stage.APPEAL_APPROVAL: (ClockName.APPROVAL, "approve_within"),
    }
)
# Clocks that outlive the stage they began in, and the stages that they go on in.
_OUTLIVES: Final[Mapping[ClockName, tuple[Stage, ...]]] = MappingProxyType(
    {
        ClockName.INTERVENTION: (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER),
        ClockName.ARRIVAL: NEGOTIABLE,
    }
)
# What each clock does when it runs out: every timer has a named outcome (invariant 4).
WHEN_DUE: Final[Mapping[ClockName, str]] = MappingProxyType(
    {
        ClockName.SELLER_ANSWER: "the buyer's request is carried out, up to the cap",
        ClockName.BUYER_ANSWER: "the case goes to the platform",
        ClockName.INTERVENTION: "the platform steps in",
        ClockName.EVIDENCE: "the evidence round closes, and the review begins",
        ClockName.REVIEW: "an alarm is raised; the money stays held until a person decides",
        ClockName.PROPOSAL: "the platform's proposal is carried out",
        ClockName.APPROVAL: "the ruling is void, and the case goes back to review",
        ClockName.TAKE_BACK: "the ruling holds; of another revision than the case's, it is void",
        ClockName.ARRIVAL: "the goods count as received, and the dispute closes",
        ClockName.RETURN_SHIPMENT: "nothing was sent back: the seller keeps the money",
        ClockName.RETURN_SCAN: "no carrier has seen the return: the seller keeps the money",
        ClockName.RETURN_TRANSIT: "the return counts as delivered, and its check begins",
        ClockName.RETURN_CHECK: "the return counts as right, and the buyer is refunded",
        ClockName.RESHIPMENT: "nothing was sent again: the buyer is refunded",
        ClockName.RESHIP_TRANSIT: "what was sent again did not come: the buyer is refunded",
        ClockName.RESHIP_CHECK: "what was sent again counts as right, and the dispute closes",
        ClockName.APPEAL: "the ruling stands, and the dispute closes",
        ClockName.APPEAL_REVIEW: "an alarm is raised; the ruling stands until a person decides",
    }
)
# Windows in which a side has something to do; staff have their queue, carriers no mailbox.
REMINDED: Final = frozenset(
    {
        ClockName.SELLER_ANSWER,
        ClockName.BUYER_ANSWER,
        ClockName.EVIDENCE,
        ClockName.PROPOSAL,
        ClockName.RETURN_SHIPMENT,
        ClockName.RETURN_CHECK,
        ClockName.RESHIPMENT,
        ClockName.RESHIP_CHECK,
    }
)


@dataclass(frozen=True)
class Due:
    """The nearest thing that will happen by itself: a clock's end, or a reminder of it."""

    clock: ClockName
    at: datetime
    is_reminder: bool = False


def next_due(state: DisputeState) -> Due | None:
    """The nearest deadline or reminder; None while a chargeback is waited for, and at the end."""
    if state.pause is Pause.PAUSED:
        return None
    dues = [Due(clock.name, clock.due_at) for clock in state.clocks]
    dues += [
        Due(clock.name, left[0], is_reminder=True)
        for clock in state.clocks
        if clock.name in REMINDED
        and (left := reminders(clock.opened_at, clock.due_at)[clock.reminded :])
    ]
    return min(dues, key=lambda due: (due.at, due.is_reminder, due.clock), default=None)


def clock_of(state: DisputeState, name: ClockName) -> Clock | None:
    """The running clock of that name."""
    return next((clock for clock in state.clocks if clock.name is name), None)


def clocks_in(
    state: DisputeState, terms: DisputeTerms, stage: Stage, at: datetime
) -> tuple[Clock, ...]:
    """The clocks that run once the dispute has come to *stage*."""
    kept = tuple(clock for clock in state.clocks if stage in _OUTLIVES.get(clock.name, ()))
    if stage not in RUNS_IN:
        return kept
    name, window = RUNS_IN[stage]
    return (*kept, Clock(name, at, terms.after(window, at)))


def without(state: DisputeState, name: ClockName) -> tuple[Clock, ...]:
    """The other clocks."""
    return tuple(clock for clock in state.clocks if clock.name is not name)


def again(state: DisputeState, name: ClockName, until: datetime) -> tuple[Clock, ...]:
    """The same clocks, the one of that name running on until *until*, one alarm further."""
    return tuple(
        replace(clock, due_at=until, reminded=clock.reminded + 1) if clock.name is name else clock
        for clock in state.clocks
    )


def shifted(state: DisputeState, at: datetime) -> tuple[Clock, ...]:
    """The clocks after a pause: each side has as much time left as when it began."""
    lost = at - (state.paused_at or at)
    return tuple(
        replace(clock, opened_at=clock.opened_at + lost, due_at=clock.due_at + lost)
        for clock in state.clocks
    )
