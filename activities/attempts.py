"""Several payments of one order: a further one is asked for, and only one is kept."""

import structlog
from temporalio import activity

from activities.payment import capture_when
from activities.requests import AskPayment, Step
from activities.returns import Returns, paid_twice, payer_of
from adapters.payment.port import PaymentGateway
from domain.ids import money_key, order_workflow_id
from domain.money import Money
from domain.order import paying
from domain.order.state import OrderState
from persistence.port import Database, Event, Facts

log = structlog.get_logger()


class AttemptActivities:
    """A buyer may pay another way while a slip is out; the order is paid once all the same."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="payment.ask_again")
    async def ask_again(self, request: AskPayment) -> OrderState:
        """Open a further payment beside the ones that are out, under the next number."""
        state = request.state
        subject = order_workflow_id(state.order)
        again = request.again or activity.info().attempt > 1
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
        intent = await self._gateway.open(
            money_key(subject, "take", state.attempts + 1),
            subject,
            Money(paying.due_from_buyer(state), state.currency),
            request.method,
            capture=capture_when(terms),
            again=again,
        )
        after = paying.another_asked(state, intent.reference)
        facts: Facts = {"attempt": after.attempts}
        if intent.decline:
            facts = {**facts, "declined": intent.decline}
        async with self._database.transaction() as tx:
            event = Event("order.payment_asked_again", request.at, request.actor, facts)
            await tx.story.tell(after, event)
        log.info("payment.asked_again", order=state.order, status=str(intent.status))
        return after

    @activity.defn(name="payment.close_others")
    async def close_others(self, step: Step) -> OrderState:
        """Cancel the payments that the order does not wait for any more.

        One that was paid all the same is an excess: kept apart, and given back in full. A debit
        on its way cannot be cancelled and stays open. Returns of earlier steps are followed.
        """
        state = step.state
        await self._returns.follow(order_workflow_id(state.order), step.at)
        closed = await self._returns.close(payer_of(state), state.others, step.at)
        if closed.still_open == state.others:
            return state
        after = paying.others_closed(state, closed.still_open, len(closed.paid_too))
        async with self._database.transaction() as tx:
            await tx.story.tell(after, *paid_twice(closed, "order", step.at))
        log.info("payment.others_closed", order=state.order, left=len(closed.still_open))
        return after
