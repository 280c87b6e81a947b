"""Goods on their way: declare a parcel, put its number right, follow what its carrier says."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from temporalio import activity

from activities.arrivals import arrived_after_all, is_elsewhere, is_paid_back
from activities.carried import carried
from activities.order import shown_since
from activities.requests import CareForPayment, EditShipment, Ship, Step
from adapters.errors import Rejected
from adapters.logistics.port import Tracking, TrackingProvider
from domain.errors import ShipmentFixed, TrackingInvalid
from domain.ids import order_workflow_id
from domain.order import facts, online_moves, parcel_moves
from domain.order.lines import amounts_of
from domain.order.parcel_moves import News
from domain.order.parcels import GONE, PARCEL, Doubt, Parcel, ParcelEvent, ParcelStage
from domain.order.state import Fulfilment, OrderState
from domain.shipment.milestones import Milestone
from domain.shipment.numbers import check
from persistence.port import Database, Event, LastScan, OrderRecord, ParcelRecord, Transaction

log = structlog.get_logger()

# Source: the policy table "Order and shipment": two edits, none after the first scan.
MOST_EDITS: Final = 2
# Carriers' clocks and zones are not ours: a scan this much older than its order is another's.
_OLDER_THAN_ORDER: Final = timedelta(days=1)
_EVENTS: Final[Mapping[str, ParcelEvent]] = MappingProxyType(
    {
        Milestone.DELIVERED: ParcelEvent.DELIVERED,
        Milestone.HELD_AT_CUSTOMS: ParcelEvent.HELD_AT_CUSTOMS,
        Milestone.REFUSED: ParcelEvent.SENT_BACK,
        Milestone.RETURNING: ParcelEvent.SENT_BACK,
        Milestone.RETURNED: ParcelEvent.CAME_BACK,
        Milestone.LOST: ParcelEvent.LOST,
    }
)
_KINDS: Final[Mapping[ParcelEvent, str]] = MappingProxyType(
    {
        ParcelEvent.SCANNED: "order.scanned",
        ParcelEvent.DELIVERED: "order.delivered",
        ParcelEvent.WENT_ELSEWHERE: "order.delivered_elsewhere",
        ParcelEvent.HELD_AT_CUSTOMS: "order.at_customs",
        ParcelEvent.SENT_BACK: "order.returning",
        ParcelEvent.CAME_BACK: "order.returned",
        ParcelEvent.LOST: "order.lost",
        ParcelEvent.WITHDRAWN: "order.delivery_withdrawn",
        ParcelEvent.UNSEEN: "order.shipment_doubted",
    }
)
# What a person has to look at as long as a parcel stands so.
_ALARMS: Final[Mapping[ParcelStage, tuple[str, str]]] = MappingProxyType(
    {
        ParcelStage.ELSEWHERE: (
            "delivered_elsewhere",
            "the carrier delivered somewhere else than the buyer's address",
        ),
        ParcelStage.AT_CUSTOMS: (
            "at_customs",
            "customs hold a parcel: find out whose fault it is, then rule on it",
        ),
    }
)
_HEARD_IN: Final = frozenset(
    {
        Fulfilment.AWAITING_SHIPMENT,
        Fulfilment.PARTLY_SHIPPED,
        Fulfilment.DECLARED,
        Fulfilment.IN_TRANSIT,
        Fulfilment.BUYER_ASKED,
        Fulfilment.DELIVERED,
    }
)


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
        state, name = request.state, _next_name(request.state)
        number = check(request.carrier, request.number)
        parcel = f"{state.order}/{name}"
        async with self._database.transaction() as tx:
            await tx.orders.declare(
                ParcelRecord(parcel, state.order, request.carrier, number, request.at)
            )
        tracked = await self._watched(parcel, request.carrier, number)
        async with self._database.transaction() as tx:
            await tx.orders.watched(parcel, tracked.reference)
            record = await tx.orders.get(state.order)
            lines = request.lines or state.unshipped
            amount, freight = amounts_of(record.lines, lines)
            after = parcel_moves.shipped(
                state,
                record.terms,
                Parcel(
                    carrier=request.carrier,
                    number=number,
                    tracker=tracked.reference,
                    name=name,
                    lines=lines,
                    amount=amount,
                    freight=freight,
                ),
                request.at,
                _scan_by(record, request.at),
            )
            if request.is_online:
                after = online_moves.still_asked(state, after)
            told: dict[str, str | int] = {"carrier": request.carrier, "number": number}
            is_part = after.fulfilment is Fulfilment.PARTLY_SHIPPED
            kind = "order.partly_shipped" if is_part else "order.shipped"
            events = [Event(kind, request.at, request.actor, told | {"parcel": name})]
            events += _void(state, after, request)
            await tx.story.tell(after, *events)
        log.info("shipment.declared", order=state.order, carrier=request.carrier, parcel=name)
        return after

    @activity.defn(name="shipment.check")
    async def check(self, request: Ship) -> OrderState:
        """Refuse what `declare` would, before anything is paid for it; nothing is declared."""
        state, number = request.state, check(request.carrier, request.number)
        parcel = f"{state.order}/{_next_name(state)}"
        async with self._database.transaction() as tx:
            await tx.orders.must_be_free(request.carrier, number, parcel)
        await self._watched(parcel, request.carrier, number)
        return state

    async def _watched(self, parcel: str, carrier: str, number: str) -> Tracking:
        try:
            return await self._tracking.watch(carrier, number)
        except Rejected as no:
            async with self._database.transaction() as tx:
                await tx.orders.undeclare(parcel)
            raise TrackingInvalid(
                f"the number cannot be tracked: {no.code}", carrier=carrier
            ) from no

    @activity.defn(name="shipment.edit")
    async def edit(self, request: EditShipment) -> OrderState:
        """Put a number right: twice at most, in the policy's time, never after the first scan.

        Refuses with `ShipmentFixed`, `TrackingInvalid` or `TrackingInUse`; the old number is kept.
        """
        state = request.state
        parcel = facts.parcel_named(state, request.parcel)
        number = check(parcel.carrier, request.number)
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
            scans = await tx.orders.scans(state.order)
            _must_be_editable(parcel, scans.get(parcel.name), request, terms.edit_shipment_within)
            await tx.orders.must_be_free(parcel.carrier, number, f"{state.order}/{parcel.name}")
        tracked = await self._tracking.watch(parcel.carrier, number)
        async with self._database.transaction() as tx:
            await tx.orders.renumber(f"{state.order}/{parcel.name}", number, tracked.reference)
            after = parcel_moves.edited(state, parcel.name, number, tracked.reference)
            told: dict[str, str | int] = {"parcel": parcel.name, "number": number}
            await tx.story.tell(
                after, Event("order.shipment_edited", request.at, request.actor, told)
            )
        log.info("shipment.edited", order=state.order, parcel=parcel.name)
        return after

    @activity.defn(name="shipment.follow")
    async def follow(self, step: Step) -> OrderState:
        """Apply what the carriers say now of each parcel, as the parcel's table has it.

        A delivery that is not where the goods belong is not verified: no clock moves, and a
        person looks. What arrives after its refund is told, and nothing is taken for it. After the
        order's end a person looks at what no rule is there for any more.
        """
        state = step.state
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            scans = await tx.orders.scans(state.order)
            if not scans and not state.parcels:
                return state
            record = await tx.orders.get(state.order)
            for parcel in state.parcels:
                scan = scans.get(parcel.name)
                if scan is None:
                    continue
                if state.fulfilment in _HEARD_IN:
                    state = await self._followed(tx, state, record, parcel, scan, step)
                elif is_paid_back(state, parcel):
                    state = await arrived_after_all(tx, state, parcel, scan, step)
                if state.ended_at is not None:
                    await _mind_after_end(tx, state, parcel, scan, step)
        return state

    @activity.defn(name="shipment.arrived_late")
    async def arrived_late(self, request: CareForPayment) -> str:
        """A parcel was delivered after its order's end; says what was done.

        If its money had gone back, the buyer is asked to pay again; nothing is taken.
        """
        async with self._database.transaction() as tx:
            state = await tx.orders.state(request.subject)
            if state is None:
                return "unknown"
            scans, before = await tx.orders.scans(state.order), state.version
            for parcel in state.parcels:
                scan = scans.get(parcel.name)
                if scan is not None and is_paid_back(state, parcel):
                    step = Step(state, request.at)
                    state = await arrived_after_all(tx, state, parcel, scan, step)
        return "arrived_after_refund" if state.version > before else "nothing_to_do"

    async def _followed(
        self,
        tx: Transaction,
        state: OrderState,
        record: OrderRecord,
        parcel: Parcel,
        scan: LastScan,
        step: Step,
    ) -> OrderState:
        if parcel.stage in GONE:
            return await arrived_after_all(tx, state, parcel, scan, step)
        if parcel.stage is ParcelStage.GIVEN_BACK:
            if not set(parcel.lines) <= set(state.unshipped):
                await _used_twice(tx, state, parcel, step)
                return state
            state = parcel_moves.label_used_after_all(
                state, record.terms, parcel.name, step.at, _scan_by(record, step.at)
            )
            parcel = facts.parcel_named(state, parcel.name)
        news = _news(parcel, scan, record, await is_elsewhere(tx, record, scan))
        if news is None or not PARCEL.allows(parcel.stage, news.event):
            return state
        after = parcel_moves.moved(state, record.terms, news, step.at)
        told: dict[str, str | int] = {"parcel": parcel.name, "milestone": scan.milestone}
        if news.event is ParcelEvent.DELIVERED:
            told["at"] = scan.at.isoformat()
            await tx.orders.unwatched(state.order, parcel.name)
        if news.doubt:
            told["doubt"] = news.doubt
        await _mind_alarms(tx, parcel.stage, after, parcel.name, step)
        events = [Event(_KINDS[news.event], step.at, facts=told)]
        if news.event is not ParcelEvent.UNSEEN:
            after, more = await carried(tx, after, parcel.name, record.terms, step.at)
            events += more
        await tx.story.tell(after, *events)
        log.info("shipment.followed", order=state.order, milestone=scan.milestone)
        return after


def _next_name(state: OrderState) -> str:
    return str(len(state.parcels) + 1)


def _scan_by(record: OrderRecord, at: datetime) -> datetime:
    return record.terms.scan_by(at, ZoneInfo(record.terms.zone))


async def _used_twice(tx: Transaction, state: OrderState, parcel: Parcel, step: Step) -> None:
    words = "a label that was given back travels, and its goods were shipped another way"
    subject = order_workflow_id(state.order)
    await tx.story.alarm("label_used_after_all", subject, words, step.at, {"parcel": parcel.name})


def _void(state: OrderState, after: OrderState, request: Ship) -> list[Event]:
    """Questions that the declaration has settled: who asked is told."""
    return [
        Event(
            f"order.{agreement.topic}_void",
            request.at,
            request.actor,
            {"asked_by": agreement.asked_by},
        )
        for agreement in state.agreements
        if agreement not in after.agreements
    ]


def _must_be_editable(
    parcel: Parcel, scan: LastScan | None, request: EditShipment, within: int
) -> None:
    until = (parcel.declared_at or request.at) + timedelta(seconds=within)
    reason = ""
    if scan is not None or parcel.stage not in facts.EDITABLE:
        reason = "the carrier has scanned it"
    elif parcel.edits >= MOST_EDITS:
        reason = f"it was changed {MOST_EDITS} times"
    elif request.at > until:
        reason = f"it could be changed until {until.isoformat()}"
    if reason:
        raise ShipmentFixed(
            f"the number of parcel {parcel.name} stays as it is: {reason}", parcel=parcel.name
        )


def _news(parcel: Parcel, scan: LastScan, record: OrderRecord, is_elsewhere: bool) -> News | None:  # noqa: FBT001 - read where it is called
    """What a parcel's newest scan makes happen to it; None if nothing is new."""
    milestone = scan.milestone
    if parcel.doubt is Doubt.SCANNED_BEFORE_ORDER:
        return None
    if scan.first_at < record.placed_at - _OLDER_THAN_ORDER:
        return News(parcel.name, ParcelEvent.UNSEEN, milestone, doubt=Doubt.SCANNED_BEFORE_ORDER)
    if parcel.stage is ParcelStage.DELIVERED and not scan.is_delivered:
        return News(parcel.name, ParcelEvent.WITHDRAWN, milestone)
    if milestone == parcel.milestone and parcel.stage is not ParcelStage.ELSEWHERE:
        return None
    event = _EVENTS.get(milestone, ParcelEvent.SCANNED)
    if event is ParcelEvent.DELIVERED and is_elsewhere:
        is_known = parcel.stage is ParcelStage.ELSEWHERE
        return None if is_known else News(parcel.name, ParcelEvent.WENT_ELSEWHERE, milestone)
    is_refused = milestone == Milestone.REFUSED
    return News(parcel.name, event, milestone, is_refused=is_refused)


async def _mind_alarms(
    tx: Transaction, before: ParcelStage, after: OrderState, name: str, step: Step
) -> None:
    subject = order_workflow_id(after.order)
    stage = facts.parcel_named(after, name).stage
    if stage is before:
        return
    if before in _ALARMS:
        await tx.story.clear(_ALARMS[before][0], subject, step.at)
    if stage in _ALARMS:
        kind, detail = _ALARMS[stage]
        await tx.story.alarm(kind, subject, detail, step.at, {"parcel": name})


async def _mind_after_end(
    tx: Transaction, state: OrderState, parcel: Parcel, scan: LastScan, step: Step
) -> None:
    """A parcel on its way back, or a delivery that was withdrawn: a person decides."""
    is_withdrawn = parcel.stage is ParcelStage.DELIVERED and not scan.is_delivered
    if is_withdrawn or scan.milestone == Milestone.RETURNING != parcel.milestone:
        subject = order_workflow_id(state.order)
        told: dict[str, str | int] = {"parcel": parcel.name, "is": scan.milestone}
        words = "a parcel has news after its order's end"
        await tx.story.alarm("parcel_after_end", subject, words, step.at, told)
