"""The buyer pays again for goods that came after their refund; nothing is ever debited by itself.

What they pay is the seller's at once, less commission: the goods are there, and no order is open
that could keep it in escrow.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from temporalio import activity

from activities import exchange
from activities.repayment_requests import AskAgain, RepaymentStep
from activities.requests import CareForPayment
from activities.returns import Payer, Returns
from adapters.payment.port import Intent, IntentStatus, PaymentGateway
from domain.charges import smallest
from domain.errors import NotKnown
from domain.ids import money_key, repayment_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import repaying
from domain.order.postings import PaidBy
from domain.order.repaying import RepaymentEvent, RepaymentState
from domain.order.state import OrderState
from persistence.port import Database, Event, Facts, Transaction

log = structlog.get_logger()


class RepaymentActivities:
    """Takes what the buyer pays again. Money coming in: the provider first, then one transaction.

    Every step locks the row of the order's money, and finds what an earlier run of it came to.
    """

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="repayment.ask")
    async def ask(self, request: AskAgain) -> RepaymentState:
        """Open a payment of all that came and is not paid again; it closes by itself.

        A repeat finds the payment by our key. Where nothing is left to pay, it has lapsed.
        """
        async with self._database.transaction() as tx:
            before = await tx.repayments.state(request.state.order)
            if before is not None and before.is_open:
                return before
            order = await _order(tx, request.state.order)
            terms = (await tx.orders.get(order.order)).terms
            settled = before.settled if before else 0
            owed = repaying.due(order, await tx.funds.locked(order.order), settled)
        state = replace(before or request.state, asked_at=request.state.asked_at)
        if owed.buyer < smallest(order.currency).minor:
            return await self._nothing_due(request)
        subject = repayment_workflow_id(state.order)
        intent = await self._gateway.open(
            money_key(subject, "take", state.attempt + 1),
            subject,
            Money(owed.buyer, state.currency),
            request.method,
            again=activity.info().attempt > 1,
        )
        closes_at = request.at + timedelta(seconds=terms.pay_within)
        after = repaying.asked(state, owed, intent.reference, closes_at)
        facts: Facts = {
            "amount": after.amount,
            "currency": after.currency,
            "pay_by": closes_at.isoformat(),
        }
        if intent.decline:
            facts = {**facts, "declined": intent.decline}
        async with self._database.transaction() as tx:
            await _tell(tx, after, "order.repayment_asked", request.at, facts)
        log.info("repayment.asked", order=state.order, status=str(intent.status))
        return after

    async def _nothing_due(self, request: AskAgain) -> RepaymentState:
        """Paid meanwhile, or the refund has come back: there is nothing to pay."""
        log.info("repayment.not_due", order=request.state.order)
        return repaying.ended(request.state, RepaymentEvent.WINDOW_CLOSED, request.at)

    @activity.defn(name="repayment.settle")
    async def settle(self, step: RepaymentStep) -> RepaymentState:
        """Look at the payment as it stands, and post what is new."""
        intent = await self._gateway.look(step.state.intent)
        return await self._settled(step, intent)

    @activity.defn(name="repayment.close")
    async def close(self, step: RepaymentStep) -> RepaymentState:
        """Close the window, unless the money is there or on its way: the provider's truth decides.

        A debit on its way cannot be cancelled; the window stays open until it has arrived or
        failed.
        """
        state = step.state
        intent = await self._gateway.look(state.intent)
        if intent.status not in (IntentStatus.CAPTURED, IntentStatus.PROCESSING):
            intent = await self._gateway.cancel(state.intent)
        if intent.status is IntentStatus.CAPTURED:
            return await self._settled(step, intent)
        async with self._database.transaction() as tx:
            if (shown := await _shown_since(tx, state)) is not None:
                return shown
            if intent.status is not IntentStatus.CANCELLED:
                terms = (await tx.orders.get(state.order)).terms
                until = step.at + timedelta(seconds=terms.pending_payment_within)
                after = repaying.waited_for(state, until)
                await tx.repayments.put(after)
                return after
            after = repaying.ended(state, RepaymentEvent.WINDOW_CLOSED, step.at)
            facts: Facts = {"amount": state.amount, "currency": state.currency}
            await _tell(tx, after, "order.repayment_lapsed", step.at, facts)
        log.info("repayment.lapsed", order=state.order)
        return after

    @activity.defn(name="aftercare.repayment")
    async def care(self, request: CareForPayment) -> str:
        """News after the end: what was sent back may have come back itself."""
        came_back = await self._returns.follow(repayment_workflow_id(request.subject), request.at)
        return "refund_came_back" if came_back else "nothing_to_do"

    async def _settled(self, step: RepaymentStep, intent: Intent) -> RepaymentState:
        if intent.status is not IntentStatus.CAPTURED:
            return step.state
        if intent.captured.minor != step.state.amount:
            return await self._sent_back(step, intent)
        return await self._paid(step, intent)

    async def _paid(self, step: RepaymentStep, intent: Intent) -> RepaymentState:
        state, subject = step.state, repayment_workflow_id(step.state.order)
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            if (shown := await _shown_since(tx, state)) is not None:
                return shown
            plan, others = repaying.plan_settlement(state.worth, funds, state.settled)
            terms = (await tx.orders.get(state.order)).terms
            plan = await exchange.released(tx, terms, funds, plan, step.at)
            share = PaidBy(state.amount, state.worth - state.amount)
            legs = repaying.paid_again(
                self._gateway.name, state.seller, share, intent.fee.minor, plan, others
            )
            key = f"{subject}/capture/{intent.reference}"
            entry = Posting(key, "repayment", subject, state.currency, step.at, legs)
            await tx.ledger.post(entry)
            await exchange.post_released(tx, funds, plan, entry)
            after = repaying.ended(state, RepaymentEvent.MONEY_ARRIVED, step.at)
            facts: Facts = {"amount": state.amount, "currency": state.currency}
            await _tell(tx, after, "order.paid_again", step.at, facts)
        log.info("repayment.paid", order=state.order, minor=state.amount)
        return after

    async def _sent_back(self, step: RepaymentStep, intent: Intent) -> RepaymentState:
        """Money of another amount than was asked goes back in full; the buyer may try again."""
        state = step.state
        payer = Payer(repayment_workflow_id(state.order), state.currency)
        await self._returns.close(payer, (intent.reference,), step.at)
        after = repaying.ended(state, RepaymentEvent.OTHER_AMOUNT_ARRIVED, step.at)
        facts: Facts = {
            "amount": intent.captured.minor,
            "asked": state.amount,
            "currency": state.currency,
        }
        async with self._database.transaction() as tx:
            await tx.funds.locked(state.order)
            if (shown := await _shown_since(tx, state)) is not None:
                return shown
            await _tell(tx, after, "order.repayment_sent_back", step.at, facts)
        log.warning("repayment.sent_back", order=state.order, minor=intent.captured.minor)
        return after


async def _order(tx: Transaction, name: str) -> OrderState:
    order = await tx.orders.state(name)
    if order is None:
        raise NotKnown(f"there is no order {name}", order=name)
    return order


async def _shown_since(tx: Transaction, state: RepaymentState) -> RepaymentState | None:
    """What an earlier run of this very step has come to, as `activities.order` has it."""
    shown = await tx.repayments.state(state.order)
    return shown if shown is not None and shown.version > state.version else None


async def _tell(
    tx: Transaction, after: RepaymentState, kind: str, at: datetime, facts: Facts
) -> None:
    """Keep the state, and tell of it in the order's timeline; the order itself stays as it is."""
    await tx.repayments.put(after)
    event = Event(kind, at, facts=facts, part=after.attempt)
    await tx.story.tell(await _order(tx, after.order), event)
