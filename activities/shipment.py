"""Goods on their way: declare a parcel, follow what its carrier says."""

import structlog
from temporalio import activity

from activities.requests import Ship, Step
from adapters.errors import Rejected
from adapters.logistics.port import TrackingProvider
from domain.errors import TrackingInvalid
from domain.ids import order_workflow_id
from domain.order import moves
from domain.order.state import FULFILMENT, FulfilmentEvent, OrderState, Parcel
from domain.shipment.milestones import Milestone
from domain.shipment.numbers import check
from persistence.port import Database, Event, LastScan, ParcelRecord

log = structlog.get_logger()


class ShipmentActivities:
    """Declares parcels and reads how far they have come."""

    def __init__(self, database: Database, tracking: TrackingProvider) -> None:
        """Numbers are kept in *database* and watched by *tracking*."""
        self._database = database
        self._tracking = tracking

    @activity.defn(name="shipment.declare")
    async def declare(self, request: Ship) -> OrderState:
        """Take the number, have it watched, tell the buyer.

        Refuses a number that the carrier never gives out (`TrackingInvalid`) or that another
        parcel has (`TrackingInUse`); a refusal leaves nothing behind.
        """
        state = request.state
        number = check(request.carrier, request.number)
        parcel = f"{state.order}/1"
        async with self._database.transaction() as tx:
            await tx.orders.declare(
                ParcelRecord(parcel, state.order, request.carrier, number, request.at)
            )
        try:
            tracked = await self._tracking.watch(request.carrier, number)
        except Rejected as no:
            async with self._database.transaction() as tx:
                await tx.orders.undeclare(parcel)
            raise TrackingInvalid(
                f"the number cannot be tracked: {no.code}", carrier=request.carrier
            ) from no
        async with self._database.transaction() as tx:
            await tx.orders.watched(parcel, tracked.reference)
            terms = (await tx.orders.get(state.order)).terms
            after = moves.shipped(
                state, terms, Parcel(request.carrier, number, tracked.reference), request.at
            )
            facts: dict[str, str | int] = {"carrier": request.carrier, "number": number}
            await tx.story.tell(after, Event("order.shipped", request.at, request.actor, facts))
        log.info("shipment.declared", order=state.order, carrier=request.carrier)
        return after

    @activity.defn(name="shipment.follow")
    async def follow(self, step: Step) -> OrderState:
        """Apply what the carrier says now: a scan, or a delivery where the goods belong.

        A delivery in another country is not verified: no clock moves, and a person looks.
        """
        state = step.state
        async with self._database.transaction() as tx:
            scan = await tx.orders.last_scan(state.order)
            if scan is None or state.parcel is None or scan.milestone == state.parcel.milestone:
                return state
            record = await tx.orders.get(state.order)
            if _is_elsewhere(scan, record.ship_to):
                facts: dict[str, str | int] = {"country": scan.country, "expected": record.ship_to}
                await tx.story.alarm(
                    "delivered_elsewhere",
                    order_workflow_id(state.order),
                    "the carrier delivered in another country than the buyer's",
                    step.at,
                    facts,
                )
                return state
            if scan.milestone == Milestone.DELIVERED:
                if not FULFILMENT.allows(state.fulfilment, FulfilmentEvent.DELIVERED):
                    return state
                after = moves.delivered(state, record.terms, step.at)
                event = Event("order.delivered", step.at, facts={"at": scan.at.isoformat()})
                await tx.orders.unwatched(state.order)
            else:
                if not FULFILMENT.allows(state.fulfilment, FulfilmentEvent.SCANNED):
                    return state
                after = moves.scanned(state, scan.milestone)
                event = Event("order.scanned", step.at, facts={"milestone": scan.milestone})
            await tx.story.tell(after, event)
        log.info("shipment.followed", order=state.order, milestone=scan.milestone)
        return after


def _is_elsewhere(scan: LastScan, ship_to: str) -> bool:
    is_delivered = scan.milestone == Milestone.DELIVERED
    return is_delivered and bool(scan.country) and scan.country != ship_to
