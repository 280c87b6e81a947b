"""Questions between the two sides of an order: judged, asked, answered, taken back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.errors import DeadlinePassed, IllegalTransition, NotYours
from domain.order.agreements import MANNERS, Agreement, Topic, who_answers
from domain.order.clocks import with_clocks
from domain.order.facts import clock_of
from domain.order.moves import called_off
from domain.order.rules import topics
from domain.order.state import (
    Clock,
    ClockName,
    FulfilmentEvent,
    OrderState,
    Outcome,
)
from domain.policy import Terms

_DAY: Final = timedelta(days=1)
ANSWER_CLOCKS: Final[Mapping[Topic, ClockName]] = MappingProxyType(
    {
        Topic.EXTENSION: ClockName.EXTENSION_ANSWER,
        Topic.CANCELLATION: ClockName.CANCELLATION_ANSWER,
        Topic.PROTECTION: ClockName.PROTECTION_ANSWER,
    }
)
TOPIC_OF: Final[Mapping[ClockName, Topic]] = MappingProxyType(
    {clock: topic for topic, clock in ANSWER_CLOCKS.items()}
)
# A question must be put before the clock that it is about has run out.
_ABOUT: Final[Mapping[Topic, ClockName]] = MappingProxyType(
    {
        Topic.EXTENSION: ClockName.SHIPMENT,
        Topic.CANCELLATION: ClockName.SHIPMENT,
        Topic.PROTECTION: ClockName.DELIVERY,
    }
)


def open_question(state: OrderState, topic: Topic) -> Agreement:
    """The question of that kind that waits for an answer. None: `IllegalTransition`."""
    for agreement in state.agreements:
        if agreement.topic is topic:
            return agreement
    raise IllegalTransition(
        f"nobody has asked for {topic} of order {state.order}", order=state.order, topic=topic
    )


def check_asking(state: OrderState, topic: Topic, actor: Actor, received_at: datetime) -> None:
    """Refuse a question that this side may not put, or not now.

    Raises `NotYours`, `IllegalTransition` or `DeadlinePassed`.
    """
    if actor.role not in MANNERS[topic].asked_by:
        raise NotYours(f"{actor.role} may not ask for {topic}", role=actor.role, topic=topic)
    if topic not in topics(state):
        raise IllegalTransition(
            f"{topic} of order {state.order} cannot be asked for now, or not again",
            order=state.order,
            topic=topic,
        )
    about = clock_of(state, _ABOUT[topic])
    if about is not None and received_at > about.due_at:
        raise DeadlinePassed(
            f"{topic} had to be asked for by {about.due_at.isoformat()}",
            topic=topic,
            due_at=about.due_at.isoformat(),
        )


def check_answering(state: OrderState, topic: Topic, actor: Actor, received_at: datetime) -> None:
    """Refuse an answer by somebody who was not asked, or too late.

    Raises `IllegalTransition`, `NotYours` or `DeadlinePassed`.
    """
    question = open_question(state, topic)
    if actor.role not in who_answers(question):
        raise NotYours(f"{actor.role} was not asked about {topic}", role=actor.role, topic=topic)
    clock = clock_of(state, ANSWER_CLOCKS[topic])
    if clock is not None and received_at > clock.due_at:
        raise DeadlinePassed(
            f"the answer about {topic} was due by {clock.due_at.isoformat()}",
            topic=topic,
            due_at=clock.due_at.isoformat(),
        )


def check_taking_back(state: OrderState, topic: Topic, actor: Actor) -> None:
    """Refuse to take back what somebody else has asked, or nobody."""
    if open_question(state, topic).asked_by is not actor.role:
        raise NotYours(f"{topic} was asked for by the other side", role=actor.role, topic=topic)


def asked(
    state: OrderState, terms: Terms, topic: Topic, role: Role, days: int, at: datetime
) -> OrderState:
    """One side has put a question; the other has time to answer.

    An answer about a clock comes before that clock's end, or not at all.
    """
    due = at + timedelta(seconds=_windows(terms)[topic])
    about = clock_of(state, _ABOUT[topic])
    if about is not None:
        due = min(due, about.due_at)
    return replace(
        state,
        agreements=(*state.agreements, Agreement(topic, role, at, days)),
        clocks=with_clocks(state, start=(Clock(ANSWER_CLOCKS[topic], at, due),)),
        version=state.version + 1,
    )


def _windows(terms: Terms) -> Mapping[Topic, int]:
    return {
        Topic.EXTENSION: terms.ship_within,
        Topic.CANCELLATION: terms.answer_cancellation_within,
        Topic.PROTECTION: terms.answer_protection_within,
    }


def settled(state: OrderState, terms: Terms, topic: Topic, *, is_agreed: bool) -> OrderState:
    """A question has its answer, by word or by silence; what was agreed on becomes true."""
    question = open_question(state, topic)
    closed = _closed(state, topic)
    if not is_agreed:
        return replace(closed, version=state.version + 1)
    match topic:
        case Topic.EXTENSION:
            return _extended(closed, terms, question.days)
        case Topic.CANCELLATION:
            return called_off(closed, FulfilmentEvent.CALLED_OFF, Outcome.CANCELLED_BY_AGREEMENT)
        case Topic.PROTECTION:
            return _protected(closed, terms)


def taken_back(state: OrderState, topic: Topic) -> OrderState:
    """Whoever asked wants it no longer."""
    return replace(_closed(state, topic), version=state.version + 1)


def _closed(state: OrderState, topic: Topic) -> OrderState:
    left = tuple(other for other in state.agreements if other.topic is not topic)
    clocks = with_clocks(state, stop=(ANSWER_CLOCKS[topic],))
    return replace(state, agreements=left, clocks=clocks)


def _extended(state: OrderState, terms: Terms, days: int) -> OrderState:
    """The seller has longer to ship: as agreed, and no longer than the policy allows."""
    longer = min(_DAY * days, timedelta(seconds=terms.extend_shipping_by))
    clocks = tuple(
        replace(clock, due_at=clock.due_at + longer) if clock.name is ClockName.SHIPMENT else clock
        for clock in state.clocks
    )
    return replace(state, extended=True, clocks=clocks, version=state.version + 1)


def _protected(state: OrderState, terms: Terms) -> OrderState:
    """The promise of every parcel that has not come runs longer."""
    longer = timedelta(seconds=terms.extend_protection_by)
    clocks = tuple(
        replace(clock, due_at=clock.due_at + longer) if clock.name is ClockName.DELIVERY else clock
        for clock in state.clocks
    )
    return replace(
        state, protections=state.protections + 1, clocks=clocks, version=state.version + 1
    )
