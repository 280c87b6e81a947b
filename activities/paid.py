"""An order that is paid, by itself or by the purchase that it is a part of."""

from activities import exchange
from activities.order import ready_to_ship, shown_since
from activities.requests import Step
from activities.risk import call_for_review
from domain.order import moves
from domain.order.state import OrderState, Outcome, Payment
from domain.payout.rules import Standing
from domain.policy import Terms
from domain.purchase.state import PurchaseState, Stage
from persistence.port import Database, Event, Facts, Transaction


async def assessed(
    tx: Transaction, paid: OrderState, terms: Terms, event: Event, *, payment: int = 0
) -> OrderState:
    """Show that the order is paid for; let the seller ship unless a person must look first.

    *payment* is what the buyer paid at once: an order is not looked at less for being a part.
    """
    paid = await exchange.captured(tx, paid, terms)
    if max(paid.total, payment) > terms.review_above:
        words = "a payment above the review threshold waits for compliance"
        await call_for_review(tx, paid, words, event.at, event.facts)
        await tx.story.tell(paid, event, Event("order.in_risk_check", event.at))
        return paid
    after = moves.risk_accepted(paid, terms, event.at)
    await tx.story.tell(after, event, *ready_to_ship(after))
    return after


async def follow_purchase(database: Database, step: Step) -> OrderState:
    """See how the purchase that pays for the order stands, and do what that means here.

    Its money was posted with the purchase's, in one transaction over all orders; the order
    mirrors its share. Where nobody pays, the order ends as the purchase did.
    """
    state = step.state
    async with database.transaction() as tx:
        purchase = await tx.purchases.state(state.paid_by)
        if state.payment is not Payment.AWAITING or purchase is None or purchase.is_open:
            return state
        if purchase.stage is Stage.PAID:
            return await _paid(tx, step, purchase)
        return await _unpaid(tx, step, purchase)


async def _paid(tx: Transaction, step: Step, purchase: PurchaseState) -> OrderState:
    """The share is there. A seller who may not go on any more is not told to ship for it."""
    seller = await tx.sellers.get(step.state.seller, is_steady=True)
    funds = await tx.funds.locked(step.state.order)
    if (shown := await shown_since(tx, step.state)) is not None:
        return shown
    terms = (await tx.orders.get(step.state.order)).terms
    asked = moves.payment_asked(step.state, purchase.intent)
    paid = moves.paid(asked, terms, funds.captured, step.at)
    facts: Facts = {"amount": funds.paid_by_buyer, "currency": paid.currency}
    event = Event("order.paid", step.at, facts=facts)
    if seller.standing is Standing.ACTIVE:
        return await assessed(tx, paid, terms, event, payment=purchase.captured)
    gone = moves.seller_gone(paid)
    standing: Facts = {"standing": str(seller.standing)}
    await tx.story.tell(gone, event, Event("order.seller_suspended", step.at, facts=standing))
    return gone


async def _unpaid(tx: Transaction, step: Step, purchase: PurchaseState) -> OrderState:
    if purchase.stage is Stage.NOT_ACCEPTED:
        after = moves.not_accepted(step.state, step.at)
        event = Event("order.not_accepted", step.at, facts={"reason": purchase.reason})
    else:
        after = moves.never_paid(step.state, Outcome(purchase.stage), step.at)
        event = Event(f"order.{after.outcome}", step.at)
    await tx.story.tell(after, event)
    return after
