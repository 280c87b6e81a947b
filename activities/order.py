"""Steps of an order that move neither money nor goods: opening, moves, reminders, parking."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Final

import structlog
from temporalio import activity

from activities import exchange
from activities.fx import try_to_learn
from activities.requests import Move, OpenOrder, Park, Record, Remind
from activities.risk import LATE, review_over
from adapters.fx.port import RateSource
from domain.errors import (
    AlreadyExists,
    AmountExceeded,
    FxRateUnknown,
    PendingRequest,
    Refusal,
    SellerNotActive,
)
from domain.ids import order_workflow_id
from domain.order import money_moves, moves, parcel_moves, paying
from domain.order.facts import clock_of
from domain.order.lines import amounts_of
from domain.order.parcels import Doubt, ParcelEvent
from domain.order.state import ClockName, FulfilmentEvent, OrderState, Outcome
from domain.payout.rules import Standing
from persistence.port import Database, Event, Facts, OrderRecord, Transaction

log = structlog.get_logger()


class OrderActivities:
    """Records what happened to an order."""

    def __init__(self, database: Database, rates: RateSource | None = None) -> None:
        """Everything goes to *database*; outside, *rates* is asked where a rate is lacking."""
        self._database = database
        self._rates = rates

    @activity.defn(name="order.open")
    async def open(self, request: OpenOrder) -> OrderState:
        """Fix policy, commission and windows, put the order on record, start its first clock.

        What cannot be taken (an unknown or inactive seller, a currency without figures or without
        a rate) ends as not accepted, with the reason in its timeline; nothing was charged.
        """
        state = request.state
        try:
            after = await self._with_rates(request)
        except Refusal as no:
            after = moves.not_accepted(state, state.placed_at)
            async with self._database.transaction() as tx:
                event = Event("order.not_accepted", state.placed_at, facts={"reason": no.code})
                await tx.story.tell(after, event)
        log.info("order.opened", order=state.order, outcome=str(after.outcome))
        return after

    async def _with_rates(self, request: OpenOrder) -> OrderState:
        """Open the order; where a rate is lacking, ask for what has been published, and again."""
        try:
            return await self._opened(request)
        except FxRateUnknown:
            if self._rates is None:
                raise
        await try_to_learn(self._database, self._rates, request.state.placed_at)
        return await self._opened(request)

    async def _opened(self, request: OpenOrder) -> OrderState:
        state = request.state
        async with self._database.transaction() as tx:
            # Whatever has become of the seller since: what was opened once stays so.
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            record = await _accepted(tx, request)
            lines = tuple(line.line for line in request.lines)
            after = moves.opened(state, record.terms, state.placed_at, lines)
            after = await exchange.agreed(tx, after, record.terms)
            facts: dict[str, str | int] = {"amount": state.total, "currency": state.currency}
            placed = Event("order.placed", state.placed_at, f"buyer:{state.buyer}", facts)
            await tx.story.tell(after, placed)
        return after

    @activity.defn(name="order.record")
    async def record(self, request: Record) -> OrderState:
        """Record a move and start or stop the clocks that it concerns.

        Refuses with `PendingRequest` what a deadline would do while a request that came in time
        waits to be heard.
        """
        state = request.state
        async with self._database.transaction() as tx:
            if request.by_deadline:
                await must_not_be_asked(tx, state.order, request.at)
            is_first = await shown_since(tx, state) is None
            record = await tx.orders.get(state.order)
            after = _MOVES[request.move](request, record)
            told = {"reason": request.reason, "parcel": request.parcel}
            facts: dict[str, str | int] = {name: word for name, word in told.items() if word}
            events = [Event(f"order.{request.move}", request.at, request.actor, facts)]
            if request.move is Move.RISK_ACCEPTED:
                events += ready_to_ship(after, request.actor)
            if request.move in _NOT_FULFILLED and is_first:
                await tx.sellers.mark_non_fulfilment(state.seller)
            if request.move in _RULINGS:
                await tx.story.clear("at_customs", order_workflow_id(state.order), request.at)
            await review_over(tx, state, after, request.at)
            if request.move in _ALARMS:
                kind, words = _ALARMS[request.move]
                await tx.story.alarm(kind, order_workflow_id(state.order), words, request.at)
            if after.ended_at is not None:
                await tx.orders.unwatched(state.order)
            await tx.story.tell(after, *events)
        log.info("order.moved", order=state.order, move=str(request.move))
        return after

    @activity.defn(name="order.remind")
    async def remind(self, request: Remind) -> OrderState:
        """Tell whoever a clock waits for that it runs."""
        after = moves.reminded(request.state, request.clock, request.parcel)
        facts: dict[str, str | int] = {"parcel": request.parcel} if request.parcel else {}
        reminded = Event(f"order.{request.clock}_reminded", request.at, facts=facts)
        async with self._database.transaction() as tx:
            await tx.story.tell(after, reminded)
        return after

    @activity.defn(name="order.park")
    async def park(self, request: Park) -> OrderState:
        """Show in view, timeline and alarms that an operator is needed, or no longer."""
        after = moves.parked(request.state, request.why)
        subject = order_workflow_id(after.order)
        async with self._database.transaction() as tx:
            if request.why is None:
                await tx.story.clear("parked", subject, request.at)
                event = Event("order.resumed", request.at, request.actor, {"note": request.note})
            else:
                facts: dict[str, str | int] = {
                    "step": request.why.step,
                    "reason": request.why.reason,
                }
                await tx.story.alarm("parked", subject, request.why.reason, request.at, facts)
                event = Event("order.parked", request.at, request.actor, facts)
            await tx.story.tell(after, event)
        log.warning("order.parked" if request.why else "order.resumed", order=after.order)
        return after


async def _accepted(tx: Transaction, request: OpenOrder) -> OrderRecord:
    """What the order lives by: fixed now, or when the purchase that pays for it was opened."""
    state = request.state
    if state.paid_by:
        record = await tx.orders.get(state.order)
    else:
        record = await tx.orders.open(await resolved(tx, request))
    must_be_of(record, state.paid_by)
    return record


async def resolved(tx: Transaction, request: OpenOrder) -> OrderRecord:
    """The order with the terms that the seller's policy gives it now.

    Raises `NotKnown`, `SellerNotActive` or `CurrencyUnknown` for what cannot be taken.
    """
    state = request.state
    # Steady: whoever suspends the seller now will find this order among the open ones.
    seller = await tx.sellers.get(state.seller, is_steady=True)
    if seller.standing is not Standing.ACTIVE:
        raise SellerNotActive(
            f"seller {state.seller} is {seller.standing} and takes no orders",
            seller=state.seller,
            standing=str(seller.standing),
        )
    if not 0 <= state.subsidy < state.total:
        raise AmountExceeded(
            "a subsidy is less than the price that it is part of",
            asked=state.subsidy,
            available=state.total,
            currency=state.currency,
        )
    policy = await tx.sellers.policy(seller.policy)
    lines = [(line.category, line.total) for line in request.lines]
    return OrderRecord(
        order=state.order,
        buyer=state.buyer,
        seller=state.seller,
        currency=state.currency,
        total=state.total,
        ship_to=request.ship_to,
        placed_at=state.placed_at,
        terms=policy.terms(
            request.ship_to,
            seller.level,
            lines,
            state.currency,
            state.placed_at,
            settles_in=seller.settles_in,
        ),
        lines=tuple(asdict(line) for line in request.lines),
        purchase=state.paid_by,
    )


def must_be_of(record: OrderRecord, purchase: str) -> None:
    """Refuse an order that is there already, as a part of something else (`AlreadyExists`)."""
    if record.purchase != purchase:
        raise AlreadyExists(f"there is an order {record.order} already", order=record.order)


async def must_not_be_asked(tx: Transaction, order: str, deadline: datetime) -> None:
    """Refuse to act on *deadline* while a request received by then waits to be heard."""
    if await tx.story.is_asked(order_workflow_id(order), deadline):
        raise PendingRequest(
            f"a request for order {order} came in time and is not heard yet", order=order
        )


async def shown_since(tx: Transaction, state: OrderState) -> OrderState | None:
    """What an earlier run of this very step has come to, asked under the lock; None if it is new.

    A process takes one step at a time: a newer state than the one that a step was given can only
    be that step's own, and its repeat is told the same.
    """
    shown = await tx.orders.state(state.order)
    return shown if shown is not None and shown.version > state.version else None


def ready_to_ship(state: OrderState, actor: str = "") -> list[Event]:
    """The seller is told to ship, and until when; not one who is stopped."""
    clock = clock_of(state, ClockName.SHIPMENT)
    if clock is None:
        return []
    facts: Facts = {"ship_by": clock.due_at.isoformat()}
    return [Event("order.ready_to_ship", clock.opened_at, actor, facts)]


_NOT_FULFILLED: Final = frozenset(
    {Move.NEVER_SHIPPED, Move.NOT_ALL_SHIPPED, Move.SHIPMENT_FALSE, Move.SEIZED}
)
_RULINGS: Final = frozenset({Move.SEIZED, Move.FORFEITED})
# What a person must look at once it has happened.
_ALARMS: Final = MappingProxyType(
    {
        Move.RISK_EXTENDED: (
            LATE,
            "nobody has decided a risk check in its first window",
        ),
        Move.REFUND_LATE: (
            "refund_not_final",
            "a refund is not with the buyer in the time that the policy gives it",
        ),
    }
)
_OF_PARCELS: Final[Mapping[Move, ParcelEvent]] = MappingProxyType(
    {
        Move.BUYER_ASKED: ParcelEvent.PROMISE_PASSED,
        Move.NEVER_RECEIVED: ParcelEvent.NOT_PROVED,
        Move.SHIPMENT_DOUBTED: ParcelEvent.UNSEEN,
        Move.SHIPMENT_FALSE: ParcelEvent.DISOWNED,
        Move.RETURN_OVERDUE: ParcelEvent.CAME_BACK,
        Move.SEIZED: ParcelEvent.COUNTERFEIT_SEIZED,
        Move.FORFEITED: ParcelEvent.DUTY_UNPAID,
    }
)


def _parcel_moved(request: Record, record: OrderRecord) -> OrderState:
    event = _OF_PARCELS[request.move]
    doubt = Doubt.NEVER_SCANNED if event is ParcelEvent.UNSEEN else Doubt.NONE
    # One that was asked for before there could be several parcels names none.
    name = request.parcel or request.state.parcels[0].name
    news = parcel_moves.News(name, event, doubt=doubt)
    return parcel_moves.moved(request.state, record.terms, news, request.at)


def _rest_not_shipped(request: Record, record: OrderRecord) -> OrderState:
    amount, _ = amounts_of(record.lines, request.state.unshipped)
    return parcel_moves.not_all_shipped(request.state, record.terms, amount, request.at)


_MOVES: Final[Mapping[Move, Callable[[Record, OrderRecord], OrderState]]] = MappingProxyType(
    {
        Move.RISK_ACCEPTED: lambda r, order: moves.risk_accepted(r.state, order.terms, r.at),
        Move.RISK_REFUSED: lambda r, _: moves.risk_refused(r.state),
        Move.RISK_EXTENDED: lambda r, order: moves.risk_extended(r.state, order.terms),
        Move.RECEIPT_DENIED: lambda r, _: moves.denied(r.state),
        Move.RECEIVED: lambda r, order: moves.received(
            r.state, order.terms, r.at, FulfilmentEvent.CONFIRMED
        ),
        Move.RECEIVED_BY_SILENCE: lambda r, order: moves.received(
            r.state, order.terms, r.at, FulfilmentEvent.CONFIRMED_BY_SILENCE
        ),
        Move.NEVER_SHIPPED: lambda r, _: moves.called_off(
            r.state, FulfilmentEvent.NOT_SHIPPED, Outcome.NEVER_SHIPPED
        ),
        Move.NOT_ALL_SHIPPED: _rest_not_shipped,
        Move.NOTHING_OWED: lambda r, _: money_moves.nothing_owed(r.state),
        Move.REFUND_LATE: lambda r, _: paying.refund_late(r.state),
        Move.ENDED: lambda r, _: moves.ended(r.state, r.at),
        Move.BUYER_ASKED: _parcel_moved,
        Move.NEVER_RECEIVED: _parcel_moved,
        Move.SHIPMENT_DOUBTED: _parcel_moved,
        Move.SHIPMENT_FALSE: _parcel_moved,
        Move.RETURN_OVERDUE: _parcel_moved,
        Move.SEIZED: _parcel_moved,
        Move.FORFEITED: _parcel_moved,
    }
)
