"""The buyer's money on its way in: ask for it, look at it, close the window."""

from datetime import timedelta

import structlog
from temporalio import activity

from activities import exchange
from activities.order import must_not_be_asked, ready_to_ship
from activities.requests import AskPayment, ClosePayment, Step
from adapters.payment.port import Intent, IntentStatus, PaymentGateway
from domain.ids import money_key, order_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import moves, postings
from domain.order.facts import clock_of
from domain.order.state import ClockName, OrderState, Payment
from persistence.port import Database, Event, Transaction

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

        Safe to run any number of times: a repeat finds the intent by our key.
        """
        state = request.state
        subject = order_workflow_id(state.order)
        again = request.again or activity.info().attempt > 1
        intent = await self._gateway.open(
            money_key(subject, "take", 1),
            subject,
            Money(state.total, state.currency),
            request.method,
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

        An order that needs no person's look passes its risk check in the same step.
        """
        if step.state.payment is not Payment.AWAITING or not step.state.intent:
            return step.state
        intent = await self._gateway.look(step.state.intent)
        if intent.status is not IntentStatus.CAPTURED:
            return step.state
        return await self._captured(step, intent)

    async def _captured(self, step: Step, intent: Intent) -> OrderState:
        state, gross = step.state, intent.captured.minor
        if gross != state.total:
            await self._amount_differs(step, intent)
            return state
        async with self._database.transaction() as tx:
            shown = await tx.orders.state(state.order)
            if shown is not None and shown.payment is Payment.NEVER_PAID:
                # It closed in an earlier run of this step: what arrives now is aftercare's.
                return shown
            terms = (await tx.orders.get(state.order)).terms
            await self._post_capture(tx, step, intent)
            paid = moves.paid(state, terms, gross, step.at)
            paid = await exchange.captured(tx, paid, terms)
            facts: dict[str, str | int] = {"amount": gross, "currency": state.currency}
            events = [Event("order.paid", step.at, facts=facts)]
            if state.total > terms.review_above:
                after = paid
                events.append(Event("order.in_risk_check", step.at))
                await tx.story.alarm(
                    "risk_review",
                    order_workflow_id(state.order),
                    "a payment above the review threshold waits for compliance",
                    step.at,
                    facts,
                )
            else:
                after = moves.risk_accepted(paid, terms, step.at)
                events.append(ready_to_ship(after))
            await tx.story.tell(after, *events)
        log.info("payment.captured", order=state.order, minor=gross, fee=intent.fee.minor)
        return after

    async def _post_capture(self, tx: Transaction, step: Step, intent: Intent) -> None:
        state, gross = step.state, intent.captured.minor
        subject = order_workflow_id(state.order)
        posting = Posting(
            key=f"{subject}/capture/{intent.reference}",
            kind="capture",
            process=subject,
            currency=state.currency,
            effective_at=step.at,
            legs=postings.captured(self._gateway.name, state.order, gross, intent.fee.minor),
        )
        funds = await tx.funds.locked(state.order)
        if await tx.ledger.post(posting):
            await tx.funds.put(funds.with_capture(gross))

    async def _amount_differs(self, step: Step, intent: Intent) -> None:
        """Keep money of another amount apart: nobody ships for it, and it can go back."""
        subject = order_workflow_id(step.state.order)
        gross, fee = intent.captured.minor, intent.fee.minor
        async with self._database.transaction() as tx:
            await tx.ledger.post(
                Posting(
                    key=f"{subject}/late/{intent.reference}",
                    kind="unapplied_receipt",
                    process=subject,
                    currency=step.state.currency,
                    effective_at=step.at,
                    legs=postings.received_unapplied(
                        self._gateway.name, step.state.order, gross, fee
                    ),
                )
            )
            await tx.story.alarm(
                "amount_differs",
                subject,
                "the buyer paid another amount than was asked",
                step.at,
                {"paid": gross, "asked": step.state.total, "currency": step.state.currency},
            )
        log.warning("payment.amount_differed", order=step.state.order, minor=gross)

    @activity.defn(name="payment.close")
    async def close(self, request: ClosePayment) -> OrderState:
        """Close the payment window, unless the money is there or on its way.

        The provider's truth decides: captured means paid, however late the news; still
        processing lengthens the window once; else the intent is cancelled, so that nothing can
        arrive any more. By deadline, refuses with `PendingRequest` while a request received by
        then waits to be heard.
        """
        state = request.state
        if request.by_deadline:
            async with self._database.transaction() as tx:
                await must_not_be_asked(tx, state.order, request.at)
        if not state.intent:
            return await self._never_paid(request)
        intent = await self._gateway.look(state.intent)
        is_pending = intent.status is IntentStatus.PROCESSING
        if is_pending and request.by_deadline and _is_first_window(state):
            return await self._wait_for_money(request)
        intent = await self._gateway.cancel(state.intent)
        if intent.status is IntentStatus.CAPTURED:
            if intent.captured.minor == state.total:
                return await self._captured(Step(state, request.at), intent)
            await self._amount_differs(Step(state, request.at), intent)
        return await self._never_paid(request)

    async def _wait_for_money(self, request: ClosePayment) -> OrderState:
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(request.state.order)).terms
            until = request.at + timedelta(seconds=terms.pending_payment_within)
            after = moves.payment_pending(request.state, until)
            facts: dict[str, str | int] = {"until": until.isoformat()}
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


def _is_first_window(state: OrderState) -> bool:
    """Whether the window has not been lengthened yet: it opened when the order was placed."""
    clock = clock_of(state, ClockName.PAYMENT)
    return clock is not None and clock.opened_at == state.placed_at
