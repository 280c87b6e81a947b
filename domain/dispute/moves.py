"""How a dispute's state changes: pure steps from one state to the next, each one version on."""

from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from domain.actors import Actor, Role
from domain.dispute.clocks import again, clock_of, clocks_in, shifted, without
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.state import (
    DISPUTE,
    PAUSE,
    Basis,
    Claim,
    Clock,
    ClockName,
    DisputeEvent,
    DisputeState,
    Outcome,
    PauseEvent,
    Proposal,
    Sent,
    Stage,
    Verdict,
)
from domain.dispute.terms import DisputeTerms

_TALKING: Final = frozenset({Stage.AWAITING_SELLER, Stage.AWAITING_BUYER})
_FIXED: Final = MappingProxyType(
    {
        Remedy.REFUND: DisputeEvent.REFUND_FIXED,
        Remedy.RETURN_AND_REFUND: DisputeEvent.RETURN_FIXED,
        Remedy.RESHIP: DisputeEvent.RESHIP_FIXED,
    }
)
_PROPOSED: Final = MappingProxyType(
    {
        Role.BUYER: DisputeEvent.BUYER_PROPOSED,
        Role.SELLER: DisputeEvent.SELLER_PROPOSED,
    }
)
# What closes a dispute without anything being fixed; each gives the buyer nothing.
_CLOSES: Final = MappingProxyType(
    {
        DisputeEvent.WITHDRAWN: Outcome.WITHDRAWN,
        DisputeEvent.ARRIVED: Outcome.ARRIVED,
        DisputeEvent.RETURN_MISSING: Outcome.RETURN_MISSING,
        DisputeEvent.RESHIP_ACCEPTED: Outcome.RESHIPPED,
        DisputeEvent.CHARGED_BACK: Outcome.CHARGED_BACK,
    }
)


@dataclass(frozen=True)
class Opening:
    """What the order's records allow: the lines with their caps, and what is kept in escrow.

    `cap` is theirs together, clamped to what the order has left; `held` may be less: what went
    out early is not in escrow any more. `intent` is the payment that a refund goes back to.
    """

    claims: tuple[Claim, ...]
    cap: int
    held: int
    intent: str = ""


def opened(
    state: DisputeState, terms: DisputeTerms, opening: Opening, asked: Proposal
) -> DisputeState:
    """The dispute is on record and its share held; the seller is to answer."""
    at = state.opened_at
    intervention = Clock(ClockName.INTERVENTION, at, terms.after("platform_steps_in_after", at))
    first = replace(
        state,
        policy=terms.policy,
        claims=opening.claims,
        cap=opening.cap,
        held=opening.held,
        intent=opening.intent,
        is_waived=terms.waived_until is not None,
        revision=1,
        proposals=(replace(asked, version=1, amount=min(asked.amount, opening.cap)),),
        touched=(state.buyer,),
    )
    begun = moved(first, terms, DisputeEvent.OPENED, at)
    return replace(begun, clocks=(*begun.clocks, intervention))


def not_opened(state: DisputeState, at: datetime) -> DisputeState:
    """A rule refuses the dispute: nothing was held."""
    return replace(
        state,
        stage=DISPUTE.next(state.stage, DisputeEvent.NOT_OPENED),
        outcome=Outcome.NOT_OPENED,
        ended_at=at,
        version=state.version + 1,
    )


def proposed(
    state: DisputeState, terms: DisputeTerms, actor: Actor, offer: tuple[Remedy, int], at: datetime
) -> DisputeState:
    """A side, or the platform, offers something else; what it offered before is superseded."""
    is_side = actor.role in _PROPOSED
    by = actor.role if is_side else Role.SUPPORT_AGENT
    remedy, amount = offer
    new = Proposal(state.revision + 1, by, remedy, min(amount, state.cap), at)
    changed = replace(
        state,
        revision=new.version,
        proposals=(*(one for one in state.proposals if one.by is not by), new),
        accepted_by=state.accepted_by if is_side else (),
        touched=_with(state.touched, actor.id) if is_side else state.touched,
    )
    event = _PROPOSED.get(actor.role, DisputeEvent.PLATFORM_PROPOSED)
    return moved(changed, terms, event, at)


def accepted(
    state: DisputeState, terms: DisputeTerms, actor: Actor, version: int, at: datetime
) -> DisputeState:
    """A side accepts the proposal of that version; the platform's binds once both have."""
    (offer,) = (one for one in state.proposals if one.version == version)
    known = touched(state, actor, actor.id)
    if offer.by in _PROPOSED:
        return fixed(known, terms, _as_fixed(offer, Basis.AGREEMENT, str(actor)), at)
    agreed = (*(role for role in state.accepted_by if role is not actor.role), actor.role)
    if len(agreed) < len(_PROPOSED):
        return replace(known, accepted_by=agreed, version=state.version + 1)
    return fixed(known, terms, _as_fixed(offer, Basis.PROPOSAL, str(actor)), at)


def declined(state: DisputeState, terms: DisputeTerms, actor: Actor, at: datetime) -> DisputeState:
    """A side does not take the platform's proposal: a person decides."""
    rest = tuple(one for one in state.proposals if one.by in _PROPOSED)
    changed = replace(state, proposals=rest, accepted_by=(), touched=_with(state.touched, actor.id))
    return moved(changed, terms, DisputeEvent.PROPOSAL_DECLINED, at)


def escalated(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """The platform steps in: both sides lay down their evidence."""
    return _evidence(state, terms, DisputeEvent.ESCALATED, at)


def evidence_extended(state: DisputeState, terms: DisputeTerms) -> DisputeState:
    """Once in a round, its time runs as long again."""
    clock = clock_of(state, ClockName.EVIDENCE)
    until = terms.after("evidence_within", clock.due_at) if clock else state.opened_at
    clocks = again(state, ClockName.EVIDENCE, until)
    stage = DISPUTE.next(state.stage, DisputeEvent.EVIDENCE_EXTENDED)
    return replace(state, stage=stage, clocks=clocks, is_extended=True, version=state.version + 1)


def fixed(state: DisputeState, terms: DisputeTerms, verdict: Verdict, at: datetime) -> DisputeState:
    """What is to be done is certain: money goes back, goods do, or they are sent once more.

    Goods that cost less than it is worth to send them back stay with the buyer.
    """
    clamped = replace(verdict, amount=min(verdict.amount, state.cap))
    is_return = clamped.remedy is Remedy.RETURN_AND_REFUND
    if is_return and clamped.amount <= terms.no_return_up_to:
        clamped = replace(clamped, remedy=Remedy.REFUND)
    known = replace(state, verdict=clamped, pending=None, accepted_by=())
    return moved(known, terms, _FIXED[clamped.remedy], at)


def without_return(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """The seller has no address for a return: the money goes back without it, in the same step."""
    assert state.verdict is not None  # noqa: S101 - what the stage means
    known = replace(state, verdict=replace(state.verdict, remedy=Remedy.REFUND))
    after = moved(known, terms, DisputeEvent.RETURN_ACCEPTED, at)
    return replace(after, version=state.version)


def as_silence_has_it(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """The seller has not answered: the buyer's request holds, unless no seller is to blame."""
    if state.is_waived:
        return escalated(state, terms, at)
    (asked,) = (one for one in state.proposals if one.by is Role.BUYER)
    return fixed(state, terms, _as_fixed(asked, Basis.SILENCE), at)


def proposal_stands(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """Nobody has spoken against the platform's proposal."""
    (offer,) = (one for one in state.proposals if one.by not in _PROPOSED)
    return fixed(state, terms, _as_fixed(offer, Basis.PROPOSAL), at)


def sent_back(state: DisputeState, terms: DisputeTerms, parcel: Sent, at: datetime) -> DisputeState:
    """The buyer has handed the goods to a carrier, whose first scan must follow."""
    return moved(replace(state, sent=parcel), terms, DisputeEvent.RETURN_SHIPPED, at)


def labelled(state: DisputeState, parcel: Sent, key: str) -> DisputeState:
    """A label was bought for the return: it is the parcel's own number, before anybody has it."""
    return replace(
        state, sent=parcel, label=key, labels=state.labels + 1, version=state.version + 1
    )


def label_declined(state: DisputeState) -> DisputeState:
    """The carrier finally did not sell it: the next purchase is another one."""
    return replace(state, labels=state.labels + 1, version=state.version + 1)


def label_over(state: DisputeState) -> DisputeState:
    """The label was used, or given back. Part of a step, no version of its own."""
    return replace(state, label="")


def sent_again(
    state: DisputeState, terms: DisputeTerms, parcel: Sent, at: datetime
) -> DisputeState:
    """The seller has sent the goods once more."""
    return moved(replace(state, sent=parcel), terms, DisputeEvent.RESHIPPED, at)


def happened(
    state: DisputeState, terms: DisputeTerms, event: DisputeEvent, at: datetime
) -> DisputeState:
    """Something that only the table has to say about; what closes a case gives no money."""
    if event in (DisputeEvent.GOODS_OBJECTED, DisputeEvent.RETURN_LOST):
        return _evidence(state, terms, event, at)
    after = moved(state, terms, event, at)
    is_over = after.stage is Stage.CLOSED
    if event in _CLOSES:
        verdict = state.verdict if is_over else None
        after = replace(after, outcome=_CLOSES[event], verdict=verdict, pending=None)
    return replace(after, ended_at=at if is_over else None)


def review_late(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """Nobody has decided in time: an alarm, and another one later. Nothing is awarded by it."""
    stage = DISPUTE.next(state.stage, DisputeEvent.REVIEW_LATE)
    name, window = ClockName.APPEAL_REVIEW, "appeal_review_within"
    if stage is Stage.IN_REVIEW:
        name, window = ClockName.REVIEW, "review_target"
    clock = clock_of(state, name)
    is_first = stage is Stage.IN_REVIEW and clock is not None and not clock.reminded
    until = terms.after("review_alarm", clock.opened_at) if is_first and clock else at
    if until <= at:
        until = terms.after(window, at)
    return replace(state, clocks=again(state, name, until), version=state.version + 1)


def reason_changed(
    state: DisputeState, terms: DisputeTerms, reason: Reason, at: datetime
) -> DisputeState:
    """What was missing has come, and is not right: the same case, its clocks from the opening."""
    changed = replace(
        state,
        category=Category.RECEIVED,
        reason=reason,
        revision=state.revision + 1,
        clocks=without(state, ClockName.ARRIVAL),
    )
    return moved(changed, terms, DisputeEvent.REASON_CHANGED, at)


def arriving(state: DisputeState, terms: DisputeTerms, at: datetime) -> DisputeState:
    """The carrier says that it has been delivered; the buyer has a day to object."""
    clock = Clock(ClockName.ARRIVAL, at, terms.after("object_arrival_within", at))
    clocks = (*without(state, ClockName.ARRIVAL), clock)
    return replace(state, clocks=clocks, version=state.version + 1)


def arrival_contested(state: DisputeState) -> DisputeState:
    """The buyer says that nothing came, whatever the carrier says."""
    clocks = without(state, ClockName.ARRIVAL)
    return replace(state, clocks=clocks, revision=state.revision + 1, version=state.version + 1)


def appealed(state: DisputeState, terms: DisputeTerms, actor: Actor, at: datetime) -> DisputeState:
    """One side does not take the ruling: another person looks at it, once."""
    known = replace(
        state,
        revision=state.revision + 1,
        touched=_with(state.touched, actor.id),
        assignee="",
    )
    return moved(known, terms, DisputeEvent.APPEALED, at)


def assigned(state: DisputeState, to: str) -> DisputeState:
    """The case is *to*'s from now on; "": it goes back into the queue."""
    return replace(state, assignee=to, version=state.version + 1)


def reminded(state: DisputeState, name: ClockName) -> DisputeState:
    """One more reminder of a clock has gone out."""
    clocks = tuple(
        replace(clock, reminded=clock.reminded + 1) if clock.name is name else clock
        for clock in state.clocks
    )
    return replace(state, clocks=clocks, version=state.version + 1)


def paused(state: DisputeState, chargeback: str, at: datetime) -> DisputeState:
    """The buyer's bank takes the payment up: every clock stands still."""
    pause = PAUSE.next(state.pause, PauseEvent.CHARGEBACK_OPENED)
    return replace(
        state, pause=pause, paused_at=at, chargeback=chargeback, version=state.version + 1
    )


def resumed(
    state: DisputeState, terms: DisputeTerms, event: PauseEvent, at: datetime, given: int = 0
) -> DisputeState:
    """The chargeback is decided: won, the dispute goes on; lost, the buyer has their money.

    Lost in part, it goes on too: what the buyer was *given* there counts in its verdict.
    """
    running = replace(
        state,
        netted=state.netted + given,
        pause=PAUSE.next(state.pause, event),
        clocks=shifted(state, at),
        paused_at=None,
        version=state.version + 1,
    )
    can_close = DISPUTE.allows(state.stage, DisputeEvent.CHARGED_BACK)
    if event is not PauseEvent.CHARGEBACK_LOST or not can_close:
        return running
    closed = happened(running, terms, DisputeEvent.CHARGED_BACK, at)
    return replace(closed, version=running.version)


def _evidence(
    state: DisputeState, terms: DisputeTerms, event: DisputeEvent, at: datetime
) -> DisputeState:
    """A round of evidence begins; what was fixed before is not any more."""
    known = replace(
        state,
        evidence_round=state.evidence_round + 1,
        is_extended=False,
        revision=state.revision + 1,
        verdict=None,
    )
    return moved(known, terms, event, at)


def touched(state: DisputeState, actor: Actor, person: str) -> DisputeState:
    """Whoever acts for a side decides nothing of the case. Part of a step, no version of its own.

    *person* is who acts in the name of a side, "" for the side itself.
    """
    if actor.role not in _PROPOSED or not person:
        return state
    return replace(state, touched=_with(state.touched, person))


def _as_fixed(offer: Proposal, basis: Basis, by: str = "") -> Verdict:
    return Verdict(basis, offer.remedy, offer.amount, offer.version, by)


def _with(people: tuple[str, ...], who: str) -> tuple[str, ...]:
    return people if who in people else (*people, who)


def moved(
    state: DisputeState, terms: DisputeTerms, event: DisputeEvent, at: datetime
) -> DisputeState:
    """The stage that the table says, with the clocks that run in it.

    Among the two sides every proposal gives the other one its time anew.
    """
    stage = DISPUTE.next(state.stage, event)
    is_turn = stage in _TALKING and event in _PROPOSED.values()
    changes: dict[str, Any] = {}
    if stage is not state.stage or is_turn:
        changes["clocks"] = clocks_in(state, terms, stage, at)
    return replace(state, stage=stage, version=state.version + 1, **changes)
