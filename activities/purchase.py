"""Steps of a purchase that move no money: opening all its orders, refusing, reminding, parking."""

from datetime import datetime

import structlog
from temporalio import activity

from activities.order import must_be_of, resolved
from activities.purchase_requests import OpenPurchase, ParkPurchase, PurchaseStep
from activities.requests import OpenOrder
from domain.errors import PendingRequest, Refusal
from domain.ids import purchase_workflow_id
from domain.order.state import ClockName, OrderState
from domain.purchase import moves
from domain.purchase.rules import must_be_paid_at_once
from domain.purchase.state import PurchaseEvent, PurchaseState
from persistence.port import Database, Event, Transaction
from persistence.purchase_port import PurchaseRecord

log = structlog.get_logger()


class PurchaseActivities:
    """Records what happened to a purchase."""

    def __init__(self, database: Database) -> None:
        """Everything goes to *database*; nothing outside is touched."""
        self._database = database

    @activity.defn(name="purchase.open")
    async def open(self, request: OpenPurchase) -> PurchaseState:
        """Put the purchase and every order of it on record, all or none, and start its clock.

        If one order cannot be taken, the purchase ends as not accepted, with the reason in its
        timeline; no order was opened and nothing was charged.
        """
        state = request.state
        try:
            async with self._database.transaction() as tx:
                record = await self._opened(tx, request)
                after = moves.opened(state, record.pay_within)
                facts = _figures(state) | deadline(after)
                placed = Event("purchase.placed", state.placed_at, f"buyer:{state.buyer}", facts)
                await tx.story.tell_purchase(after, placed)
        except Refusal as no:
            after = moves.closed(state, PurchaseEvent.ORDER_REFUSED, state.placed_at, no.code)
            facts = {str(name): value for name, value in no.facts.items()} | {"reason": no.code}
            async with self._database.transaction() as tx:
                event = Event("purchase.not_accepted", state.placed_at, facts=facts)
                await tx.story.tell_purchase(after, event)
        log.info("purchase.opened", purchase=state.purchase, stage=str(after.stage))
        return after

    async def _opened(self, tx: Transaction, request: OpenPurchase) -> PurchaseRecord:
        state = request.state
        orders = [await resolved(tx, opening) for opening in _openings(request)]
        for order in orders:
            must_be_paid_at_once(order.seller, order.terms.capture)
        # In one order for everybody: two purchases that name the same ids must not lock up.
        for order in sorted(orders, key=lambda one: one.order):
            must_be_of(await tx.orders.open(order), state.purchase)
        return await tx.purchases.open(
            PurchaseRecord(
                purchase=state.purchase,
                buyer=state.buyer,
                currency=state.currency,
                shares=state.shares,
                placed_at=state.placed_at,
                pay_within=min(order.terms.pay_within for order in orders),
                pending_within=min(order.terms.pending_payment_within for order in orders),
                authenticate_within=min(order.terms.authenticate_within for order in orders),
                decide_within=min(order.terms.decide_amount_within for order in orders),
            )
        )

    @activity.defn(name="purchase.refuse")
    async def refuse(self, step: PurchaseStep) -> PurchaseState:
        """End as not accepted what was opened and cannot be lived; its orders hear of it."""
        after = moves.closed(step.state, PurchaseEvent.ORDER_REFUSED, step.at, step.reason)
        async with self._database.transaction() as tx:
            event = Event("purchase.not_accepted", step.at, facts={"reason": step.reason})
            await tx.story.tell_purchase(after, event)
        log.warning("purchase.refused", purchase=after.purchase, reason=step.reason)
        return after

    @activity.defn(name="purchase.remind")
    async def remind(self, step: PurchaseStep) -> PurchaseState:
        """Tell the buyer that the window runs, and until when."""
        after = moves.reminded(step.state)
        facts = _figures(after) | deadline(after)
        async with self._database.transaction() as tx:
            event = Event("purchase.payment_reminded", step.at, facts=facts)
            await tx.story.tell_purchase(after, event)
        return after

    @activity.defn(name="purchase.park")
    async def park(self, request: ParkPurchase) -> PurchaseState:
        """Show in view, timeline and alarms that an operator is needed, or no longer."""
        after = moves.parked(request.state, request.why)
        subject = purchase_workflow_id(after.purchase)
        async with self._database.transaction() as tx:
            if request.why is None:
                await tx.story.clear("parked", subject, request.at)
                noted = {"note": request.note}
                event = Event("purchase.resumed", request.at, request.actor, noted)
            else:
                why = request.why
                facts: dict[str, str | int] = {"step": why.step, "reason": why.reason}
                await tx.story.alarm("parked", subject, why.reason, request.at, facts)
                event = Event("purchase.parked", request.at, request.actor, facts)
            await tx.story.tell_purchase(after, event)
        log.warning(
            "purchase.parked" if request.why else "purchase.resumed", purchase=after.purchase
        )
        return after


async def shown_since(tx: Transaction, state: PurchaseState) -> PurchaseState | None:
    """What an earlier run of this very step has come to, as `activities.order` has it."""
    shown = await tx.purchases.state(state.purchase)
    return shown if shown is not None and shown.version > state.version else None


def deadline(state: PurchaseState) -> dict[str, str | int]:
    """By when the buyer has to pay, or somebody to decide; nothing when nobody is waited for."""
    if state.clock is None:
        return {}
    name = "pay_by" if state.clock.name is ClockName.PAYMENT else "decide_by"
    return {name: state.clock.due_at.isoformat()}


async def must_not_be_asked(tx: Transaction, purchase: str, deadline: datetime) -> None:
    """Refuse to act on *deadline* while a request received by then waits to be heard."""
    if await tx.story.is_asked(purchase_workflow_id(purchase), deadline):
        raise PendingRequest(
            f"a request for purchase {purchase} came in time and is not heard yet",
            purchase=purchase,
        )


def _openings(request: OpenPurchase) -> list[OpenOrder]:
    state = request.state
    return [
        OpenOrder(
            OrderState(
                order=share.order,
                buyer=state.buyer,
                seller=share.seller,
                currency=state.currency,
                total=share.amount,
                placed_at=state.placed_at,
                subsidy=share.subsidy,
                paid_by=state.purchase,
            ),
            lines,
            request.ship_to,
        )
        for share, lines in zip(state.shares, request.lines, strict=True)
    ]


def _figures(state: PurchaseState) -> dict[str, str | int]:
    return {
        "amount": state.due,
        "currency": state.currency,
        "orders": ", ".join(share.order for share in state.shares),
    }
