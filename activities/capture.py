"""Money that a buyer's bank has agreed to: taken when the goods go, given free, or lost."""

from typing import Final

import structlog
from temporalio import activity

from activities import exchange
from activities.payment import capture_when, post_capture
from activities.requests import Step
from activities.risk import SUSPECTED, review_over
from adapters.errors import Unavailable
from adapters.payment.port import Intent, IntentStatus, PaymentGateway
from domain.ids import money_key, order_workflow_id
from domain.money import Money
from domain.order import paying
from domain.order.state import Fraud, OrderState
from domain.policy import Terms
from persistence.port import Database, Event, Facts

_ENDS: Final = (IntentStatus.CAPTURED, IntentStatus.CANCELLED)
log = structlog.get_logger()


class CaptureActivities:
    """An authorisation is no money: only its capture is posted."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="payment.capture")
    async def capture(self, step: Step) -> OrderState:
        """Take what the bank has agreed to. Safe to run any number of times.

        An authorisation that has run out takes nothing: the buyer is asked again, or the order
        closes, as the policy has it. A capture that the provider has not made yet is an outage
        (`Unavailable`): it is tried again, and in the end a person looks.
        """
        state = step.state
        if not state.authorised:
            return state
        subject = order_workflow_id(state.order)
        intent = await self._gateway.capture(
            f"{subject}/capture/{state.intent}",
            state.intent,
            Money(state.authorised, state.currency),
        )
        if intent.status is IntentStatus.AWAITING_BUYER:
            # The bank's word is gone. Nobody may pay this one beside the next that is asked for.
            intent = await self._gateway.cancel(state.intent)
        if intent.status not in _ENDS:
            detail = f"the capture of {state.intent} is not made yet: it is {intent.status}"
            raise Unavailable(self._gateway.name, detail)
        return await self._as_it_stands(step, intent)

    @activity.defn(name="payment.follow_authorisation")
    async def follow(self, step: Step) -> OrderState:
        """Look at an authorisation of which there is news."""
        if not step.state.authorised:
            return step.state
        return await self._as_it_stands(step, await self._gateway.look(step.state.intent))

    @activity.defn(name="payment.void")
    async def void(self, step: Step) -> OrderState:
        """Give the buyer's bank its word back; what was taken meanwhile is posted instead."""
        state = step.state
        if not state.authorised:
            return state
        intent = await self._gateway.cancel(state.intent)
        if intent.status is IntentStatus.CAPTURED:
            return await self._taken(step, intent)
        after = paying.voided(state)
        facts: Facts = {"amount": state.authorised, "currency": state.currency}
        async with self._database.transaction() as tx:
            await tx.story.tell(after, Event("order.payment_voided", step.at, facts=facts))
        log.info("payment.voided", order=state.order, minor=state.authorised)
        return after

    async def _as_it_stands(self, step: Step, intent: Intent) -> OrderState:
        match intent.status:
            case IntentStatus.CAPTURED:
                return await self._taken(step, intent)
            case IntentStatus.CANCELLED:
                return await self._lapsed(step)
            case _:
                return step.state

    async def _taken(self, step: Step, intent: Intent) -> OrderState:
        state, gross = step.state, intent.captured.minor
        after = paying.taken(state, gross + state.subsidy, step.at)
        facts: Facts = {"amount": gross, "currency": state.currency}
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            await post_capture(tx, self._gateway.name, state, intent, step.at, funds)
            terms = (await tx.orders.get(state.order)).terms
            after = await exchange.captured(tx, after, terms)
            await tx.story.tell(after, Event("order.paid", step.at, step.actor, facts))
        log.info("payment.captured", order=state.order, minor=gross, fee=intent.fee.minor)
        return after

    async def _lapsed(self, step: Step) -> OrderState:
        state = step.state
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
        if not _is_asked_again(state, terms):
            after = paying.lapsed_for_good(state, step.at)
        else:
            intent = await self._open(state, terms)
            after = paying.lapsed(state, terms, intent.reference, step.at)
        facts: Facts = {"amount": state.authorised, "currency": state.currency}
        kind = "order.never_paid" if after.ended_at else "order.authorisation_lost"
        async with self._database.transaction() as tx:
            if after.ended_at:
                # With the money goes what compliance would have had to decide about.
                await tx.story.clear(SUSPECTED, order_workflow_id(state.order), step.at)
            await review_over(tx, state, after, step.at)
            await tx.story.tell(after, Event(kind, step.at, facts=facts))
        log.warning("payment.authorisation_lost", order=state.order, minor=state.authorised)
        return after

    async def _open(self, state: OrderState, terms: Terms) -> Intent:
        subject = order_workflow_id(state.order)
        return await self._gateway.open(
            money_key(subject, "take", state.attempts + 1),
            subject,
            Money(paying.due_from_buyer(state), state.currency),
            capture=capture_when(terms),
            again=activity.info().attempt > 1,
        )


def _is_asked_again(state: OrderState, terms: Terms) -> bool:
    """Whether a buyer whose bank no longer agrees may pay once more; never one who is suspected."""
    is_offered = terms.authorisation_lost == "ask_again" and paying.may_be_asked_again(state)
    return is_offered and state.fraud is not Fraud.SUSPECTED
