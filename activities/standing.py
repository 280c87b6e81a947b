"""What changes for an order from outside its own story: its address, and its seller's standing."""

from dataclasses import replace
from datetime import datetime

import structlog
from temporalio import activity

from activities.requests import ChangeAddress, HeedStanding
from activities.risk import call_for_review, review_over
from domain.errors import AddressFixed
from domain.order import money_moves, moves, parcel_moves
from domain.order.lines import amounts_of
from domain.order.state import Fulfilment, OrderState, Payment
from domain.payout.rules import Standing
from persistence.port import Database, Event, Transaction

log = structlog.get_logger()


class StandingActivities:
    """Brings an order in line with what has become of its address or its seller."""

    def __init__(self, database: Database) -> None:
        """Everything goes to *database*."""
        self._database = database

    @activity.defn(name="order.change_address")
    async def change_address(self, request: ChangeAddress) -> OrderState:
        """Send the goods elsewhere in the same country; an order worth a look is looked at again.

        Another country has other prices, promises and checks: refused with `AddressFixed`.
        """
        state = request.state
        async with self._database.transaction() as tx:
            record = await tx.orders.get(state.order)
            if request.country != record.ship_to:
                raise AddressFixed(
                    f"order {state.order} goes to {record.ship_to}: order anew for another country",
                    country=request.country,
                    expected=record.ship_to,
                )
            await tx.orders.readdress(state.order, request.draft)
            is_looked_at = state.total > record.terms.review_above
            changed = replace(state, version=state.version + 1)
            after = (
                moves.checked_again(state, record.terms, request.at) if is_looked_at else changed
            )
            events = [Event("order.address_changed", request.at, request.actor)]
            if is_looked_at:
                events.append(Event("order.in_risk_check", request.at))
                words = "the address changed after the payment: the order waits for compliance"
                await call_for_review(tx, state, words, request.at)
            await tx.story.tell(after, *events)
        log.info("order.address_changed", order=state.order, checked_again=is_looked_at)
        return after

    @activity.defn(name="order.heed_standing")
    async def heed_standing(self, request: HeedStanding) -> OrderState:
        """The seller was suspended, closed or let back in.

        What has not left is called off and refunded; what is on its way goes on, its money kept
        while the seller is suspended.
        """
        state = request.state
        async with self._database.transaction() as tx:
            after, kind = await _heeded(tx, request)
            await review_over(tx, state, after, request.at)
            if kind:
                facts: dict[str, str | int] = {"standing": str(request.standing)}
                await tx.story.tell(after, Event(kind, request.at, facts=facts))
        log.info("order.standing_heeded", order=state.order, standing=str(request.standing))
        return after


async def _heeded(tx: Transaction, request: HeedStanding) -> tuple[OrderState, str]:
    state, at = request.state, request.at
    if request.standing is Standing.ACTIVE:
        thawed = money_moves.thawed(state, at)
        return thawed, "order.seller_active" if thawed != state else ""
    is_kept = request.standing is Standing.SUSPENDED
    if state.fulfilment in (Fulfilment.NOT_STARTED, Fulfilment.AWAITING_SHIPMENT):
        if state.payment is Payment.AWAITING:
            return state, ""
        return moves.seller_gone(state), "order.seller_suspended"
    after = await _without_the_rest(tx, state, at)
    after = money_moves.frozen(after) if is_kept else money_moves.thawed(after, at)
    return after, "order.seller_suspended" if after != state else ""


async def _without_the_rest(tx: Transaction, state: OrderState, at: datetime) -> OrderState:
    if state.fulfilment is not Fulfilment.PARTLY_SHIPPED:
        return state
    record = await tx.orders.get(state.order)
    amount, _ = amounts_of(record.lines, state.unshipped)
    return parcel_moves.not_all_shipped(state, record.terms, amount, at)
