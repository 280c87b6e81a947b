"""What an action, a clock's end or a fact from outside makes of a dispute."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from domain.actors import Actor
from domain.dispute import moves, rulings
from domain.dispute.clocks import Due
from domain.dispute.rules import Action, Asked
from domain.dispute.state import (
    DISPUTE,
    Basis,
    ClockName,
    DisputeEvent,
    DisputeState,
    Stage,
)
from domain.dispute.terms import DisputeTerms

_Act = Callable[[DisputeState, DisputeTerms, Actor, Asked, datetime], DisputeState]
_Ring = Callable[[DisputeState, DisputeTerms, datetime], DisputeState]


def done(
    state: DisputeState, terms: DisputeTerms, action: Action, by: tuple[Actor, Asked], at: datetime
) -> DisputeState:
    """The dispute after an action that `rules.check` has let pass."""
    actor, asked = by
    return _ACTS[action](state, terms, actor, asked, at)


def rung(state: DisputeState, terms: DisputeTerms, due: Due) -> DisputeState:
    """The dispute after a clock has run out, or a reminder of it has gone out."""
    if due.is_reminder:
        return moves.reminded(state, due.clock)
    return _RINGS[due.clock](state, terms, due.at)


def happened(event: DisputeEvent) -> _Ring:
    """The move of an event that only the table has to say about."""
    return lambda state, terms, at: moves.happened(state, terms, event, at)


def _acts(event: DisputeEvent) -> _Act:
    return lambda state, terms, _actor, _asked, at: moves.happened(state, terms, event, at)


def _decided(
    state: DisputeState, terms: DisputeTerms, actor: Actor, asked: Asked, at: datetime
) -> DisputeState:
    is_appeal = state.stage is Stage.APPEALED
    ruling = rulings.ruling_of(asked, actor, Basis.APPEAL if is_appeal else Basis.RULING)
    return rulings.ruled(state, terms, ruling, actor.id, at)


def _sent_again(
    state: DisputeState, terms: DisputeTerms, _: Actor, asked: Asked, at: datetime
) -> DisputeState:
    assert asked.parcel is not None  # noqa: S101 - the message has one
    return moves.sent_again(state, terms, asked.parcel, at)


def _sent_back(
    state: DisputeState, terms: DisputeTerms, _: Actor, asked: Asked, at: datetime
) -> DisputeState:
    parcel = asked.parcel or state.sent
    assert parcel is not None  # noqa: S101 - named, or by the label that was bought
    return moves.sent_back(state, terms, parcel, at)


_ACTS: Final[Mapping[Action, _Act]] = MappingProxyType(
    {
        Action.PROPOSE: lambda s, t, who, asked, at: moves.proposed(
            s, t, who, (asked.remedy, asked.amount), at
        ),
        Action.ACCEPT: lambda s, t, who, asked, at: moves.accepted(s, t, who, asked.version, at),
        Action.DECLINE: lambda s, t, who, _, at: moves.declined(s, t, who, at),
        Action.ESCALATE: lambda s, t, _who, _, at: moves.escalated(s, t, at),
        Action.EXTEND_EVIDENCE: lambda s, t, _who, _, _at: moves.evidence_extended(s, t),
        Action.DECIDE: _decided,
        Action.APPROVE: lambda s, t, who, _, at: rulings.approved(s, t, who, at),
        Action.DISAPPROVE: lambda s, t, _who, _, at: rulings.disapproved(s, t, at),
        Action.TAKE_BACK: lambda s, t, _who, _, at: rulings.taken_back(s, t, at),
        Action.ASSIGN: lambda s, _t, _who, asked, _at: moves.assigned(s, asked.to),
        Action.SEND_BACK: _sent_back,
        Action.ACCEPT_RETURN: _acts(DisputeEvent.RETURN_ACCEPTED),
        Action.SEND_AGAIN: _sent_again,
        Action.ACCEPT_GOODS: _acts(DisputeEvent.RESHIP_ACCEPTED),
        Action.OBJECT_TO_GOODS: _acts(DisputeEvent.GOODS_OBJECTED),
        Action.CHANGE_REASON: lambda s, t, _who, asked, at: moves.reason_changed(
            s, t, asked.reason, at
        ),
        Action.CONTEST_ARRIVAL: lambda s, _t, _who, _, _at: moves.arrival_contested(s),
        Action.WITHDRAW: _acts(DisputeEvent.WITHDRAWN),
        Action.APPEAL: lambda s, t, who, _, at: moves.appealed(s, t, who, at),
    }
)
_RINGS: Final[Mapping[ClockName, _Ring]] = MappingProxyType(
    {
        ClockName.SELLER_ANSWER: moves.as_silence_has_it,
        ClockName.BUYER_ANSWER: moves.escalated,
        ClockName.INTERVENTION: moves.escalated,
        ClockName.EVIDENCE: happened(DisputeEvent.EVIDENCE_CLOSED),
        ClockName.REVIEW: moves.review_late,
        ClockName.PROPOSAL: moves.proposal_stands,
        ClockName.APPROVAL: rulings.disapproved,
        ClockName.TAKE_BACK: rulings.taken_effect,
        ClockName.ARRIVAL: happened(DisputeEvent.ARRIVED),
        ClockName.RETURN_SHIPMENT: happened(DisputeEvent.RETURN_MISSING),
        ClockName.RETURN_SCAN: happened(DisputeEvent.RETURN_MISSING),
        ClockName.RETURN_TRANSIT: happened(DisputeEvent.RETURN_DELIVERED),
        ClockName.RETURN_CHECK: happened(DisputeEvent.RETURN_ACCEPTED),
        ClockName.RESHIPMENT: happened(DisputeEvent.RESHIP_FAILED),
        ClockName.RESHIP_TRANSIT: happened(DisputeEvent.RESHIP_FAILED),
        ClockName.RESHIP_CHECK: happened(DisputeEvent.RESHIP_ACCEPTED),
        ClockName.APPEAL: happened(DisputeEvent.APPEAL_LAPSED),
        ClockName.APPEAL_REVIEW: moves.review_late,
    }
)
_TRACKED: Final[Mapping[str, DisputeEvent]] = MappingProxyType(
    {
        "in_transit": DisputeEvent.RETURN_SCANNED,
        "lost": DisputeEvent.RETURN_LOST,
    }
)
_DELIVERED: Final = (DisputeEvent.RETURN_DELIVERED, DisputeEvent.RESHIP_DELIVERED)


def tracked(state: DisputeState, milestone: str) -> DisputeEvent | None:
    """What a carrier's milestone means for the dispute's own parcel; None: nothing now."""
    if state.stage is Stage.RETURN_DUE and not state.label:
        # Nothing is on its way back: it is an earlier parcel that is told of.
        return None
    events = _DELIVERED if milestone == "delivered" else (_TRACKED.get(milestone),)
    return next(
        (event for event in events if event is not None and DISPUTE.allows(state.stage, event)),
        None,
    )
