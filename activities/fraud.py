"""A payment that is thought to be fraudulent: its money is frozen until compliance decides."""

import structlog
from temporalio import activity

from activities.order import shown_since
from activities.requests import DecideFraud, Step
from activities.risk import SUSPECTED, review_over
from adapters.payment.port import FraudSign, PaymentGateway
from domain.ids import order_workflow_id
from domain.order import money_moves, suspicion
from domain.order.rules import can_be_doubted
from domain.order.state import OrderState
from persistence.port import Database, Event, Facts, Transaction

log = structlog.get_logger()


class FraudActivities:
    """A freeze is a hold of everything that could be released, so it races as all holds do."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """What *gateway* reports is read again from it; everything else is in *database*."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="fraud.report")
    async def report(self, step: Step) -> OrderState:
        """Freeze the money, stop the seller, ask for parcels back, and call compliance."""
        return await self._freeze(step, {"reason": step.reason} if step.reason else {})

    @activity.defn(name="fraud.heed")
    async def heed(self, step: Step) -> OrderState:
        """Read what the provider reports of the payment; what still stands freezes the money.

        Before the risk check is over, or after the payment is decided about, it is only said to
        compliance.
        """
        state = step.state
        signs = [one for one in await self._gateway.fraud_signs(state.intent) if one.is_open]
        if not signs:
            return state
        if can_be_doubted(state):
            return await self._freeze(step, _facts(signs[-1]))
        async with self._database.transaction() as tx:
            await _alarm(tx, step, _facts(signs[-1]))
        return state

    async def _freeze(self, step: Step, facts: Facts) -> OrderState:
        state = step.state
        after = suspicion.suspected(state)
        hold = suspicion.hold_name(after)
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            if funds.releasable and not await tx.funds.has_hold(hold, state.order):
                await tx.funds.place_hold(
                    hold, state.order, funds.releasable, "fraud", step.actor, step.at
                )
                funds = funds.with_hold(funds.releasable)
                await tx.funds.put(funds)
            after = money_moves.mirrored_hold(after, funds.held)
            await _alarm(tx, step, facts)
            events = [Event("order.fraud_suspected", step.at, step.actor, facts)]
            if suspicion.is_on_the_way(state):
                events.append(Event("order.intercept_asked", step.at, step.actor))
            await tx.story.tell(after, *events)
        log.warning("fraud.suspected", order=state.order, held=after.held)
        return after

    @activity.defn(name="fraud.decide")
    async def decide(self, request: DecideFraud) -> OrderState:
        """Lift the freeze; where it was fraud, call the order off, so that all goes back."""
        state = request.state
        hold = suspicion.hold_name(state)
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
            funds = await tx.funds.locked(state.order)
            if await tx.funds.has_hold(hold, state.order):
                amount = await tx.funds.lift_hold(hold, state.order, request.actor, request.at)
                funds = funds.without_hold(amount)
                await tx.funds.put(funds)
            if request.is_fraud:
                after, kind = suspicion.confirmed(state), "order.fraud_confirmed"
                await tx.orders.unwatched(state.order)
            else:
                after = suspicion.cleared(state, terms, request.at)
                kind = "order.fraud_cleared"
            after = money_moves.mirrored_hold(after, funds.held)
            await tx.story.clear(SUSPECTED, order_workflow_id(state.order), request.at)
            await review_over(tx, state, after, request.at)
            facts: Facts = {"reason": request.reason} if request.reason else {}
            await tx.story.tell(after, Event(kind, request.at, request.actor, facts))
        log.warning("fraud.decided", order=state.order, is_fraud=request.is_fraud)
        return after


async def _alarm(tx: Transaction, step: Step, facts: Facts) -> None:
    words = "a payment is reported as fraudulent: compliance decides what becomes of it"
    await tx.story.alarm(SUSPECTED, order_workflow_id(step.state.order), words, step.at, facts)


def _facts(sign: FraudSign) -> Facts:
    return {"sign": sign.kind, "reason": sign.reason, "reference": sign.reference}
