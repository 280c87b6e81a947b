"""Money of another amount than was asked for a purchase: what a person decides, or silence."""

import structlog
from temporalio import activity

from activities.amount import RETURN, decision_facts
from activities.purchase import deadline, must_not_be_asked, shown_since
from activities.purchase_requests import DecideExcess
from activities.returns import Returns, owed, payer_of
from adapters.payment.port import PaymentGateway
from domain.errors import IllegalTransition
from domain.ids import money_key, order_workflow_id, purchase_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import postings
from domain.order.paying import AmountDecision, BorneBy
from domain.purchase import moves
from domain.purchase.money import capture_key, fee_shares, owner, paid_shares
from domain.purchase.rules import may_be_asked_again
from domain.purchase.state import PurchaseEvent, PurchaseState, Share
from persistence.port import Database, Event, Transaction

log = structlog.get_logger()


class PurchaseAmountActivities:
    """A decision is about the whole payment: no order is paid for alone."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="purchase.decide_amount")
    async def decide(self, request: DecideExcess) -> PurchaseState:
        """Accept what came, or send it back and wait for the right amount, or close the purchase.

        Accepted short, each order lacks its part, and the account that was named bears it;
        accepted in excess, the rest goes back. By deadline, refuses with `PendingRequest` while a
        request that came in time waits to be heard.
        """
        match request.decision:
            case AmountDecision.ACCEPT:
                return await self._accept(request)
            case AmountDecision.REFUND_AND_WAIT:
                return await self._wait(request)
            case AmountDecision.REFUND_AND_CLOSE:
                return await self._close(request)

    async def _accept(self, request: DecideExcess) -> PurchaseState:
        state = request.state
        paid = min(state.due, state.excess)
        if state.excess > paid:
            await self._give_back(request, state.excess - paid)
        fee = (await self._gateway.look(state.intent)).fee.minor
        async with self._database.transaction() as tx:
            payment = await tx.purchases.locked(state.purchase)
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            await self._allocate(tx, request, paid, fee)
            await tx.purchases.put(payment.with_capture(paid, fee))
            after = moves.paid(state, paid, request.at)
            await self._decided(tx, request, after, "purchase.amount_accepted")
        log.info("purchase.amount_accepted", purchase=state.purchase, minor=state.excess)
        return after

    async def _allocate(self, tx: Transaction, request: DecideExcess, paid: int, fee: int) -> None:
        """Each order has its whole price, of which the buyer paid their part."""
        shares = request.state.shares
        parts = dict(zip(shares, paid_shares(paid, shares), strict=True))
        for share in sorted(parts, key=lambda one: one.order):
            await _post(tx, request, share, parts[share])
        fees = zip(shares, fee_shares(fee, shares), strict=True)
        await tx.purchases.bear({share.order: borne for share, borne in fees})

    async def _wait(self, request: DecideExcess) -> PurchaseState:
        """Send it back, and ask for the right amount by a further payment."""
        state = request.state
        if not may_be_asked_again(state):
            raise IllegalTransition(
                f"purchase {state.purchase} has been asked for its payment too often",
                purchase=state.purchase,
            )
        await self._give_back(request, state.excess)
        subject = purchase_workflow_id(state.purchase)
        intent = await self._gateway.open(
            money_key(subject, "take", state.attempts + 1),
            subject,
            Money(state.due, state.currency),
            again=activity.info().attempt > 1,
        )
        async with self._database.transaction() as tx:
            record = await tx.purchases.get(state.purchase)
            after = moves.amount_sent_back(state, intent.reference, record.pay_within, request.at)
            await self._decided(tx, request, after, "purchase.amount_sent_back")
        log.info("purchase.amount_sent_back", purchase=state.purchase, minor=state.excess)
        return after

    async def _close(self, request: DecideExcess) -> PurchaseState:
        state = request.state
        await self._give_back(request, state.excess)
        after = moves.amount_refused(state, request.event, request.at)
        async with self._database.transaction() as tx:
            is_cancelled = request.event is PurchaseEvent.CANCELLED
            kind = f"purchase.{after.stage}" if is_cancelled else "purchase.amount_refused"
            await self._decided(tx, request, after, kind)
        log.info("purchase.amount_refused", purchase=state.purchase, minor=state.excess)
        return after

    async def _give_back(self, request: DecideExcess, amount: int) -> None:
        """After the provider's final no it stays unapplied, with an alarm of its own."""
        state = request.state
        back = owed(payer_of(state), state.intent, amount, RETURN, request.at)
        async with self._database.transaction() as tx:
            if request.by_deadline and await tx.funds.found(back.key) is None:
                await must_not_be_asked(tx, state.purchase, request.at)
            effect = await self._returns.reserve(tx, back)
        await self._returns.carry_out(back, effect)

    async def _decided(
        self, tx: Transaction, request: DecideExcess, after: PurchaseState, kind: str
    ) -> None:
        state = request.state
        await tx.story.clear("amount_differs", purchase_workflow_id(state.purchase), request.at)
        facts = decision_facts(request, state.excess, state.due) | deadline(after)
        await tx.story.tell_purchase(after, Event(kind, request.at, request.actor, facts))


async def _post(tx: Transaction, request: DecideExcess, share: Share, paid: int) -> None:
    state, short = request.state, share.due - paid
    is_subsidised = request.borne_by is BorneBy.SUBSIDY
    subsidy = share.subsidy + (short if is_subsidised else 0)
    loss = 0 if is_subsidised else short
    kept_for = owner(state.purchase)
    posting = Posting(
        f"{capture_key(state.purchase, state.intent, share.order)}/accepted",
        "capture",
        order_workflow_id(share.order),
        state.currency,
        request.at,
        postings.amount_accepted(share.order, paid, subsidy, loss, kept_for),
    )
    funds = await tx.funds.locked(share.order)
    if await tx.ledger.post(posting):
        await tx.funds.put(funds.with_capture(paid, subsidy, loss))
