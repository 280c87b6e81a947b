"""Where goods arrive, and those that arrive although their money went back."""

import unicodedata

from activities.requests import Step
from domain.ids import order_workflow_id
from domain.order import parcel_moves, repaying
from domain.order.parcels import GONE, Parcel
from domain.order.state import Fulfilment, OrderState
from domain.shipment.milestones import Milestone
from persistence.port import Event, LastScan, OrderRecord, Transaction


async def is_elsewhere(tx: Transaction, record: OrderRecord, scan: LastScan) -> bool:
    """Whether a delivery was in another country or city than the buyer's, as far as is known."""
    if scan.milestone != Milestone.DELIVERED:
        return False
    if scan.country and scan.country != record.ship_to:
        return True
    city = _plain(await tx.orders.city(record.order)) if scan.city else ""
    there = _plain(scan.city)
    return bool(city) and city not in there and there not in city


def _plain(place: str) -> str:
    """A place's name as carriers spell it: no accents, no signs, small letters."""
    bare = unicodedata.normalize("NFKD", place)
    return "".join(sign for sign in bare.casefold() if sign.isalnum())


def is_paid_back(state: OrderState, parcel: Parcel) -> bool:
    is_all_back = state.fulfilment is Fulfilment.CANCELLED or state.refunded >= state.captured
    return is_all_back or parcel.stage in GONE


async def arrived_after_all(
    tx: Transaction, state: OrderState, parcel: Parcel, scan: LastScan, step: Step
) -> OrderState:
    """The goods came although their money went back: the buyer is asked, never charged.

    What came to another place asks for nothing, nor what the carrier takes back.
    """
    if parcel.came_anyway and not scan.is_delivered:
        after = parcel_moves.went_away(state, parcel.name, scan.milestone)
        await tx.story.tell(after, Event("order.delivery_withdrawn", step.at, facts=_of(parcel)))
        return after
    if scan.milestone != Milestone.DELIVERED or parcel.milestone == scan.milestone:
        return state
    if await is_elsewhere(tx, await tx.orders.get(state.order), scan):
        subject, words = order_workflow_id(state.order), "a parcel came elsewhere after its refund"
        await tx.story.alarm("delivered_elsewhere", subject, words, step.at, _of(parcel))
        return state
    after = parcel_moves.arrived_after_refund(state, parcel.name)
    funds, before = await tx.funds.locked(state.order), await tx.repayments.state(state.order)
    failed = await tx.repayments.failed(repaying.refunds_of(after))
    owed = repaying.due(after, funds, before.settled if before else 0, failed).share
    # A refund that is still on its way out has not been counted yet.
    told = _of(parcel) | {"amount": owed.buyer or parcel.owed, "currency": state.currency}
    await tx.story.tell(after, Event("order.arrived_after_refund", step.at, facts=told))
    return after


def _of(parcel: Parcel) -> dict[str, str | int]:
    return {"parcel": parcel.name}
