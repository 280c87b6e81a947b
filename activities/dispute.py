"""Steps of a dispute that move no money but its hold: opening, what people ask, what time does."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog
from temporalio import activity

from activities import dispute_telling as telling
from activities.dispute_deeds import log_deed, shown_since
from activities.dispute_requests import (
    Act,
    Hear,
    HearBank,
    HeedDisputes,
    OpenDispute,
    ParkDispute,
    Ring,
)
from adapters.errors import Rejected
from adapters.logistics.port import TrackingProvider
from domain.actors import Role
from domain.dispute import acts, moves, opening, settling
from domain.dispute.moves import Opening
from domain.dispute.opening import Wanted
from domain.dispute.rules import Action
from domain.dispute.state import (
    DisputeEvent,
    DisputeState,
    PauseEvent,
    Proposal,
    Sent,
    Stage,
)
from domain.dispute.terms import Days, DisputeTerms, terms_of
from domain.errors import AddressMissing, NotYours, PendingRequest, TrackingInvalid
from domain.ids import dispute_parcel, dispute_workflow_id
from domain.money import Money
from domain.order import disputes as order_disputes
from domain.order.disputed import Disputed
from domain.order.state import OrderState
from domain.shipment.labels import LabelEvent, LabelStatus
from domain.shipment.numbers import check
from persistence.carriage.port import Addresses
from persistence.disputes.port import DisputeRecord
from persistence.port import Database, Event, Facts, OrderRecord, ParcelRecord, Transaction

log = structlog.get_logger()
_SENDING: Final = frozenset({Action.SEND_BACK, Action.SEND_AGAIN})
# What a person must look at once it has happened, and while what it is about stands so.
_ALARMS: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.IN_REVIEW: "nobody has decided a dispute in its time; its money stays held",
        Stage.APPEALED: "nobody has decided an appeal in its time; the ruling stands",
    }
)
_LATE: Final = "dispute_late"


class DisputeActivities:
    """Records what happens to a dispute."""

    def __init__(
        self, database: Database, tracking: TrackingProvider, addresses: Addresses
    ) -> None:
        """*tracking* watches what is sent, *addresses* knows where a return goes."""
        self._database = database
        self._tracking = tracking
        self._addresses = addresses

    @activity.defn(name="dispute.open")
    async def open(self, request: OpenDispute) -> DisputeState:
        """Check window and caps, put the dispute on record and hold its share, all or nothing.

        Works on a running order and on one that has ended. Refuses with the rule's own refusal;
        then nothing is left behind. A repeat finds what the first one did.
        """
        state = request.state
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            if (done := await tx.disputes.state(state.dispute)) is not None:
                return done
            record = await _own_order(tx, state)
            terms = await _terms(tx, record, state)
            after, carrier = await _opened(tx, request, record, terms)
            if after.held:
                name = _hold_name(state.dispute)
                by, at = f"buyer:{state.buyer}", state.opened_at
                await tx.funds.place_hold(name, state.order, after.held, "dispute", by, at)
                await tx.funds.put(funds.with_hold(after.held))
            await tx.disputes.open(
                DisputeRecord(
                    state.dispute,
                    state.order,
                    state.buyer,
                    state.seller,
                    carrier,
                    terms,
                    state.opened_at,
                ),
                after.claims,
            )
            await tx.story.tell_dispute(after, telling.opened(after))
        log.info("dispute.opened", dispute=state.dispute, minor=after.held)
        return after

    @activity.defn(name="dispute.act")
    async def act(self, request: Act) -> DisputeState:
        """Do what was asked; who did it and why is in the log for ever."""
        state, asked, actor = request.state, request.asked, request.actor
        if request.action in _SENDING and asked.parcel is not None:
            return await self._sent(request, asked.parcel)
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.disputes.get(state.dispute)).terms
            known = moves.touched(state, actor, request.person)
            after = acts.done(known, terms, request.action, (actor, asked), request.at)
            after = await self._returnable(after, terms, request)
            await log_deed(tx, after, request)
            if state.stage in _ALARMS and after.stage is not state.stage:
                await tx.story.clear(_LATE, dispute_workflow_id(state.dispute), request.at)
            await tx.story.tell_dispute(after, *telling.acted(state, after, request))
        log.info("dispute.acted", dispute=state.dispute, action=str(request.action))
        return after

    async def _returnable(
        self, after: DisputeState, terms: DisputeTerms, request: Act | Ring
    ) -> DisputeState:
        """Goods that nobody can send back stay where they are: the money goes back without them."""
        if after.stage is not Stage.RETURN_DUE or request.state.stage is Stage.RETURN_DUE:
            return after
        try:
            await self._addresses.of_seller(after.seller)
        except AddressMissing:
            return moves.without_return(after, terms, request.at)
        return after

    async def _sent(self, request: Act, parcel: Sent) -> DisputeState:
        """Take the number, have it watched. Refuses one that cannot be, or is another parcel's."""
        state = request.state
        number = check(parcel.carrier, parcel.number)
        name = dispute_parcel(state.dispute, state.version)
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            await tx.orders.declare(
                ParcelRecord(name, state.order, parcel.carrier, number, request.at)
            )
        try:
            watched = await self._tracking.watch(parcel.carrier, number)
        except Rejected as no:
            async with self._database.transaction() as tx:
                await tx.orders.undeclare(name)
            raise TrackingInvalid(
                f"the number cannot be tracked: {no.code}", carrier=parcel.carrier
            ) from no
        sent = Sent(parcel.carrier, number, watched.reference)
        move = moves.sent_back if request.action is Action.SEND_BACK else moves.sent_again
        async with self._database.transaction() as tx:
            await tx.orders.watched(name, watched.reference)
            terms = (await tx.disputes.get(state.dispute)).terms
            known = moves.touched(state, request.actor, request.person)
            after = move(known, terms, sent, request.at)
            await log_deed(tx, after, request)
            await tx.story.tell_dispute(after, telling.sent(after, request))
        log.info("dispute.parcel_sent", dispute=state.dispute, parcel=name)
        return after

    @activity.defn(name="dispute.ring")
    async def ring(self, request: Ring) -> DisputeState:
        """Do what a clock's end means, or remind. A late judge raises an alarm, no award.

        Refuses with `PendingRequest` while a request that came in time waits to be heard.
        """
        state, due = request.state, request.due
        subject = dispute_workflow_id(state.dispute)
        async with self._database.transaction() as tx:
            if not due.is_reminder and await tx.story.is_asked(subject, due.at):
                raise PendingRequest(
                    f"a request for dispute {state.dispute} came in time and is not heard yet",
                    dispute=state.dispute,
                )
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.disputes.get(state.dispute)).terms
            after = acts.rung(state, terms, due)
            after = await self._returnable(after, terms, request)
            if after.stage is state.stage in _ALARMS and not due.is_reminder:
                await tx.story.alarm(_LATE, subject, _ALARMS[after.stage], due.at)
            await tx.story.tell_dispute(after, *telling.rung(state, after, request))
        log.info("dispute.rung", dispute=state.dispute, clock=str(due.clock))
        return after

    @activity.defn(name="dispute.hear")
    async def hear(self, request: Hear) -> DisputeState:
        """Apply what a carrier says, where the table knows it now; else nothing changes."""
        state, event = request.state, request.event
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.disputes.get(state.dispute)).terms
            if event is DisputeEvent.ARRIVED:
                after = moves.arriving(state, terms, request.at)
            else:
                known = await _carried(tx, state)
                after = moves.happened(known, terms, event, request.at)
            await tx.story.tell_dispute(after, telling.heard(after, event, request.at))
        log.info("dispute.heard", dispute=state.dispute, event_name=str(event))
        return after

    @activity.defn(name="dispute.hear_bank")
    async def hear_bank(self, request: HearBank) -> DisputeState:
        """Pause for a chargeback, or go on after it."""
        state, event = request.state, request.event
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.disputes.get(state.dispute)).terms
            if event is PauseEvent.CHARGEBACK_OPENED:
                after = moves.paused(state, request.chargeback, request.at)
            else:
                after = moves.resumed(state, terms, event, request.at, request.given)
            facts: dict[str, str | int] = {"chargeback": request.chargeback}
            if request.given:
                facts |= {"amount": request.given, "currency": state.currency}
            await tx.story.tell_dispute(after, Event(f"dispute.{event}", request.at, facts=facts))
        log.info("dispute.bank_heard", dispute=state.dispute, event_name=str(event))
        return after

    @activity.defn(name="dispute.park")
    async def park(self, request: ParkDispute) -> DisputeState:
        """Show in view, timeline and alarms that an operator is needed, or no longer."""
        after = settling.parked(request.state, request.why)
        subject = dispute_workflow_id(after.dispute)
        async with self._database.transaction() as tx:
            if request.why is None:
                await tx.story.clear("parked", subject, request.at)
                facts: Facts = {"note": request.note}
                event = Event("dispute.resumed", request.at, request.actor, facts)
            else:
                why = request.why
                facts = {"step": why.step, "reason": why.reason}
                await tx.story.alarm("parked", subject, why.reason, request.at, facts)
                event = Event("dispute.parked", request.at, request.actor, facts)
            await tx.story.tell_dispute(after, event)
        log.warning("dispute.parked" if request.why else "dispute.resumed", dispute=after.dispute)
        return after

    @activity.defn(name="order.heed_disputes")
    async def heed(self, request: HeedDisputes) -> OrderState:
        """Let an order mirror what its disputes hold and gave, and stop or resume its clocks."""
        state = request.state
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            standing = [
                Disputed(one.dispute, order_disputes.parcels_of(state, one.lines), one.opened_at)
                for one in await tx.disputes.open_of(state.order)
            ]
            given = await tx.disputes.given(state.order)
            is_charged_back = funds.charged_back > 0 and not await tx.chargebacks.is_open(
                state.order
            )
            after = order_disputes.heeded(
                state, funds, standing, given, request.at, is_charged_back=is_charged_back
            )
            facts: Facts = {"open": len(standing), "held": funds.held}
            await tx.story.tell(after, Event("order.disputes_heeded", request.at, facts=facts))
        log.info("order.disputes_heeded", order=state.order, open=len(standing))
        return after


async def _own_order(tx: Transaction, state: DisputeState) -> OrderRecord:
    record = await tx.orders.get(state.order)
    if (record.buyer, record.seller) != (state.buyer, state.seller):
        raise NotYours(f"order {state.order} is somebody else's", order=state.order)
    return record


async def _terms(tx: Transaction, record: OrderRecord, state: DisputeState) -> DisputeTerms:
    """The rules of the policy version that the order lives by."""
    name, _, version = record.terms.policy.rpartition("/")
    policy = await tx.sellers.policy(name, int(version))
    days = Days(policy.label, policy.zone, policy.calendar)
    return terms_of(policy.dispute, days, record.currency, record.ship_to, state.opened_at)


async def _opened(
    tx: Transaction, request: OpenDispute, record: OrderRecord, terms: DisputeTerms
) -> tuple[DisputeState, str]:
    """The opened dispute, and who carries its goods; refused where a rule says so."""
    state, at = request.state, request.state.opened_at
    wanted = Wanted(
        request.lines,
        state.category,
        state.reason,
        request.remedy,
        Money(request.amount, request.currency),
    )
    order = await tx.orders.state(state.order)
    funds = await tx.funds.locked(state.order)
    if order is None:
        raise NotYours(f"order {state.order} has not begun", order=state.order)
    opening.must_be_sound(wanted, terms)
    opening.must_be_open(order, wanted, terms, at)
    standing = await tx.disputes.open_of(state.order)
    taken = {line: one.dispute for one in standing for line in one.lines}
    opening.must_be_undisputed(wanted.lines, taken)
    claims = opening.claims_of(record.lines, wanted.lines, await tx.disputes.given(state.order))
    cap, claims = opening.capped(claims, funds.refundable, record.currency)
    exchange = await tx.rates.exchange(state.order)
    amount = opening.clamped(wanted.amount, cap, record.currency, exchange)
    asked = Proposal(0, Role.BUYER, wanted.remedy, amount, at)
    found = Opening(claims, cap, min(cap, funds.releasable), order.intent)
    parcel = opening.parcel_with(order, claims[0].line)
    return moves.opened(state, terms, found, asked), parcel.carrier if parcel else ""


async def _carried(tx: Transaction, state: DisputeState) -> DisputeState:
    """A carrier has the goods: if they go by a label, it cannot be given back any more."""
    label = await tx.labels.found(state.label) if settling.goes_by_label(state) else None
    if label is None:
        return state
    standing = await tx.labels.ask(label)
    if standing.status in (LabelStatus.BOUGHT, LabelStatus.VOID_REFUSED):
        await tx.labels.put(standing.after(LabelEvent.SCANNED))
    return moves.label_over(state)


def _hold_name(dispute: str) -> str:
    return dispute_workflow_id(dispute)
