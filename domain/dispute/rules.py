"""What a dispute allows, to whom, until when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.dispute.clocks import clock_of
from domain.dispute.reasons import REASONS, REMEDIES, Category, Reason, Remedy
from domain.dispute.state import (
    DISPUTE,
    NEGOTIABLE,
    UNSETTLED,
    ClockName,
    DisputeEvent,
    DisputeState,
    Outcome,
    Pause,
    Proposal,
    Sent,
    Stage,
)
from domain.errors import (
    AmountExceeded,
    DeadlinePassed,
    IllegalTransition,
    NotYours,
    VersionConflict,
)
from domain.shipment.labels import Box


class Action(StrEnum):
    """What somebody may ask of a dispute."""

    PROPOSE = "propose"
    ACCEPT = "accept"
    DECLINE = "decline"
    ESCALATE = "escalate"
    EXTEND_EVIDENCE = "extend_evidence"
    DECIDE = "decide"
    APPROVE = "approve"
    DISAPPROVE = "disapprove"
    TAKE_BACK = "take_back"
    ASSIGN = "assign"
    RETURN_LABEL = "return_label"
    SEND_BACK = "send_back"
    ACCEPT_RETURN = "accept_return"
    SEND_AGAIN = "send_again"
    ACCEPT_GOODS = "accept_goods"
    OBJECT_TO_GOODS = "object_to_goods"
    CHANGE_REASON = "change_reason"
    CONTEST_ARRIVAL = "contest_arrival"
    WITHDRAW = "withdraw"
    APPEAL = "appeal"
    RESOLVE = "resolve"


_SIDES: Final = frozenset({Role.BUYER, Role.SELLER})
JUDGES: Final = frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD})
_BUYER: Final = frozenset({Role.BUYER})
_SELLER: Final = frozenset({Role.SELLER})

WHO_MAY: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.PROPOSE: _SIDES | JUDGES,
        Action.ACCEPT: _SIDES,
        Action.DECLINE: _SIDES,
        Action.ESCALATE: _SIDES,
        Action.EXTEND_EVIDENCE: _SIDES | JUDGES,
        Action.DECIDE: JUDGES,
        Action.APPROVE: JUDGES,
        Action.DISAPPROVE: JUDGES,
        Action.TAKE_BACK: JUDGES,
        Action.ASSIGN: JUDGES,
        Action.RETURN_LABEL: _BUYER,
        Action.SEND_BACK: _BUYER,
        Action.ACCEPT_RETURN: _SELLER,
        Action.SEND_AGAIN: _SELLER,
        Action.ACCEPT_GOODS: _BUYER,
        Action.OBJECT_TO_GOODS: _SIDES,
        Action.CHANGE_REASON: _BUYER,
        Action.CONTEST_ARRIVAL: _BUYER,
        Action.WITHDRAW: _BUYER,
        Action.APPEAL: _SIDES,
        Action.RESOLVE: frozenset({Role.OPERATOR}),
    }
)
# The clocks that an action must beat: asked at or before their end, it wins (invariant 5).
BEATS: Final[Mapping[Action, tuple[ClockName, ...]]] = MappingProxyType(
    {
        Action.PROPOSE: (ClockName.SELLER_ANSWER, ClockName.BUYER_ANSWER),
        Action.ACCEPT: (ClockName.SELLER_ANSWER, ClockName.BUYER_ANSWER, ClockName.PROPOSAL),
        Action.DECLINE: (ClockName.PROPOSAL,),
        Action.EXTEND_EVIDENCE: (ClockName.EVIDENCE,),
        Action.TAKE_BACK: (ClockName.TAKE_BACK,),
        Action.RETURN_LABEL: (ClockName.RETURN_SHIPMENT,),
        Action.SEND_BACK: (ClockName.RETURN_SHIPMENT,),
        Action.SEND_AGAIN: (ClockName.RESHIPMENT,),
        Action.OBJECT_TO_GOODS: (ClockName.RETURN_CHECK, ClockName.RESHIP_CHECK),
        Action.CHANGE_REASON: (ClockName.ARRIVAL,),
        Action.CONTEST_ARRIVAL: (ClockName.ARRIVAL,),
        Action.APPEAL: (ClockName.APPEAL,),
    }
)
_ON_APPEAL: Final = frozenset({Stage.APPEALED, Stage.APPEAL_APPROVAL})
FOR_A_SECOND: Final = frozenset({Stage.AWAITING_APPROVAL, Stage.APPEAL_APPROVAL})


def _can(event: DisputeEvent) -> Callable[[DisputeState], bool]:
    return lambda state: DISPUTE.allows(state.stage, event)


_POSSIBLE: Final[Mapping[Action, Callable[[DisputeState], bool]]] = MappingProxyType(
    {
        Action.PROPOSE: _can(DisputeEvent.SELLER_PROPOSED),
        Action.ACCEPT: lambda s: s.stage in NEGOTIABLE and bool(s.proposals),
        Action.DECLINE: _can(DisputeEvent.PROPOSAL_DECLINED),
        Action.ESCALATE: _can(DisputeEvent.ESCALATED),
        Action.EXTEND_EVIDENCE: lambda s: s.stage is Stage.EVIDENCE and not s.is_extended,
        Action.DECIDE: _can(DisputeEvent.SECOND_NEEDED),
        Action.APPROVE: lambda s: s.stage in FOR_A_SECOND,
        Action.DISAPPROVE: lambda s: s.stage in FOR_A_SECOND,
        Action.TAKE_BACK: _can(DisputeEvent.TAKEN_BACK),
        Action.ASSIGN: lambda s: s.stage in (*UNSETTLED, *_ON_APPEAL),
        Action.RETURN_LABEL: lambda s: s.stage is Stage.RETURN_DUE and not s.label,
        Action.SEND_BACK: _can(DisputeEvent.RETURN_SHIPPED),
        Action.ACCEPT_RETURN: _can(DisputeEvent.RETURN_ACCEPTED),
        Action.SEND_AGAIN: _can(DisputeEvent.RESHIPPED),
        Action.ACCEPT_GOODS: _can(DisputeEvent.RESHIP_ACCEPTED),
        Action.OBJECT_TO_GOODS: _can(DisputeEvent.GOODS_OBJECTED),
        Action.CHANGE_REASON: lambda s: (
            s.category is Category.NOT_RECEIVED
            and DISPUTE.allows(s.stage, DisputeEvent.REASON_CHANGED)
        ),
        Action.CONTEST_ARRIVAL: lambda s: clock_of(s, ClockName.ARRIVAL) is not None,
        Action.WITHDRAW: _can(DisputeEvent.WITHDRAWN),
        Action.APPEAL: _can(DisputeEvent.APPEALED),
        Action.RESOLVE: lambda s: s.parked is not None,
    }
)
_WORDS_ON_A_RULING: Final = frozenset({Action.APPROVE, Action.DISAPPROVE, Action.TAKE_BACK})
# What a chargeback does not put off: whose case it is, a parked step, the buyer's last word.
_ALSO_PAUSED: Final = frozenset({Action.ASSIGN, Action.RESOLVE, Action.WITHDRAW})


@dataclass(frozen=True)
class Asked:
    """What an action is about; each needs some of it only.

    `version` is a proposal's where one is accepted, the case's revision where it is judged. Of
    `amount` (minor units) `platform` and `carrier` pay parts. `to` is who gets a case ("": the
    queue), `why` what a decision is founded on, `parcel` what was handed to a carrier. `bulk` is
    the bulk ruling that a decision, or a word on one, is a part of; "" for one of its own. `box` is
    how a return is packed that a label is wanted for.
    """

    version: int = 0
    remedy: Remedy = Remedy.REFUND
    amount: int = 0
    platform: int = 0
    carrier: int = 0
    reason: Reason = Reason.DIFFERS
    to: str = ""
    why: str = ""
    parcel: Sent | None = None
    bulk: str = ""
    box: Box | None = None

    @property
    def others_pay(self) -> int:
        """What of the amount the seller does not pay."""
        return self.platform + self.carrier


def is_possible(state: DisputeState, action: Action) -> bool:
    """Whether the dispute's stage allows it, whoever asks."""
    if state.pause is Pause.PAUSED and action not in _ALSO_PAUSED:
        return False
    return _POSSIBLE[action](state)


def allowed(state: DisputeState) -> dict[Action, tuple[Role, ...]]:
    """What may be asked now, and by whom."""
    return {
        action: tuple(sorted(WHO_MAY[action])) for action in Action if is_possible(state, action)
    }


def open_to(state: DisputeState, actor: Actor) -> list[Action]:
    """What *actor* may ask now; a case that is nobody's, once they have taken it."""
    return [
        action
        for action, roles in allowed(state).items()
        if actor.role in roles
        and _is_their_turn(state, action, actor)
        and not _conflict(state, action, actor)
    ]


def check(
    state: DisputeState, action: Action, actor: Actor, received_at: datetime, asked: Asked
) -> None:
    """Refuse what may not be asked, in a fixed order: who, whether, until when, which, how much.

    Raises `NotYours`, `IllegalTransition`, `DeadlinePassed`, `VersionConflict` or
    `AmountExceeded`.
    """
    _must_be_theirs(state, action, actor)
    if not is_possible(state, action) or not _is_their_turn(state, action, actor):
        raise IllegalTransition(
            f"dispute {state.dispute} is {headline(state)}: {action} is not possible now",
            dispute=state.dispute,
            status=headline(state),
            action=action,
        )
    _must_be_in_time(state, action, received_at)
    if action is Action.ACCEPT:
        _must_be_open(state, actor, asked.version)
    if action in (Action.DECIDE, Action.APPROVE):
        _must_be_seen(state, action, asked.version)
    if action in (Action.PROPOSE, Action.DECIDE):
        _must_be_sound(state, asked)
    _must_be_of_bulk(state, action, asked.bulk)
    if action is Action.SEND_BACK and asked.parcel is None and not state.label:
        raise IllegalTransition(
            f"say carrier and number: no label was bought for the return of {state.dispute}",
            dispute=state.dispute,
        )
    if action is Action.CHANGE_REASON and asked.reason not in REASONS[Category.RECEIVED]:
        raise IllegalTransition(
            f"{asked.reason} is no reason about goods that were received", reason=asked.reason
        )


def _must_be_theirs(state: DisputeState, action: Action, actor: Actor) -> None:
    own = {Role.BUYER: state.buyer, Role.SELLER: state.seller}.get(actor.role, actor.id)
    if actor.role not in WHO_MAY[action] or own != actor.id:
        raise NotYours(f"{actor.role} may not {action} dispute {state.dispute}", role=actor.role)
    if actor.role in JUDGES:
        _must_be_impartial(state, action, actor)


def _must_be_impartial(state: DisputeState, action: Action, actor: Actor) -> None:
    """Nobody decides a case that they have a part in, nor approves or reviews what they ruled.

    An agent decides what is assigned to them; a lead decides everything.
    """
    if why := _conflict(state, action, actor) or _not_in_hand(state, action, actor):
        raise NotYours(f"dispute {state.dispute}: {why}", role=actor.role, action=action)


def _conflict(state: DisputeState, action: Action, actor: Actor) -> str:
    if actor.role not in JUDGES:
        return ""
    if actor.id in (*state.touched, state.buyer, state.seller):
        return "whoever has acted for a side decides nothing"
    is_own_ruling = state.pending is not None and state.pending.by == str(actor)
    if action is Action.APPROVE and (is_own_ruling or _has_judged(state, actor)):
        return "a second person has to agree"
    if action is Action.DECIDE and _has_judged(state, actor):
        return "an appeal is decided by another person"
    return ""


def _not_in_hand(state: DisputeState, action: Action, actor: Actor) -> str:
    is_agent = actor.role is Role.SUPPORT_AGENT
    if action in (Action.DECIDE, Action.PROPOSE) and is_agent and state.assignee != actor.id:
        return "the case is assigned to somebody else, or to nobody"
    if action is Action.ASSIGN and is_agent and state.assignee not in ("", actor.id):
        return "an agent takes a case from the queue, or hands on their own"
    return ""


def _has_judged(state: DisputeState, actor: Actor) -> bool:
    return state.stage in _ON_APPEAL and actor.id in state.decided_by


def _is_their_turn(state: DisputeState, action: Action, actor: Actor) -> bool:
    """Where both sides may ask, but not at once the same."""
    match action:
        case Action.OBJECT_TO_GOODS:
            is_return = state.stage is Stage.RETURN_CHECK
            return actor.role is (Role.SELLER if is_return else Role.BUYER)
        case Action.PROPOSE if actor.role in JUDGES:
            return DISPUTE.allows(state.stage, DisputeEvent.PLATFORM_PROPOSED)
        case _:
            return True


def _must_be_in_time(state: DisputeState, action: Action, received_at: datetime) -> None:
    for name in BEATS.get(action, ()):
        clock = clock_of(state, name)
        if clock is not None and received_at > clock.due_at:
            raise DeadlinePassed(
                f"{action} had to be asked by {clock.due_at.isoformat()}",
                action=action,
                due_at=clock.due_at.isoformat(),
            )


def _must_be_open(state: DisputeState, actor: Actor, version: int) -> None:
    """An acceptance names a proposal of somebody else's that stands."""
    offer = offered(state, version)
    if offer is None or offer.by is actor.role or actor.role in _accepted(state, offer):
        standing = ", ".join(str(one.version) for one in state.proposals if one.by != actor.role)
        raise VersionConflict(
            f"proposal {version} does not stand, or is not yours to accept; these are: {standing}",
            dispute=state.dispute,
            version=version,
        )


def offered(state: DisputeState, version: int) -> Proposal | None:
    """The standing proposal of that version."""
    return next((one for one in state.proposals if one.version == version), None)


def _accepted(state: DisputeState, offer: Proposal) -> tuple[Role, ...]:
    return () if offer.by in _SIDES else state.accepted_by


def _must_be_seen(state: DisputeState, action: Action, version: int) -> None:
    pending = state.pending
    judged = pending.version if action is Action.APPROVE and pending else state.revision
    if version != judged or judged != state.revision:
        raise VersionConflict(
            f"dispute {state.dispute} has come to revision {state.revision} since: look again",
            dispute=state.dispute,
            version=version,
            revision=state.revision,
        )


def _must_be_sound(state: DisputeState, asked: Asked) -> None:
    is_whole = min(asked.platform, asked.carrier) >= 0 and asked.others_pay <= asked.amount
    if not is_whole or not 0 <= asked.amount <= state.cap:
        raise AmountExceeded(
            f"at most {state.cap} (minor units of {state.currency}) may be given back",
            asked=max(asked.amount, asked.others_pay),
            available=state.cap,
            currency=state.currency,
        )
    # Money can be given whatever the category; an appeal is about money alone.
    is_offered = asked.remedy in REMEDIES[state.category] and state.stage is not Stage.APPEALED
    if asked.remedy is not Remedy.REFUND and not is_offered:
        raise _no_remedy(state, asked)


def _must_be_of_bulk(state: DisputeState, action: Action, bulk: str) -> None:
    """An appeal is decided for itself; a word on a bulk ruling is about that one only."""
    if action is Action.DECIDE and bulk and state.stage is Stage.APPEALED:
        raise IllegalTransition(
            f"dispute {state.dispute} is appealed: it is decided for itself",
            dispute=state.dispute,
        )
    pending = state.pending.bulk if state.pending else ""
    if action in _WORDS_ON_A_RULING and bulk and bulk != pending:
        raise IllegalTransition(
            f"what waits in dispute {state.dispute} is not of bulk ruling {bulk}",
            dispute=state.dispute,
            bulk=bulk,
        )


def _no_remedy(state: DisputeState, asked: Asked) -> IllegalTransition:
    return IllegalTransition(
        f"{asked.remedy} is not possible for dispute {state.dispute} now",
        dispute=state.dispute,
        remedy=asked.remedy,
    )


def headline(state: DisputeState) -> str:
    """One status for lists, derived from the axes; never stored as the truth."""
    if state.parked is not None:
        return "needs_attention"
    if state.pause is Pause.PAUSED:
        return "awaiting_chargeback"
    if state.outcome is not Outcome.OPEN and state.stage is Stage.CLOSED:
        return str(state.outcome)
    return str(state.stage)
