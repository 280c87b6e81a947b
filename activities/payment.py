"""The buyer's money on its way in: ask for it, look at it, close the window."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from temporalio import activity

from activities.order import must_not_be_asked, shown_since
from activities.paid import assessed, follow_purchase
from activities.requests import AskPayment, ClosePayment, Step
from activities.returns import keep_apart, payer_of
from adapters.errors import NotChargeable
from adapters.payment.port import Capture, Intent, IntentStatus, PaymentGateway, Todo
from domain.ids import money_key, order_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import moves, postings
from domain.order.facts import clock_of
from domain.order.money import OrderFunds
from domain.order.paying import authorised, chosen, due_from_buyer, other_amount
from domain.order.state import ClockName, OrderState, Payment
from domain.policy import Terms
from persistence.port import Database, Event, Facts, Transaction

log = structlog.get_logger()


class PaymentActivities:
    """Takes the buyer's money. Money coming in: the provider first, then one transaction."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="payment.ask")
    async def ask(self, request: AskPayment) -> OrderState:
        """Open the payment at the provider; with a method it is confirmed at once.

        Safe to run any number of times: a repeat finds the intent by our key. What the provider
        will never take ends as not accepted: nobody could pay it, however often it was asked for.
        """
        try:
            return await self._asked(request)
        except NotChargeable as no:
            after = moves.not_accepted(request.state, request.at)
            async with self._database.transaction() as tx:
                event = Event("order.not_accepted", request.at, facts={"reason": no.code})
                await tx.story.tell(after, event)
            log.warning("payment.not_chargeable", order=after.order, code=no.code)
            return after

    async def _asked(self, request: AskPayment) -> OrderState:
        state = request.state
        subject = order_workflow_id(state.order)
        again = request.again or activity.info().attempt > 1
        async with self._database.looking() as tx:
            terms = (await tx.orders.get(state.order)).terms
        intent = await self._gateway.open(
            money_key(subject, "take", 1),
            subject,
            Money(due_from_buyer(state), state.currency),
            request.method,
            capture=capture_when(terms),
            again=again,
        )
        after = moves.payment_asked(state, intent.reference)
        async with self._database.transaction() as tx:
            facts: dict[str, str | int] = {"declined": intent.decline} if intent.decline else {}
            await tx.story.tell(after, Event("order.payment_asked", request.at, facts=facts))
        log.info("payment.asked", order=state.order, status=str(intent.status))
        return after

    @activity.defn(name="payment.settle")
    async def settle(self, step: Step) -> OrderState:
        """Look at the payment as it stands and post what is new; the order of news is no matter.

        Of several payments, one pays the order; what becomes of the others is another step's. An
        order that needs no person's look passes its risk check in the same step.
        """
        if step.state.paid_by:
            return await follow_purchase(self._database, step)
        state = step.state
        if state.payment is not Payment.AWAITING or not state.intent:
            return state
        seen = [await self._gateway.look(one) for one in (state.intent, *state.others)]
        found = which_pays(seen, due_from_buyer(state))
        return state if found is None else await self._paid(step, found)

    async def _paid(self, step: Step, intent: Intent) -> OrderState:
        state = chosen(step.state, intent.reference)
        step = replace(step, state=state)
        if intent.status is IntentStatus.AUTHORISED:
            return await self._authorised(step, intent)
        if intent.captured.minor != due_from_buyer(state):
            return await self._amount_differs(step, intent)
        return await self._captured(step, intent)

    async def _captured(self, step: Step, intent: Intent) -> OrderState:
        state, gross = step.state, intent.captured.minor
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.orders.get(state.order)).terms
            await post_capture(tx, self._gateway.name, state, intent, step.at, funds)
            paid = moves.paid(state, terms, gross + state.subsidy, step.at)
            facts: Facts = {"amount": gross, "currency": state.currency}
            after = await assessed(tx, paid, terms, Event("order.paid", step.at, facts=facts))
        log.info("payment.captured", order=state.order, minor=gross, fee=intent.fee.minor)
        return after

    async def _authorised(self, step: Step, intent: Intent) -> OrderState:
        """The buyer's bank agrees: nothing is posted, for no money has moved."""
        state, agreed = step.state, due_from_buyer(step.state)
        lasts = (intent.expires_at or step.at) - (intent.authorised_at or step.at)
        async with self._database.transaction() as tx:
            await tx.funds.locked(state.order)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.orders.get(state.order)).terms
            agreed_to = authorised(state, terms, agreed, step.at, lasts)
            facts: Facts = {"amount": agreed, "currency": state.currency}
            event = Event("order.authorised", step.at, facts=facts)
            after = await assessed(tx, agreed_to, terms, event)
        log.info("payment.authorised", order=state.order, minor=agreed)
        return after

    async def _amount_differs(self, step: Step, intent: Intent) -> OrderState:
        """Keep money of another amount apart, and ask a person what becomes of it."""
        state, gross = step.state, intent.captured.minor
        subject = order_workflow_id(state.order)
        facts: Facts = {
            "amount": gross,
            "asked": due_from_buyer(state),
            "currency": state.currency,
        }
        async with self._database.transaction() as tx:
            await tx.funds.locked(state.order)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.orders.get(state.order)).terms
            await keep_apart(tx, self._gateway.name, payer_of(state), intent, subject, step.at)
            after = other_amount(state, terms, gross, step.at)
            words = "the buyer paid another amount than was asked"
            await tx.story.alarm("amount_differs", subject, words, step.at, facts)
            await tx.story.tell(after, Event("order.amount_differs", step.at, facts=facts))
        log.warning("payment.amount_differed", order=state.order, minor=gross)
        return after

    @activity.defn(name="payment.close")
    async def close(self, request: ClosePayment) -> OrderState:
        """Close the payment window, unless the money is there or on its way.

        The provider's truth decides: captured means paid, however late the news; still
        processing, or a buyer before their bank's page, lengthens the window once; else each
        payment is cancelled, so that nothing can arrive any more. By deadline, refuses with
        `PendingRequest` while a request received by then waits to be heard.
        """
        state = request.state
        if request.by_deadline:
            async with self._database.transaction() as tx:
                await must_not_be_asked(tx, state.order, request.at)
        if not state.intent:
            return await self._never_paid(request)
        open_ones = (state.intent, *state.others)
        step, due = Step(state, request.at), due_from_buyer(state)
        if request.by_deadline:
            seen = [await self._gateway.look(one) for one in open_ones]
            if (found := which_pays(seen, due)) is not None:
                return await self._paid(step, found)
            if is_begun(seen) and _is_first_window(state):
                return await self._wait_for_money(request, seen)
        ends = [await self._gateway.cancel(one) for one in open_ones]
        if (found := which_pays(ends, due)) is not None:
            return await self._paid(step, found)
        return await self._never_paid(request)

    async def _wait_for_money(self, request: ClosePayment, seen: Sequence[Intent]) -> OrderState:
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(request.state.order)).terms
            within = terms.pending_payment_within if is_coming(seen) else terms.authenticate_within
            until = request.at + timedelta(seconds=within)
            after = moves.payment_pending(request.state, until)
            facts: Facts = {"until": until.isoformat()}
            await tx.story.tell(after, Event("order.payment_pending", request.at, facts=facts))
        return after

    async def _never_paid(self, request: ClosePayment) -> OrderState:
        after = moves.never_paid(request.state, request.outcome, request.at)
        async with self._database.transaction() as tx:
            if request.by_deadline:
                await must_not_be_asked(tx, request.state.order, request.at)
            await tx.story.tell(after, Event(f"order.{request.outcome}", request.at, request.actor))
        log.info("payment.closed", order=after.order, outcome=str(request.outcome))
        return after


def capture_when(terms: Terms) -> Capture:
    """Whether the money is taken with the payment, or when the goods are shipped."""
    return Capture.LATER if terms.capture == "on_shipment" else Capture.AT_ONCE


def which_pays(seen: Sequence[Intent], due: int) -> Intent | None:
    """The payment that pays an order: the right amount before another, the earliest first."""
    captured = [intent for intent in seen if intent.status is IntentStatus.CAPTURED]
    by_time = sorted(captured, key=lambda one: (one.captured.minor != due, one.captured_at))
    agreed = [intent for intent in seen if intent.status is IntentStatus.AUTHORISED]
    return next(iter((*by_time, *agreed)), None)


async def post_capture(
    tx: Transaction,
    provider: str,
    state: OrderState,
    intent: Intent,
    at: datetime,
    funds: OrderFunds,
) -> None:
    """Put the buyer's money, and the platform's share of the price, into escrow; once.

    *funds* is the order's locked row.
    """
    subject, gross = order_workflow_id(state.order), intent.captured.minor
    legs = postings.captured(provider, state.order, gross, intent.fee.minor, state.subsidy)
    key = f"{subject}/capture/{intent.reference}"
    if await tx.ledger.post(Posting(key, "capture", subject, state.currency, at, legs)):
        await tx.funds.put(funds.with_capture(gross, state.subsidy))


def is_coming(seen: Sequence[Intent]) -> bool:
    """Whether money is on its way."""
    return any(intent.status is IntentStatus.PROCESSING for intent in seen)


def is_begun(seen: Sequence[Intent]) -> bool:
    """Whether money is on its way, or the buyer is before their bank's page."""
    return is_coming(seen) or any(intent.todo is Todo.AUTHENTICATION for intent in seen)


def _is_first_window(state: OrderState) -> bool:
    """Whether the window has not been lengthened yet: it opened when the buyer was asked."""
    clock = clock_of(state, ClockName.PAYMENT)
    return clock is not None and clock.opened_at == (state.asked_at or state.placed_at)
