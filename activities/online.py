"""Online shipping of an order: its labels, its couriers, and what becomes of both."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import structlog
from temporalio import activity

from activities.courier_desk import CourierDesk
from activities.label_desk import LabelDesk
from activities.requests import FetchParcel, LabelStep, OfLabel, SchedulePickup, Ship, ShipOnline
from activities.shipment import ShipmentActivities
from adapters.logistics.port import TrackingProvider
from domain.errors import LabelUnavailable, Refusal, ShipmentFixed
from domain.ids import order_workflow_id
from domain.order import facts as facts_of
from domain.order import online_moves as moves
from domain.order import parcel_moves
from domain.order.online import OnlineLabel
from domain.order.parcels import PARCEL, ParcelEvent
from domain.order.state import OrderState
from domain.shipment.labels import Label, LabelStatus
from domain.shipment.milestones import Milestone
from domain.shipment.pickup import PickupStatus
from persistence.port import Database, Event, Facts

log = structlog.get_logger()
_LOOKED: Final[Mapping[PickupStatus, str]] = MappingProxyType(
    {
        PickupStatus.COLLECTED: "order.pickup_collected",
        PickupStatus.MISSED: "order.pickup_missed",
        PickupStatus.DROP_OFF: "order.drop_off",
    }
)


class OnlineActivities:
    """The steps of an order that buy, fetch and give back. Each returns the order's new state."""

    def __init__(
        self,
        database: Database,
        tracking: TrackingProvider,
        shipments: ShipmentActivities,
        labels: LabelDesk,
        couriers: CourierDesk,
    ) -> None:
        """What *labels* sells is declared by *shipments*; *couriers* fetch it."""
        self._database = database
        self._tracking = tracking
        self._shipments = shipments
        self._labels = labels
        self._couriers = couriers

    @activity.defn(name="label.buy")
    async def buy(self, request: ShipOnline) -> OrderState:
        """Buy a label and declare its parcel; no number is typed by hand. Safe to repeat.

        Refuses (`LabelUnavailable`) what is not sold, or dearer than seen. A purchase that the
        carrier finally declines changes one thing: the next has a key of its own.
        """
        try:
            label = await self._labels.buy(request.label)
            state = await self._declared(request, label)
        except LabelUnavailable:
            if not await self._is_over(request):
                raise
            state = moves.not_bought(request.state)
            await self._tell(state, "order.label_declined", request)
            return state
        if request.fetch_from is None or request.fetch_until is None:
            return state
        return await self.schedule(
            FetchParcel(
                state,
                request.at,
                label.key,
                request.fetch_from,
                request.fetch_until,
                request.actor,
            )
        )

    @activity.defn(name="label.check")
    async def check(self, request: ShipOnline) -> OrderState:
        """Refuse (`LabelUnavailable`) what is not sold, or dearer than seen; nothing is bought."""
        await self._labels.check(request.label)
        return request.state

    async def _declared(self, request: ShipOnline, label: Label) -> OrderState:
        ship = Ship(
            request.state,
            request.at,
            label.carrier,
            label.number,
            request.actor,
            request.lines,
            is_online=True,
        )
        try:
            state = await self._shipments.declare(ship)
        except Refusal as no:
            # Somebody else has this very number: what nobody can follow goes back.
            await self._labels.void(LabelStep(label.key, request.at))
            raise LabelUnavailable(no.detail, **no.facts) from no
        after = moves.bought(state, OnlineLabel(label.key, state.parcels[-1].name))
        told: dict[str, str | int] = {
            "label": label.key,
            "carrier": label.carrier,
            "number": label.number,
            "parcel": state.parcels[-1].name,
            "amount": label.cost,
            "currency": label.currency,
            "borne_by": str(label.bearer),
        }
        await self._tell(after, "order.label_bought", request, told)
        return after

    async def _is_over(self, request: ShipOnline) -> bool:
        subject = order_workflow_id(request.state.order)
        async with self._database.transaction() as tx:
            label = await tx.labels.found(f"{subject}/label/{request.label.number}")
        return label is not None and label.status is not LabelStatus.BOUGHT

    @activity.defn(name="pickup.schedule")
    async def schedule(self, request: FetchParcel) -> OrderState:
        """Order a courier. Where none comes, only the number of purchases is another."""
        label = _named(request.state, request.label)
        try:
            pickup = await self._couriers.schedule(
                SchedulePickup(
                    label.key,
                    request.at,
                    label.couriers + 1,
                    request.fetch_from,
                    request.fetch_until,
                )
            )
        except Refusal as no:
            after = moves.no_courier(request.state, label)
            facts = {"parcel": label.parcel, "reason": str(no.facts.get("reason", no.code))}
            await self._tell(after, "order.courier_declined", request, facts)
            return after
        after = moves.fetched(request.state, label, pickup, request.at)
        told = {
            "parcel": label.parcel,
            "from": request.fetch_from.isoformat(),
            "until": request.fetch_until.isoformat(),
        }
        await self._tell(after, "order.pickup_scheduled", request, told)
        return after

    @activity.defn(name="pickup.attempted")
    async def attempted(self, request: OfLabel) -> OrderState:
        """See whether the courier came. Safe to repeat: an attempt counts once."""
        label = _named(request.state, request.label)
        pickup = await self._couriers.attempted(LabelStep(label.key, request.at))
        if pickup.status not in _LOOKED:
            return request.state
        after = moves.fetched(request.state, label, pickup, request.at)
        if pickup.status is PickupStatus.COLLECTED:
            after = await self._used(after, label, request)
        facts: dict[str, str | int] = {"parcel": label.parcel, "attempt": pickup.attempt}
        if pickup.status is PickupStatus.DROP_OFF and pickup.due_at is not None:
            facts["until"] = pickup.due_at.isoformat()
        await self._tell(after, _LOOKED[pickup.status], request, facts)
        return after

    @activity.defn(name="pickup.check_in")
    async def check_in(self, request: OfLabel) -> OrderState:
        """See whether the carrier's warehouse has the collected parcel; else a person asks."""
        label = _named(request.state, request.label)
        async with self._database.transaction() as tx:
            pickup = await tx.labels.pickup(label.key)
            known = await tx.labels.found(label.key)
        seen = await self._tracking.look(known.tracker) if known else None
        if seen is not None and len(seen.scans) > 1:
            pickup = await self._couriers.checked_in(LabelStep(label.key, request.at))
        after = moves.fetched(request.state, label, replace(pickup, due_at=None), request.at)
        facts = {"parcel": label.parcel}
        if pickup.status is PickupStatus.CHECKED_IN:
            await self._tell(after, "order.checked_in", request, facts)
        else:
            await self._alarm("check_in_missed", "no warehouse has scanned it", request, label)
            await self._tell(after, "order.check_in_missed", request, facts)
        return after

    @activity.defn(name="label.void")
    async def void(self, request: OfLabel) -> OrderState:
        """Give an unused label back: the one named, or each of an order that was called off.

        The carrier's truth decides. A parcel that it has must come back: a person has it stopped,
        and the label is spent. The seller's own request is refused then (`ShipmentFixed`).
        """
        state = request.state
        if request.label:
            return await self._given_back(state, _named(state, request.label), request)
        for label in moves.to_void(state):
            state = await self._given_back(state, label, request)
        return state

    async def _given_back(
        self, state: OrderState, label: OnlineLabel, request: OfLabel
    ) -> OrderState:
        if await self._is_on_its_way(label):
            if request.label:
                raise ShipmentFixed(
                    f"the carrier has parcel {label.parcel}: its label is used", parcel=label.parcel
                )
            return await self._recalled(state, label, request)
        step = LabelStep(label.key, request.at)
        pickup = await self._couriers.call_off(step)
        given = await self._labels.void(step)
        after = moves.fetched(state, label, pickup, request.at)
        after = moves.settled(after, _named(after, label.key), given.status)
        if request.label:
            after = await self._waiting_again(after, given, label.parcel, request)
        facts = {"parcel": label.parcel, "label": label.key}
        await self._tell(after, "order.label_given_back", request, facts)
        return after

    async def _waiting_again(
        self, state: OrderState, given: Label, parcel: str, request: OfLabel
    ) -> OrderState:
        """The goods of a label that its seller gave back are shipped another way."""
        stage = facts_of.parcel_named(state, parcel).stage
        is_back = given.status in (LabelStatus.VOID_ASKED, LabelStatus.VOIDED)
        if not is_back or not PARCEL.allows(stage, ParcelEvent.LABEL_GIVEN_BACK):
            return state
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
        return parcel_moves.label_given_back(state, terms, parcel, request.at)

    async def _recalled(
        self, state: OrderState, label: OnlineLabel, request: OfLabel
    ) -> OrderState:
        after = await self._used(state, label, request)
        await self._alarm("recall_parcel", "let the carrier bring it back", request, label)
        await self._tell(after, "order.parcel_recalled", request, {"parcel": label.parcel})
        return after

    async def _is_on_its_way(self, label: OnlineLabel) -> bool:
        async with self._database.transaction() as tx:
            known = await tx.labels.found(label.key)
        if known is None or not known.tracker:
            return False
        if known.status is LabelStatus.USED:
            return True
        return (await self._tracking.look(known.tracker)).milestone is not Milestone.DECLARED

    async def _used(self, state: OrderState, label: OnlineLabel, request: OfLabel) -> OrderState:
        await self._labels.used(LabelStep(label.key, request.at))
        return moves.settled(state, _named(state, label.key), LabelStatus.USED)

    async def _alarm(self, kind: str, detail: str, request: OfLabel, label: OnlineLabel) -> None:
        subject = order_workflow_id(request.state.order)
        async with self._database.transaction() as tx:
            facts: Facts = {"parcel": label.parcel, "label": label.key}
            await tx.story.alarm(kind, subject, detail, request.at, facts)

    async def _tell(
        self,
        after: OrderState,
        kind: str,
        request: ShipOnline | FetchParcel | OfLabel,
        facts: Facts | None = None,
    ) -> None:
        async with self._database.transaction() as tx:
            await tx.story.tell(after, Event(kind, request.at, request.actor, facts or {}))
        log.info("online.told", order=after.order, kind=kind)


def _named(state: OrderState, key: str) -> OnlineLabel:
    """The order's label of that key; another is a defect (`StopIteration`)."""
    return next(label for label in state.labels if label.key == key)
