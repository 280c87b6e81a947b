"""How an order changes when one of its parcels does: the parcel, its clocks, then the order."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from domain.order.agreements import Agreement, Topic
from domain.order.clocks import running, with_clocks
from domain.order.facts import clock_of, parcel_named, refundable
from domain.order.moves import called_off, received
from domain.order.parcels import GONE, PARCEL, Doubt, Parcel, ParcelEvent, ParcelStage
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
    Owed,
)
from domain.order.tables import FULFILMENT
from domain.policy import Terms, Tier

_OF_PARCEL: Final = (
    ClockName.FIRST_SCAN,
    ClockName.PROOF,
    ClockName.DELIVERY,
    ClockName.ANSWER,
    ClockName.RETURN,
    ClockName.PICKUP,
    ClockName.CHECK_IN,
)
# Which of a parcel's clocks a stage stops; every other stage stops all of them.
_STOPS: Final = MappingProxyType(
    {
        ParcelStage.DOUBTED: (ClockName.FIRST_SCAN,),
        ParcelStage.IN_TRANSIT: (ClockName.FIRST_SCAN, ClockName.PROOF, ClockName.PICKUP),
        ParcelStage.AT_CUSTOMS: (ClockName.FIRST_SCAN, ClockName.PROOF, ClockName.PICKUP),
        ParcelStage.ELSEWHERE: (ClockName.FIRST_SCAN, ClockName.PROOF, ClockName.PICKUP),
    }
)
_OUTCOMES: Final = MappingProxyType(
    {
        ParcelStage.NOT_RECEIVED: Outcome.NEVER_RECEIVED,
        ParcelStage.LOST: Outcome.LOST,
        ParcelStage.RETURNED: Outcome.RETURNED,
        ParcelStage.SEIZED: Outcome.SEIZED,
        ParcelStage.FALSE: Outcome.FALSE_SHIPMENT,
    }
)
_WITH_THE_BUYER: Final = frozenset({ParcelStage.DELIVERED, ParcelStage.FORFEITED})
_NOT_UNDER_WAY: Final = GONE | {ParcelStage.GIVEN_BACK}
UNSHIPPED: Final = "unshipped"


@dataclass(frozen=True)
class News:
    """What has happened to the parcel *name*; the rest is what is new about it."""

    name: str
    event: ParcelEvent
    milestone: str = ""
    is_refused: bool = False
    doubt: Doubt = Doubt.NONE


def shipped(
    state: OrderState, terms: Terms, parcel: Parcel, at: datetime, scan_by: datetime
) -> OrderState:
    """The seller has declared a parcel; its promise runs, and its first scan is due *scan_by*.

    A request to cancel is void: the goods are on their way.
    """
    left = tuple(line for line in state.unshipped if line not in parcel.lines)
    is_rest = not parcel.lines or not left
    started = [
        running(ClockName.DELIVERY, at, terms.deliver_within, parcel.name),
        Clock(ClockName.FIRST_SCAN, at, scan_by, parcel=parcel.name),
    ]
    # Early money is for goods that have left, all of them.
    if is_rest and terms.tier is Tier.EARLY:
        started.append(running(ClockName.EARLY_RELEASE, at, terms.early_after_shipment))
    stopped = (ClockName.CANCELLATION_ANSWER, ClockName.EXTENSION_ANSWER)
    event = FulfilmentEvent.DECLARED if is_rest else FulfilmentEvent.PART_DECLARED
    after = replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, event),
        parcels=(*state.parcels, replace(parcel, declared_at=at)),
        unshipped=() if is_rest else left,
        ship_by=_ship_by(state),
        agreements=_about_the_promise(state),
        shipped_at=state.shipped_at or at,
        clocks=with_clocks(
            state,
            stop=(*stopped, ClockName.SHIPMENT) if is_rest else stopped,
            start=tuple(started),
        ),
        version=state.version + 1,
    )
    return _as_a_whole(after, terms, at)


def label_given_back(state: OrderState, terms: Terms, name: str, at: datetime) -> OrderState:
    """The seller has given an unused label back: the lines of its parcel wait to be shipped again.

    They have the rest of the shipping time that the declaration had stopped, and no more; while
    fraud is suspected none of it runs.
    """
    parcel = parcel_named(state, name)
    back = replace(parcel, stage=PARCEL.next(parcel.stage, ParcelEvent.LABEL_GIVEN_BACK))
    parcels = _with(state, back)
    is_all = all(one.stage is ParcelStage.GIVEN_BACK for one in parcels)
    event = FulfilmentEvent.ALL_TAKEN_BACK if is_all else FulfilmentEvent.PART_TAKEN_BACK
    stopped = replace(state, clocks=with_clocks(state, stop=_OF_PARCEL, parcel=name))
    is_running = clock_of(state, ClockName.SHIPMENT) is not None
    waits = not is_running and state.fraud is not Fraud.SUSPECTED
    until = max(at, state.ship_by or at + timedelta(seconds=terms.ship_within))
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, event),
        parcels=parcels,
        unshipped=(*state.unshipped, *parcel.lines),
        shipped_at=None if is_all else state.shipped_at,
        clocks=with_clocks(
            stopped,
            stop=(ClockName.EARLY_RELEASE,),
            start=(Clock(ClockName.SHIPMENT, at, until),) if waits else (),
        ),
        version=state.version + 1,
    )


def label_used_after_all(
    state: OrderState, terms: Terms, name: str, at: datetime, scan_by: datetime
) -> OrderState:
    """A carrier has the parcel of a label that was given back: it is declared again by that."""
    parcel = parcel_named(state, name)
    others = tuple(one for one in state.parcels if one.name != name)
    again = replace(parcel, stage=PARCEL.next(parcel.stage, ParcelEvent.LABEL_USED))
    return shipped(replace(state, parcels=others), terms, again, at, scan_by)


def edited(state: OrderState, name: str, number: str, tracker: str) -> OrderState:
    """The seller has put a number right; nothing else changes."""
    parcel = parcel_named(state, name)
    right = replace(parcel, number=number, tracker=tracker, edits=parcel.edits + 1)
    return replace(state, parcels=_with(state, right), version=state.version + 1)


def moved(state: OrderState, terms: Terms, news: News, at: datetime) -> OrderState:
    """Something has happened to a parcel: its stage, its clocks and what it owes follow."""
    parcel = parcel_named(state, news.name)
    after = replace(
        parcel,
        stage=PARCEL.next(parcel.stage, news.event),
        milestone=news.milestone or parcel.milestone,
        refused=parcel.refused or news.is_refused,
        doubt=news.doubt or parcel.doubt,
    )
    changed = replace(
        state,
        parcels=_with(state, after),
        clocks=_clocks_after(state, terms, after, news, at),
        owed=state.owed + _owed_for(state, after),
        denied=state.denied and news.event is not ParcelEvent.PROMISE_PASSED,
        version=state.version + 1,
    )
    return _as_a_whole(changed, terms, at)


def arrived_after_refund(state: OrderState, name: str) -> OrderState:
    """A parcel that was given up has come after all; its money stays with the buyer."""
    parcel = parcel_named(state, name)
    # What the whole order gave back does not show in a parcel that was never given up.
    worth = parcel.owed if parcel.stage in GONE else parcel.amount
    parcel = replace(parcel, milestone="delivered", came_anyway=worth)
    return replace(state, parcels=_with(state, parcel), version=state.version + 1)


def went_away(state: OrderState, name: str, milestone: str) -> OrderState:
    """The carrier has taken that delivery back: nothing has come after all."""
    parcel = replace(parcel_named(state, name), milestone=milestone, came_anyway=0)
    return replace(state, parcels=_with(state, parcel), version=state.version + 1)


def not_all_shipped(state: OrderState, terms: Terms, amount: int, at: datetime) -> OrderState:
    """The rest was never shipped: its *amount* goes back, and what is under way goes on."""
    after = replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.NOT_SHIPPED),
        unshipped=(),
        ship_by=_ship_by(state),
        agreements=_about_the_promise(state),
        owed=_with_unshipped(state, amount),
        clocks=with_clocks(
            state,
            stop=(
                ClockName.SHIPMENT,
                ClockName.CANCELLATION_ANSWER,
                ClockName.EXTENSION_ANSWER,
            ),
        ),
        version=state.version + 1,
    )
    return _as_a_whole(after, terms, at)


def _about_the_promise(state: OrderState) -> tuple[Agreement, ...]:
    """Questions that the rest of the goods does not settle: their clock runs on with them."""
    return tuple(one for one in state.agreements if one.topic is Topic.PROTECTION)


def _ship_by(state: OrderState) -> datetime | None:
    clock = clock_of(state, ClockName.SHIPMENT)
    return state.ship_by if clock is None else clock.due_at


def _with_unshipped(state: OrderState, amount: int) -> tuple[Owed, ...]:
    """What is owed with *amount* for goods that were never shipped: one entry for all of them."""
    others = tuple(one for one in state.owed if one.name != UNSHIPPED)
    before = sum(one.amount for one in state.owed if one.name == UNSHIPPED)
    return (*others, Owed(UNSHIPPED, before + amount, "never_shipped"))


def _with(state: OrderState, parcel: Parcel) -> tuple[Parcel, ...]:
    return tuple(parcel if one.name == parcel.name else one for one in state.parcels)


def _owed_for(state: OrderState, parcel: Parcel) -> tuple[Owed, ...]:
    """What its end without goods gives back, beside what disputes gave for its lines."""
    if parcel.stage not in GONE or any(owed.name == parcel.name for owed in state.owed):
        return ()
    back = sum(
        one.amount for one in state.given_back if not parcel.lines or one.line in parcel.lines
    )
    left = parcel.owed - back
    return (Owed(parcel.name, left, str(parcel.stage)),) if left > 0 or not back else ()


def _clocks_after(
    state: OrderState, terms: Terms, parcel: Parcel, news: News, at: datetime
) -> tuple[Clock, ...]:
    name, started = parcel.name, list[Clock]()
    if news.event is ParcelEvent.PROMISE_PASSED:
        started.append(running(ClockName.ANSWER, at, terms.answer_within, name))
    elif news.event is ParcelEvent.UNSEEN:
        started.append(running(ClockName.PROOF, at, terms.prove_shipment_within, name))
    elif news.event is ParcelEvent.SENT_BACK:
        started.append(running(ClockName.RETURN, at, terms.return_within, name))
    elif news.event is ParcelEvent.WITHDRAWN:
        started.append(_promise_again(terms, parcel, at))
    if parcel.stage is ParcelStage.BUYER_ASKED and not started:
        stopped: tuple[ClockName, ...] = ()
    else:
        stopped = _STOPS.get(parcel.stage, _OF_PARCEL)
    return with_clocks(state, stop=stopped, start=tuple(started), parcel=name)


def _promise_again(terms: Terms, parcel: Parcel, at: datetime) -> Clock:
    """The carrier takes a delivery back: the promise runs on, with time for the parcel to come."""
    promised = (parcel.declared_at or at) + timedelta(seconds=terms.deliver_within)
    at_least = at + timedelta(seconds=terms.confirm_within)
    return Clock(ClockName.DELIVERY, at, max(promised, at_least), parcel=parcel.name)


def _as_a_whole(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """Where the order stands now that one of its parcels has moved."""
    if state.fulfilment in (Fulfilment.PARTLY_SHIPPED, Fulfilment.RECEIVED, Fulfilment.CANCELLED):
        return state
    live = [parcel for parcel in state.parcels if parcel.stage not in _NOT_UNDER_WAY]
    if not live:
        return _nothing_comes(state, terms, at)
    stages = {parcel.stage for parcel in live}
    if stages <= _WITH_THE_BUYER:
        if ParcelStage.DELIVERED not in stages:
            return _received(state, terms, at)
        return _all_delivered(state, terms, at)
    return replace(
        state,
        fulfilment=_how_far(stages),
        delivered_at=None,
        clocks=with_clocks(state, stop=(ClockName.CONFIRMATION,)),
    )


def _how_far(stages: set[ParcelStage]) -> Fulfilment:
    if ParcelStage.BUYER_ASKED in stages:
        return Fulfilment.BUYER_ASKED
    if stages <= {ParcelStage.DECLARED, ParcelStage.DOUBTED}:
        return Fulfilment.DECLARED
    return Fulfilment.IN_TRANSIT


def _all_delivered(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    if state.fulfilment is Fulfilment.DELIVERED:
        return state
    return replace(
        state,
        fulfilment=Fulfilment.DELIVERED,
        delivered_at=at,
        clocks=with_clocks(
            state, start=(running(ClockName.CONFIRMATION, at, terms.confirm_within),)
        ),
    )


def _nothing_comes(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """No parcel is left: the whole order is called off, unless something stays the seller's."""
    if sum(owed.amount for owed in state.owed) < refundable(state):
        return _received(state, terms, at)
    last = [parcel.stage for parcel in state.parcels if parcel.stage in GONE][-1]
    off = called_off(state, FulfilmentEvent.CALLED_OFF, _OUTCOMES[last])
    return replace(off, version=state.version)


def _received(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    done = received(state, terms, at, FulfilmentEvent.NOTHING_UNDER_WAY)
    return replace(done, version=state.version)
