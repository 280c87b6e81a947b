"""What a carrier's scan means for a parcel that travels under a label bought online."""

from dataclasses import replace
from datetime import datetime

from activities.courier_desk import pickup_terms
from domain.order import online_moves
from domain.order.agreements import Topic
from domain.order.state import OrderState
from domain.policy import Terms
from domain.shipment import pickup as couriers
from domain.shipment.labels import LabelEvent, LabelStatus
from domain.shipment.pickup import PICKUP, PickupEvent
from persistence.port import Event, Transaction


async def carried(
    tx: Transaction, state: OrderState, parcel: str, terms: Terms, at: datetime
) -> tuple[OrderState, list[Event]]:
    """The label is used, the parcel collected, and a request to cancel void: the goods have left.

    Says which events that makes; the state's version stays, for it is part of the same change.
    """
    label = online_moves.label_of(state, parcel)
    if label is None:
        return state, []
    after = state
    known = await tx.labels.found(label.key)
    if known is not None and known.status is LabelStatus.BOUGHT:
        await tx.labels.put(known.after(LabelEvent.SCANNED))
        after = online_moves.settled(after, label, LabelStatus.USED)
    pickup = await tx.labels.pickup(label.key)
    if PICKUP.allows(pickup.status, PickupEvent.COLLECTED):
        pickup = couriers.collected(pickup, pickup_terms(terms), at)
        await tx.labels.put_pickup(pickup)
        now = online_moves.label_of(after, parcel) or label
        after = online_moves.fetched(after, now, pickup, at)
    events = [
        Event("order.cancellation_void", at, facts={"asked_by": one.asked_by})
        for one in after.agreements
        if one.topic is Topic.CANCELLATION
    ]
    after = online_moves.handed_over(after, parcel)
    return replace(after, version=state.version), events
