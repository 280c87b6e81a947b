"""What a dispute's timeline says, told apart by whom it concerns."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from activities.dispute_requests import Act, Ring
from domain.dispute.clocks import clock_of
from domain.dispute.rules import JUDGES, Action
from domain.dispute.state import ClockName, DisputeEvent, DisputeState, Stage
from persistence.port import Event

_NAMES: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.ACCEPT: "accepted",
        Action.DECLINE: "declined",
        Action.ESCALATE: "escalated",
        Action.EXTEND_EVIDENCE: "evidence_extended",
        Action.DECIDE: "ruled",
        Action.APPROVE: "ruled",
        Action.DISAPPROVE: "second_disagreed",
        Action.TAKE_BACK: "taken_back",
        Action.ASSIGN: "assigned",
        Action.ACCEPT_RETURN: "return_accepted",
        Action.ACCEPT_GOODS: "goods_accepted",
        Action.OBJECT_TO_GOODS: "goods_objected",
        Action.CHANGE_REASON: "reason_changed",
        Action.CONTEST_ARRIVAL: "arrival_contested",
        Action.WITHDRAW: "withdrawn",
        Action.APPEAL: "appealed",
    }
)
# Stages that somebody has to know of, whatever led there: what they are told, and its deadline.
_ENTERED: Final[Mapping[Stage, tuple[str, str]]] = MappingProxyType(
    {
        Stage.EVIDENCE: ("escalated", "answer_by"),
        Stage.RETURN_DUE: ("return_due", "return_by"),
        Stage.RESHIP_DUE: ("reship_due", "send_by"),
    }
)
_Facts = dict[str, str | int]


def opened(state: DisputeState) -> Event:
    """A buyer disputes lines of an order."""
    (asked,) = state.proposals
    facts = _about(state) | {
        "category": str(state.category),
        "reason": str(state.reason),
        "remedy": str(asked.remedy),
        "amount": asked.amount,
        "held": state.held,
        "lines": ", ".join(claim.line for claim in state.claims),
        "answer_by": _due(state),
    }
    return Event("dispute.opened", state.opened_at, f"buyer:{state.buyer}", facts)


def acted(before: DisputeState, after: DisputeState, request: Act) -> list[Event]:
    """What somebody did, and where that leads."""
    actor, at = request.actor, request.at
    if request.action is Action.PROPOSE:
        side = "platform" if actor.role in JUDGES else str(actor.role)
        offer = after.proposals[-1]
        facts = _about(after) | {
            "remedy": str(offer.remedy),
            "amount": offer.amount,
            "version": offer.version,
            "answer_by": _due(after),
        }
        return [Event(f"dispute.proposed_by_{side}", at, str(actor), facts)]
    if request.action is Action.SEND_BACK:
        # By the label that was bought for it: any other parcel is watched first.
        return [sent(after, request)]
    name, facts = _NAMES[request.action], _about(after)
    if after.pending is not None and before.pending is None:
        name = "ruling_waits"
    elif after.stage is Stage.RULED:
        name = "ruling_agreed"
        facts["take_back_by"] = _due(after)
    elif after.verdict is not None and name == "ruled":
        facts |= {"amount": after.verdict.amount, "remedy": str(after.verdict.remedy)}
    done = Event(f"dispute.{name}", at, str(actor), facts)
    entered = _entered(before, after, at)
    if [one.kind for one in entered] == [done.kind]:
        # Somebody asked for just that: told once, with the deadline and with who it was.
        return [replace(one, actor=str(actor)) for one in entered]
    return [done, *entered]


def sent(after: DisputeState, request: Act) -> Event:
    """Goods are on their way back, or once more."""
    parcel = request.asked.parcel or after.sent
    facts = _about(after)
    if parcel is not None:
        facts |= {"carrier": parcel.carrier, "number": parcel.number}
    return Event(f"dispute.{after.stage}", request.at, str(request.actor), facts)


def rung(before: DisputeState, after: DisputeState, request: Ring) -> list[Event]:
    """A clock has run out, or a reminder of it goes out."""
    due = request.due
    clock = clock_of(after, due.clock)
    if due.is_reminder and clock is not None:
        facts = _about(after) | {"answer_by": clock.due_at.isoformat()}
        return [Event(f"dispute.{due.clock}_reminded", due.at, facts=facts)]
    facts = _about(after)
    if after.stage is not before.stage:
        facts["stage"] = str(after.stage)
    done = Event(f"dispute.{due.clock}_ran_out", due.at, facts=facts)
    if before.stage is Stage.RULED and after.verdict is not None:
        # Only now is it told to those whom it concerns: until then it could be called back.
        ruling = after.verdict
        facts = _about(after) | {"amount": ruling.amount, "remedy": str(ruling.remedy)}
        done = Event("dispute.ruled", due.at, ruling.by, facts)
    return [done, *_entered(before, after, due.at)]


def heard(after: DisputeState, event: DisputeEvent, at: datetime) -> Event:
    """What a carrier says of a parcel."""
    if event is not DisputeEvent.ARRIVED:
        return Event(f"dispute.{event}", at, facts=_about(after))
    clock = clock_of(after, ClockName.ARRIVAL)
    until = clock.due_at.isoformat() if clock else ""
    return Event("dispute.arriving", at, facts=_about(after) | {"answer_by": until})


def _entered(before: DisputeState, after: DisputeState, at: datetime) -> list[Event]:
    if after.stage is before.stage or after.stage not in _ENTERED:
        return []
    name, deadline = _ENTERED[after.stage]
    facts = _about(after) | {deadline: _due(after)}
    if after.verdict is not None:
        facts["amount"] = after.verdict.amount
    return [Event(f"dispute.{name}", at, facts=facts)]


def _about(state: DisputeState) -> _Facts:
    return {"order": state.order, "currency": state.currency}


def _due(state: DisputeState) -> str:
    return min((clock.due_at for clock in state.clocks), default=state.opened_at).isoformat()
