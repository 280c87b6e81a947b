"""Couriers at the seller's door: sent, looked for, called off."""

from dataclasses import replace
from datetime import timedelta

import structlog

from activities import carriers_bill
from activities.carriers_bill import Bill
from activities.requests import LabelStep, SchedulePickup
from adapters.errors import Rejected
from adapters.logistics.port import Coming, ShippingProvider, TrackingProvider, Visit
from domain.errors import LabelUnavailable, NotKnown
from domain.policy import Terms
from domain.shipment import pickup as moves
from domain.shipment.labels import Label
from domain.shipment.milestones import Milestone
from domain.shipment.pickup import PICKUP, Pickup, PickupEvent, PickupStatus, PickupTerms
from persistence.carriage.port import Addresses
from persistence.port import Database

log = structlog.get_logger()


class CourierDesk:
    """Sends couriers, inside the steps of an order.

    Whether one came shows by the first scan of the parcel, and by nothing else.
    """

    def __init__(
        self,
        database: Database,
        shipping: ShippingProvider,
        tracking: TrackingProvider,
        addresses: Addresses,
    ) -> None:
        """Ask *shipping* for couriers and *tracking* whether one came."""
        self._database = database
        self._shipping = shipping
        self._tracking = tracking
        self._addresses = addresses

    async def schedule(self, request: SchedulePickup) -> Pickup:
        """Let a courier come in the window, once, however often this is repeated.

        Refuses (`IllegalTransition`) while another is coming or the parcel is gone, and
        (`LabelUnavailable`) where no courier comes to this door; then nothing is charged.
        """
        label, pickup = await self._known(request.label)
        if pickup.number >= request.number:
            return pickup
        plan = moves.planned(pickup, request.number, request.begins, request.ends)
        try:
            visit = await self._on_record(label, plan, request)
            visit = await self._shipping.order_visit(visit.reference)
        except Rejected as no:
            await self._given_up(label, plan.key, no.code, request)
            raise LabelUnavailable(
                f"no courier comes: {no.code}", label=label.key, reason=no.code
            ) from no
        return await self._scheduled(label, plan, visit, request)

    async def _on_record(self, label: Label, plan: Pickup, request: SchedulePickup) -> Visit:
        async with self._database.transaction() as tx:
            known = await tx.funds.found(plan.key)
        if known is not None and known.state == "failed":
            raise Rejected(known.provider, known.failure, "no courier comes")
        if known is not None:
            return await self._shipping.look_at_visit(known.reference)
        door = await self._addresses.of_seller(label.seller)
        visit = await self._shipping.plan_visit(
            plan.key, label.shipment, request.begins, request.ends, door
        )
        async with self._database.transaction() as tx:
            effect = await carriers_bill.reserve(tx, self._bill(label, plan, visit, request))
        # Another run may have been quicker, with a visit of its own: that courier comes.
        return replace(visit, reference=effect.reference)

    async def _scheduled(
        self, label: Label, plan: Pickup, visit: Visit, request: SchedulePickup
    ) -> Pickup:
        after = replace(plan, visit=visit.reference, confirmation=visit.confirmation)
        async with self._database.transaction() as tx:
            standing = await tx.labels.pickup(label.key)
            if standing.number >= request.number:
                return standing
            await carriers_bill.settle(tx, self._bill(label, plan, visit, request))
            await tx.labels.put_pickup(after)
        log.info("pickup.scheduled", key=after.key)
        return after

    async def _given_up(self, label: Label, key: str, code: str, request: SchedulePickup) -> None:
        async with self._database.transaction() as tx:
            effect = await tx.funds.found(key)
            if effect is not None and effect.state == "asked":
                bill = carriers_bill.of(effect, label, request.at)
                await carriers_bill.give_up(tx, bill, code)

    async def attempted(self, step: LabelStep) -> Pickup:
        """See whether the courier came, once the window is over or the carrier speaks.

        Collected is what the carrier has scanned. Nothing scanned at the end of the window is an
        attempt that failed: another may be asked for, and after the last the seller has the
        policy's time to bring the parcel themselves. Safe to repeat.
        """
        label, pickup = await self._known(step.label)
        terms = await self._terms(label)
        milestone = (await self._tracking.look(label.tracker)).milestone
        is_missed = False
        if pickup.status is PickupStatus.SCHEDULED:
            visit = await self._shipping.look_at_visit(pickup.visit)
            is_over = pickup.ends is not None and step.at >= pickup.ends
            is_missed = is_over or visit.coming is Coming.MISSED
        async with self._database.transaction() as tx:
            standing = await tx.labels.pickup(label.key)
            after = standing
            if milestone is not Milestone.DECLARED:
                after = _moved_on(standing, terms, step, is_at_warehouse=False)
            elif is_missed and standing == pickup:
                after = moves.missed(standing, terms, step.at)
            if after != standing:
                await tx.labels.put_pickup(after)
        log.info("pickup.attempted", label=label.key, status=str(after.status))
        return after

    async def checked_in(self, step: LabelStep) -> Pickup:
        """The carrier's warehouse has scanned the parcel. Safe to repeat."""
        label, _ = await self._known(step.label)
        terms = await self._terms(label)
        async with self._database.transaction() as tx:
            standing = await tx.labels.pickup(label.key)
            after = _moved_on(standing, terms, step, is_at_warehouse=True)
            if after != standing:
                await tx.labels.put_pickup(after)
        return after

    async def call_off(self, step: LabelStep) -> Pickup:
        """The courier need not come; what was paid for it comes back. Safe to repeat."""
        label, pickup = await self._known(step.label)
        if not PICKUP.allows(pickup.status, PickupEvent.CALLED_OFF):
            return pickup
        is_back = False
        visit = None
        if pickup.visit:
            visit = await self._shipping.cancel_visit(pickup.visit)
            is_back = visit.coming is Coming.CANCELLED
        async with self._database.transaction() as tx:
            standing = await tx.labels.pickup(label.key)
            if standing != pickup:
                return standing
            if visit is not None and is_back and visit.price.minor:
                await carriers_bill.give_back(tx, self._bill(label, pickup, visit, step))
            after = moves.called_off(standing)
            await tx.labels.put_pickup(after)
        return after

    async def _known(self, key: str) -> tuple[Label, Pickup]:
        async with self._database.transaction() as tx:
            label = await tx.labels.found(key)
            if label is None:
                raise NotKnown(f"there is no label {key}", label=key)
            return label, await tx.labels.pickup(key)

    async def _terms(self, label: Label) -> PickupTerms:
        async with self._database.transaction() as tx:
            return pickup_terms((await tx.orders.get(label.order)).terms)

    def _bill(
        self, label: Label, pickup: Pickup, visit: Visit, request: SchedulePickup | LabelStep
    ) -> Bill:
        return Bill(
            key=pickup.key,
            kind="pickup",
            label=label,
            amount=visit.price.minor,
            currency=visit.price.currency,
            reference=visit.reference,
            provider=self._shipping.name,
            at=request.at,
        )


def pickup_terms(terms: Terms) -> PickupTerms:
    """What an order's terms say about couriers."""
    return PickupTerms(
        terms.pickup_attempts,
        timedelta(seconds=terms.drop_off_within),
        timedelta(seconds=terms.check_in_within),
    )


def _moved_on(
    pickup: Pickup, terms: PickupTerms, step: LabelStep, *, is_at_warehouse: bool
) -> Pickup:
    """Collected, and checked in where the warehouse has it; what is past stays as it is."""
    if PICKUP.allows(pickup.status, PickupEvent.COLLECTED):
        pickup = moves.collected(pickup, terms, step.at)
    if is_at_warehouse and PICKUP.allows(pickup.status, PickupEvent.CHECKED_IN):
        return moves.checked_in(pickup)
    return pickup
