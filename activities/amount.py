"""Money of another amount than was asked for: what a person decides, or silence."""

import structlog
from temporalio import activity

from activities.order import must_not_be_asked
from activities.paid import assessed
from activities.payment import capture_when
from activities.purchase_requests import DecideExcess
from activities.requests import DecideAmount
from activities.returns import Returns, owed, payer_of
from adapters.payment.port import PaymentGateway
from domain.errors import IllegalTransition
from domain.ids import money_key, order_workflow_id
from domain.ledger import Posting
from domain.money import Money
from domain.order import moves, paying, postings
from domain.order.paying import AmountDecision, BorneBy
from domain.order.state import OrderState
from persistence.port import Database, Event, Facts, Transaction

log = structlog.get_logger()
RETURN = "amount-refund"


class AmountActivities:
    """A decision moves the money once, whatever the decision; nobody ships before it."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="payment.decide_amount")
    async def decide(self, request: DecideAmount) -> OrderState:
        """Accept what came, or send it back and wait for the right amount, or close the order.

        Accepted short, the difference is borne by the account that was named; accepted in
        excess, the rest goes back. By deadline, refuses with `PendingRequest` while a request
        that came in time waits to be heard.
        """
        match request.decision:
            case AmountDecision.ACCEPT:
                return await self._accept(request)
            case AmountDecision.REFUND_AND_WAIT:
                return await self._wait(request)
            case AmountDecision.REFUND_AND_CLOSE:
                return await self._close(request)

    async def _accept(self, request: DecideAmount) -> OrderState:
        state = request.state
        due = paying.due_from_buyer(state)
        if state.received > due:
            await self._give_back(request, state.received - due)
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
            await self._post(tx, request, min(due, state.received), due)
            await self._decided(tx, request)
            paid = moves.paid(state, terms, state.total, request.at)
            if state.received > due:
                paid = paying.given_back(paid)
            event = Event("order.amount_accepted", request.at, request.actor, _facts(request))
            after = await assessed(tx, paid, terms, event)
        log.info("payment.amount_accepted", order=state.order, minor=state.received)
        return after

    async def _post(self, tx: Transaction, request: DecideAmount, paid: int, due: int) -> None:
        state, short = request.state, due - paid
        is_subsidised = request.borne_by is BorneBy.SUBSIDY
        subsidy = state.subsidy + (short if is_subsidised else 0)
        loss = 0 if is_subsidised else short
        subject = order_workflow_id(state.order)
        posting = Posting(
            f"{subject}/capture/{state.intent}/accepted",
            "capture",
            subject,
            state.currency,
            request.at,
            postings.amount_accepted(state.order, paid, subsidy, loss),
        )
        funds = await tx.funds.locked(state.order)
        if await tx.ledger.post(posting):
            await tx.funds.put(funds.with_capture(paid, subsidy, loss))

    async def _wait(self, request: DecideAmount) -> OrderState:
        """Send it back, and ask for the right amount by a further payment."""
        state = request.state
        if not paying.may_be_asked_again(state):
            raise IllegalTransition(
                f"order {state.order} has been asked for its payment too often", order=state.order
            )
        await self._give_back(request, state.received)
        subject = order_workflow_id(state.order)
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
        intent = await self._gateway.open(
            money_key(subject, "take", state.attempts + 1),
            subject,
            Money(paying.due_from_buyer(state), state.currency),
            capture=capture_when(terms),
            again=activity.info().attempt > 1,
        )
        sent_back = paying.amount_sent_back(state, terms, intent.reference, request.at)
        after = paying.given_back(sent_back)
        async with self._database.transaction() as tx:
            await self._decided(tx, request)
            event = Event("order.amount_sent_back", request.at, request.actor, _facts(request))
            await tx.story.tell(after, event)
        log.info("payment.amount_sent_back", order=state.order, minor=state.received)
        return after

    async def _close(self, request: DecideAmount) -> OrderState:
        state = request.state
        await self._give_back(request, state.received)
        closed = paying.amount_refused(state, request.outcome, request.at)
        after = paying.given_back(closed)
        async with self._database.transaction() as tx:
            await self._decided(tx, request)
            event = Event(f"order.{request.outcome}", request.at, request.actor, _facts(request))
            await tx.story.tell(after, event)
        log.info("payment.amount_refused", order=state.order, minor=state.received)
        return after

    async def _give_back(self, request: DecideAmount, amount: int) -> None:
        """After the provider's final no it stays unapplied, with an alarm of its own."""
        state = request.state
        back = owed(payer_of(state), state.intent, amount, RETURN, request.at)
        async with self._database.transaction() as tx:
            if request.by_deadline and await tx.funds.found(back.key) is None:
                await must_not_be_asked(tx, state.order, request.at)
            effect = await self._returns.reserve(tx, back)
        await self._returns.carry_out(back, effect)

    async def _decided(self, tx: Transaction, request: DecideAmount) -> None:
        subject = order_workflow_id(request.state.order)
        await tx.story.clear("amount_differs", subject, request.at)


def _facts(request: DecideAmount) -> Facts:
    state = request.state
    return decision_facts(request, state.received, paying.due_from_buyer(state))


def decision_facts(
    request: DecideAmount | DecideExcess, received: int, due: int
) -> dict[str, str | int]:
    """What is told of a decision, whoever had to be paid."""
    facts: dict[str, str | int] = {
        "decision": str(request.decision),
        "amount": received,
        "asked": due,
        "currency": request.state.currency,
    }
    if request.reason:
        facts["reason"] = request.reason
    if request.decision is AmountDecision.ACCEPT and received < due:
        facts["borne_by"] = str(request.borne_by)
    return facts
