"""Rulings of the platform: made, agreed to by a second person, taken back, in force."""

from dataclasses import replace
from datetime import datetime

from domain.actors import Actor
from domain.dispute import moves
from domain.dispute.rules import Asked
from domain.dispute.state import Basis, DisputeEvent, DisputeState, Verdict
from domain.dispute.terms import DisputeTerms


def ruling_of(asked: Asked, actor: Actor, basis: Basis = Basis.RULING) -> Verdict:
    """What *actor* has asked to be ruled, as a verdict."""
    return Verdict(
        basis,
        asked.remedy,
        asked.amount,
        asked.version,
        str(actor),
        asked.platform,
        asked.carrier,
        asked.why,
        bulk=asked.bulk,
    )


def ruled(
    state: DisputeState, terms: DisputeTerms, ruling: Verdict, judge: str, at: datetime
) -> DisputeState:
    """A person of the platform has decided; above the limit, or in bulk, it waits for a second."""
    known = _judged_by(state, ruling, judge)
    moves_money = ruling.amount - (
        state.awarded + state.netted if ruling.basis is Basis.APPEAL else 0
    )
    if ruling.bulk or abs(moves_money) > terms.second_person_above:
        waiting = replace(known, pending=ruling)
        return moves.moved(waiting, terms, DisputeEvent.SECOND_NEEDED, at)
    return _as_ruled(known, terms, ruling, at)


def _judged_by(state: DisputeState, ruling: Verdict, judge: str) -> DisputeState:
    """Whoever had a part in the first ruling has none in the appeal."""
    if ruling.basis is Basis.APPEAL:
        return state
    return replace(state, decided_by=(*(one for one in state.decided_by if one != judge), judge))


def approved(state: DisputeState, terms: DisputeTerms, actor: Actor, at: datetime) -> DisputeState:
    """The second person agrees: what was ruled holds."""
    assert state.pending is not None  # noqa: S101 - what the stage means
    ruling = replace(state.pending, approved_by=str(actor))
    known = _judged_by(state, ruling, actor.id)
    if ruling.bulk:
        return moves.moved(replace(known, pending=ruling), terms, DisputeEvent.SECOND_AGREED, at)
    return _as_ruled(replace(known, pending=None), terms, ruling, at)


def taken_back(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """Somebody of the platform calls a bulk ruling back in its time: each case is judged anew."""
    return moves.moved(replace(state, pending=None), terms, DisputeEvent.TAKEN_BACK, at)


def taken_effect(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """Nobody has called it back: it holds, unless the case has changed under it meanwhile."""
    ruling = state.pending
    assert ruling is not None  # noqa: S101 - what the stage means
    if ruling.version != state.revision:
        return taken_back(state, terms, at)
    return moves.fixed(replace(state, pending=None), terms, ruling, at)


def disapproved(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """The second person does not agree, or nobody has looked: somebody rules anew."""
    return moves.moved(replace(state, pending=None), terms, DisputeEvent.SECOND_DISAGREED, at)


def _as_ruled(
    state: DisputeState, terms: DisputeTerms, ruling: Verdict, at: datetime
) -> DisputeState:
    if ruling.basis is not Basis.APPEAL:
        return moves.fixed(state, terms, ruling, at)
    return moves.moved(replace(state, verdict=ruling), terms, DisputeEvent.APPEAL_RULED, at)
