"""The buyer pays again for goods that came after their refund; nothing is ever debited by itself.

What they pay is the seller's at once, less commission: the goods are there, and no order is open
that could keep it in escrow.
"""

from datetime import datetime, timedelta

import structlog
from temporalio import activity

from activities import exchange
from activities.repayment_requests import AskAgain, RepaymentStep
from activities.requests import CareForPayment
from activities.returns import Payer, Returns
from adapters.payment.port import Intent, IntentStatus, PaymentGateway, Todo
from domain.charges import smallest
from domain.errors import NotKnown
from domain.ids import money_key, repayment_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import repaying
from domain.order.money import OrderFunds
from domain.order.postings import PaidBy
from domain.order.repaying import Due, RepaymentEvent, RepaymentState, Stage
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

        What it asks for is on record before the provider hears of it: a repeat, however late and
        whatever has come since, asks for the same under the same key. Where nothing is left to
        pay, it has lapsed.
        """
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(request.state.order)
            before = await tx.repayments.state(request.state.order)
            if before is not None and _is_answered(request, before):
                return before
            begun = before if before is not None and before.is_open else None
            state = begun or await _begun(tx, request, before, funds)
        if state is None:
            return repaying.ended(request.state, RepaymentEvent.WINDOW_CLOSED, request.at)
        return await self._opened(request, state, is_repeat=begun is not None)

    async def _opened(
        self, request: AskAgain, state: RepaymentState, *, is_repeat: bool
    ) -> RepaymentState:
        subject = repayment_workflow_id(state.order)
        intent = await self._gateway.open(
            money_key(subject, "take", state.attempt),
            subject,
            Money(state.amount, state.currency),
            request.method,
            again=is_repeat,
        )
        async with self._database.transaction() as tx:
            await tx.funds.locked(state.order)
            if (shown := await _shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.orders.get(state.order)).terms
            closes_at = request.at + timedelta(seconds=terms.pay_within)
            after = repaying.asked(state, intent.reference, closes_at)
            facts: Facts = {
                "amount": after.amount,
                "currency": after.currency,
                "pay_by": closes_at.isoformat(),
            }
            if intent.decline:
                facts = {**facts, "declined": intent.decline}
            await _tell(tx, after, "order.repayment_asked", request.at, facts)
        log.info("repayment.asked", order=state.order, status=str(intent.status))
        return after

    @activity.defn(name="repayment.settle")
    async def settle(self, step: RepaymentStep) -> RepaymentState:
        """Look at the payment as it stands, and post what is new.

        What earlier attempts sent back may have come back itself: the news of it comes here.
        """
        await self._returns.follow(repayment_workflow_id(step.state.order), step.at)
        intent = await self._gateway.look(step.state.intent)
        return await self._settled(step, intent)

    @activity.defn(name="repayment.close")
    async def close(self, step: RepaymentStep) -> RepaymentState:
        """Close the window, unless the money is there or on its way: the provider's truth decides.

        A debit on its way cannot be cancelled: the window stays open until it has arrived or
        failed. For a buyer before their bank's page it is lengthened once.
        """
        state = step.state
        await self._returns.follow(repayment_workflow_id(state.order), step.at)
        intent = await self._gateway.look(state.intent)
        is_begun = intent.todo is Todo.AUTHENTICATION and not state.lengthened
        if not is_begun and intent.status not in (IntentStatus.CAPTURED, IntentStatus.PROCESSING):
            intent = await self._gateway.cancel(state.intent)
        if intent.status is IntentStatus.CAPTURED:
            return await self._settled(step, intent)
        async with self._database.transaction() as tx:
            if (shown := await _shown_since(tx, state)) is not None:
                return shown
            if intent.status is not IntentStatus.CANCELLED:
                terms = (await tx.orders.get(state.order)).terms
                longer = terms.authenticate_within if is_begun else terms.pending_payment_within
                after = repaying.waited_for(state, step.at + timedelta(seconds=longer))
                await tx.repayments.put(after)
                return after
            after = repaying.ended(state, RepaymentEvent.WINDOW_CLOSED, step.at)
            facts: Facts = {"amount": state.amount, "currency": state.currency}
            await _tell(tx, after, "order.repayment_lapsed", step.at, facts)
        log.info("repayment.lapsed", order=state.order)
        return after

    @activity.defn(name="aftercare.repayment")
    async def care(self, request: CareForPayment) -> str:
        """News after the end: a payment that nobody waited for, or money that was sent back.

        A payment that is still open belongs to an execution that is gone: it is settled here.
        """
        subject = repayment_workflow_id(request.subject)
        came_back = await self._returns.follow(subject, request.at)
        done = ["refund_came_back"] * bool(came_back)
        async with self._database.transaction() as tx:
            state = await tx.repayments.state(request.subject)
            key = _key(state) if state else ""
            is_posted = bool(key) and await tx.ledger.entry(key) is not None
        if state is not None and state.intent and not is_posted:
            intent = await self._gateway.look(state.intent)
            if state.is_open:
                after = await self._settled(RepaymentStep(state, request.at), intent)
                done += [str(after.stage)] * (not after.is_open)
            elif intent.status is IntentStatus.CAPTURED and state.stage is Stage.LAPSED:
                await self._returns.close(_payer(state), (intent.reference,), request.at)
                done.append("late_payment_refunded")
        return ", ".join(done) or "nothing_to_do"

    async def _settled(self, step: RepaymentStep, intent: Intent) -> RepaymentState:
        if intent.status is not IntentStatus.CAPTURED:
            return step.state
        if intent.captured.minor == step.state.amount:
            paid = await self._paid(step, intent)
            if paid is not None:
                return paid
        return await self._sent_back(step, intent)

    async def _paid(self, step: RepaymentStep, intent: Intent) -> RepaymentState | None:
        """Post it; None where less is due by now: the refund has come back meanwhile."""
        state, subject = step.state, repayment_workflow_id(step.state.order)
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            if (shown := await _shown_since(tx, state)) is not None:
                return shown
            if (await _due(tx, state.order, funds, state.settled)).share.total < state.worth:
                return None
            plan, others = repaying.plan_settlement(state, funds)
            terms = (await tx.orders.get(state.order)).terms
            plan = await exchange.released(tx, terms, funds, plan, step.at)
            share = PaidBy(state.amount, state.worth - state.amount)
            legs = repaying.paid_again(
                self._gateway.name, state.seller, share, intent.fee.minor, plan, others
            )
            entry = Posting(_key(state), "repayment", subject, state.currency, step.at, legs)
            await tx.ledger.post(entry)
            await exchange.post_released(tx, funds, plan, entry)
            after = repaying.ended(state, RepaymentEvent.MONEY_ARRIVED, step.at)
            facts: Facts = {"amount": state.amount, "currency": state.currency}
            await _tell(tx, after, "order.paid_again", step.at, facts)
        log.info("repayment.paid", order=state.order, minor=state.amount)
        return after

    async def _sent_back(self, step: RepaymentStep, intent: Intent) -> RepaymentState:
        """Another amount than was asked, or one that is not due any more, goes back in full."""
        state = step.state
        await self._returns.close(_payer(state), (intent.reference,), step.at)
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


def _is_answered(request: AskAgain, before: RepaymentState) -> bool:
    """Whether a payment is open, or the last attempt was made for this very request and is over."""
    wanted = request.state.request
    is_same = bool(wanted) and wanted == before.request
    return bool(before.intent) and (before.is_open or is_same)


def _key(state: RepaymentState) -> str:
    return f"{repayment_workflow_id(state.order)}/capture/{state.intent}"


def _payer(state: RepaymentState) -> Payer:
    return Payer(repayment_workflow_id(state.order), state.currency)


async def _begun(
    tx: Transaction, request: AskAgain, before: RepaymentState | None, funds: OrderFunds
) -> RepaymentState | None:
    """The next attempt, on record; None where nothing is due."""
    first = request.state
    owed = await _due(tx, first.order, funds, before.settled if before else 0)
    if owed.share.buyer < smallest(first.currency).minor:
        log.info("repayment.not_due", order=first.order)
        return None
    state = repaying.begun(before or first, owed, first.request, first.asked_at)
    await tx.repayments.put(state)
    return state


async def _due(tx: Transaction, name: str, funds: OrderFunds, settled: int) -> Due:
    order = await _order(tx, name)
    failed = await tx.repayments.failed(repaying.refunds_of(order))
    return repaying.due(order, funds, settled, failed)


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
