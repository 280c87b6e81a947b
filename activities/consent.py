"""Questions between the two sides of an order, on record with whoever has to answer told."""

import structlog
from temporalio import activity

from activities.order import must_not_be_asked, shown_since
from activities.requests import Consent
from domain.order import consent
from domain.order.agreements import MANNERS, Topic
from domain.order.state import OrderState, Outcome
from persistence.port import Database, Event

log = structlog.get_logger()


class ConsentActivities:
    """Records what one side asks and the other answers."""

    def __init__(self, database: Database) -> None:
        """Everything goes to *database*."""
        self._database = database

    @activity.defn(name="consent.ask")
    async def ask(self, request: Consent) -> OrderState:
        """Put the question; the other side is told until when they may answer."""
        state, topic = request.state, request.topic
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
            after = consent.asked(state, terms, topic, request.role, request.days, request.at)
            facts = _facts(request) | {"days": request.days}
            # Told apart by who asked, for the other side is told.
            kind = f"order.{topic}_asked_by_{request.role}"
            await tx.story.tell(after, Event(kind, request.at, request.actor, facts))
        log.info("consent.asked", order=state.order, topic=str(topic))
        return after

    @activity.defn(name="consent.settle")
    async def settle(self, request: Consent) -> OrderState:
        """Close the question by its answer, or by what silence means.

        By deadline, refuses with `PendingRequest` while an answer that came in time waits.
        """
        state, topic = request.state, request.topic
        question = consent.open_question(state, topic)
        is_agreed = MANNERS[topic].silence_agrees if request.by_deadline else request.is_agreed
        async with self._database.transaction() as tx:
            if request.by_deadline:
                await must_not_be_asked(tx, state.order, request.at)
            terms = (await tx.orders.get(state.order)).terms
            after = consent.settled(state, terms, topic, is_agreed=is_agreed)
            facts = _facts(request) | {"asked_by": question.asked_by}
            if request.by_deadline:
                facts["by"] = "silence"
            word = "granted" if is_agreed else "declined"
            events = [Event(f"order.{topic}_{word}", request.at, request.actor, facts)]
            if after.outcome is Outcome.CANCELLED_BY_AGREEMENT:
                events.append(Event(f"order.{after.outcome}", request.at, request.actor))
                is_first = await shown_since(tx, state) is None
                if question.asked_by == "seller" and is_first:
                    await tx.sellers.mark_non_fulfilment(state.seller)
            await tx.story.tell(after, *events)
        log.info("consent.settled", order=state.order, topic=str(topic), agreed=is_agreed)
        return after

    @activity.defn(name="consent.take_back")
    async def take_back(self, request: Consent) -> OrderState:
        """Whoever asked wants it no longer."""
        after = consent.taken_back(request.state, request.topic)
        async with self._database.transaction() as tx:
            kind = f"order.{request.topic}_taken_back"
            await tx.story.tell(after, Event(kind, request.at, request.actor, _facts(request)))
        return after


def _facts(request: Consent) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"topic": Topic(request.topic)}
    if request.reason:
        facts["reason"] = request.reason
    return facts
