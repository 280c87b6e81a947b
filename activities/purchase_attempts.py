"""Several payments of one purchase: a further one is asked for, and only one is kept."""

import structlog
from temporalio import activity

from activities.purchase_requests import AskForAll, PurchaseStep
from activities.returns import Returns, paid_twice, payer_of
from adapters.payment.port import PaymentGateway
from domain.ids import money_key, purchase_workflow_id
from domain.money import Money
from domain.purchase import moves
from domain.purchase.state import PurchaseState
from persistence.port import Database, Event, Facts

log = structlog.get_logger()


class PurchaseAttemptActivities:
    """A buyer may pay another way while a slip is out; the orders are paid once all the same."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="purchase.ask_again")
    async def ask_again(self, request: AskForAll) -> PurchaseState:
        """Open a further payment beside the ones that are out, under the next number."""
        state = request.state
        subject = purchase_workflow_id(state.purchase)
        intent = await self._gateway.open(
            money_key(subject, "take", state.attempts + 1),
            subject,
            Money(state.due, state.currency),
            request.method,
            again=request.again or activity.info().attempt > 1,
        )
        after = moves.another_asked(state, intent.reference)
        facts: Facts = {"attempt": after.attempts}
        if intent.decline:
            facts = {**facts, "declined": intent.decline}
        async with self._database.transaction() as tx:
            event = Event("purchase.payment_asked_again", request.at, request.actor, facts)
            await tx.story.tell_purchase(after, event)
        log.info("purchase.asked_again", purchase=state.purchase, status=str(intent.status))
        return after

    @activity.defn(name="purchase.close_others")
    async def close_others(self, step: PurchaseStep) -> PurchaseState:
        """Cancel the payments that nobody waits for any more.

        One that was paid all the same is an excess: kept apart, and given back in full. A debit
        on its way cannot be cancelled and stays open: aftercare looks after it.
        """
        state = step.state
        closed = await self._returns.close(payer_of(state), state.others, step.at)
        if closed.still_open == state.others:
            return state
        after = moves.others_closed(state, closed.still_open)
        async with self._database.transaction() as tx:
            await tx.story.tell_purchase(after, *paid_twice(closed, "purchase", step.at))
        log.info("purchase.others_closed", purchase=state.purchase, left=len(closed.still_open))
        return after
