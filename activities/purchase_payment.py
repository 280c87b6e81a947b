"""The one payment of a purchase on its way in: asked for, looked at, closed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from temporalio import activity

from activities.payment import is_begun, is_coming, which_pays
from activities.purchase import deadline, must_not_be_asked, shown_since
from activities.purchase_requests import AskForAll, ClosePurchase, PurchaseStep
from activities.returns import keep_apart, payer_of
from adapters.errors import NotChargeable
from adapters.payment.port import Intent, PaymentGateway
from domain.ids import money_key, order_workflow_id, purchase_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import postings
from domain.purchase import moves
from domain.purchase.money import capture_key, fee_shares
from domain.purchase.rules import is_first_window
from domain.purchase.state import PurchaseEvent, PurchaseState, Stage
from persistence.port import Database, Event, Transaction

log = structlog.get_logger()


class PurchasePaymentActivities:
    """Takes the buyer's money once for all orders, and gives each its share in one transaction."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="purchase.ask")
    async def ask(self, request: AskForAll) -> PurchaseState:
        """Open one payment of the sum at the provider; with a method it is confirmed at once.

        Safe to run any number of times: a repeat finds the intent by our key. What the provider
        will never take ends as not accepted, and its orders with it.
        """
        try:
            return await self._asked(request)
        except NotChargeable as no:
            refused = PurchaseEvent.ORDER_REFUSED
            after = moves.closed(request.state, refused, request.at, no.code)
            async with self._database.transaction() as tx:
                event = Event("purchase.not_accepted", request.at, facts={"reason": no.code})
                await tx.story.tell_purchase(after, event)
            log.warning("purchase.not_chargeable", purchase=after.purchase, code=no.code)
            return after

    async def _asked(self, request: AskForAll) -> PurchaseState:
        state = request.state
        subject = purchase_workflow_id(state.purchase)
        intent = await self._gateway.open(
            money_key(subject, "take", 1),
            subject,
            Money(state.due, state.currency),
            request.method,
            again=request.again or activity.info().attempt > 1,
        )
        after = moves.asked(state, intent.reference)
        async with self._database.transaction() as tx:
            facts: dict[str, str | int] = {"declined": intent.decline} if intent.decline else {}
            event = Event("purchase.payment_asked", request.at, facts=facts)
            await tx.story.tell_purchase(after, event)
        log.info("purchase.asked", purchase=state.purchase, status=str(intent.status))
        return after

    @activity.defn(name="purchase.settle")
    async def settle(self, step: PurchaseStep) -> PurchaseState:
        """Look at the payment as it stands and post what is new; the order of news is no matter.

        Of several payments, one pays; what becomes of the others is another step's.
        """
        state = step.state
        if state.stage is not Stage.AWAITING_PAYMENT or not state.intent:
            return state
        seen = [await self._gateway.look(one) for one in _open_ones(state)]
        found = which_pays(seen, state.due)
        return state if found is None else await self._paid(step, found)

    async def _paid(self, step: PurchaseStep, intent: Intent) -> PurchaseState:
        step = replace(step, state=moves.chosen(step.state, intent.reference))
        if intent.captured.minor != step.state.due:
            return await self._amount_differs(step, intent)
        return await self._captured(step, intent)

    async def _captured(self, step: PurchaseStep, intent: Intent) -> PurchaseState:
        state, gross = step.state, intent.captured.minor
        async with self._database.transaction() as tx:
            payment = await tx.purchases.locked(state.purchase)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            if not payment.captured:
                await self._allocate(tx, step, intent)
                await tx.purchases.put(payment.with_capture(gross, intent.fee.minor))
            after = moves.paid(state, gross, step.at)
            facts: dict[str, str | int] = {"amount": gross, "currency": state.currency}
            await tx.story.tell_purchase(after, Event("purchase.paid", step.at, facts=facts))
        log.info("purchase.captured", purchase=state.purchase, minor=gross)
        return after

    async def _allocate(self, tx: Transaction, step: PurchaseStep, intent: Intent) -> None:
        """Each order gets its exact total, and bears its part of the provider's fee."""
        state = step.state
        fees = dict(zip(state.shares, fee_shares(intent.fee.minor, state.shares), strict=True))
        for share in sorted(fees, key=lambda one: one.order):
            legs = postings.captured(
                self._gateway.name, share.order, share.due, fees[share], share.subsidy
            )
            funds = await tx.funds.locked(share.order)
            await tx.ledger.post(
                Posting(
                    key=capture_key(state.purchase, intent.reference, share.order),
                    kind="capture",
                    process=order_workflow_id(share.order),
                    currency=state.currency,
                    effective_at=step.at,
                    legs=legs,
                )
            )
            await tx.funds.put(funds.with_capture(share.due, share.subsidy))
        await tx.purchases.bear({share.order: fee for share, fee in fees.items()})

    async def _amount_differs(self, step: PurchaseStep, intent: Intent) -> PurchaseState:
        """Keep money of another amount apart, and ask a person what becomes of it."""
        state, gross = step.state, intent.captured.minor
        subject = purchase_workflow_id(state.purchase)
        facts: dict[str, str | int] = {
            "amount": gross,
            "asked": state.due,
            "currency": state.currency,
        }
        async with self._database.transaction() as tx:
            await tx.purchases.locked(state.purchase)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            record = await tx.purchases.get(state.purchase)
            await keep_apart(tx, self._gateway.name, payer_of(state), intent, subject, step.at)
            after = moves.differs(state, gross, record.decide_within, step.at)
            await tx.story.alarm(
                "amount_differs",
                subject,
                "the buyer paid another amount than was asked",
                step.at,
                facts,
            )
            event = Event("purchase.amount_differs", step.at, facts=facts | deadline(after))
            await tx.story.tell_purchase(after, event)
        log.warning("purchase.amount_differed", purchase=state.purchase, minor=gross)
        return after

    @activity.defn(name="purchase.close")
    async def close(self, request: ClosePurchase) -> PurchaseState:
        """Close the payment window, unless the money is there or on its way.

        The provider's truth decides: captured means paid, however late the news; still
        processing, or a buyer before their bank's page, lengthens the window once; else each
        payment is cancelled, so that nothing can arrive any more. By deadline, refuses with
        `PendingRequest` while a request received by then waits to be heard.
        """
        state = request.state
        if request.by_deadline:
            async with self._database.transaction() as tx:
                await must_not_be_asked(tx, state.purchase, request.at)
        if not state.intent:
            return await self._closed(request)
        step = PurchaseStep(state, request.at)
        if request.by_deadline:
            seen = [await self._gateway.look(one) for one in _open_ones(state)]
            if (found := which_pays(seen, state.due)) is not None:
                return await self._paid(step, found)
            if is_begun(seen) and is_first_window(state):
                return await self._wait_for_money(request, seen)
        ends = [await self._gateway.cancel(one) for one in _open_ones(state)]
        if (found := which_pays(ends, state.due)) is not None:
            return await self._paid(step, found)
        return await self._closed(request)

    async def _wait_for_money(
        self, request: ClosePurchase, seen: Sequence[Intent]
    ) -> PurchaseState:
        async with self._database.transaction() as tx:
            record = await tx.purchases.get(request.state.purchase)
            within = record.pending_within if is_coming(seen) else record.authenticate_within
            until = request.at + timedelta(seconds=within)
            after = moves.pending(request.state, until)
            facts: dict[str, str | int] = {"until": until.isoformat()}
            event = Event("purchase.payment_pending", request.at, facts=facts)
            await tx.story.tell_purchase(after, event)
        return after

    async def _closed(self, request: ClosePurchase) -> PurchaseState:
        after = moves.closed(request.state, request.event, request.at)
        async with self._database.transaction() as tx:
            payment = await tx.purchases.locked(after.purchase)
            if payment.captured:
                # Another run of this purchase's steps was faster: the money decides.
                return moves.paid(request.state, payment.captured, request.at)
            if request.by_deadline:
                await must_not_be_asked(tx, after.purchase, request.at)
            event = Event(f"purchase.{after.stage}", request.at, request.actor, _figures(after))
            await tx.story.tell_purchase(after, event)
        log.info("purchase.closed", purchase=after.purchase, stage=str(after.stage))
        return after


def _open_ones(state: PurchaseState) -> tuple[str, ...]:
    return (state.intent, *state.others)


def _figures(state: PurchaseState) -> dict[str, str | int]:
    return {"amount": state.due, "currency": state.currency}
