"""How an order moves when its payment is thought to be fraudulent after the risk check."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.order.agreements import Topic
from domain.order.clocks import reserve_clock, running, with_clocks
from domain.order.moves import called_off, risk_check_void
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
)
from domain.order.tables import FULFILMENT
from domain.policy import Terms

_UNSHIPPED: Final = (Fulfilment.AWAITING_SHIPMENT, Fulfilment.PARTLY_SHIPPED)
_STOPPED: Final = (
    ClockName.SHIPMENT,
    ClockName.EXTENSION_ANSWER,
    ClockName.CANCELLATION_ANSWER,
    ClockName.RESERVE,
)
_WITH_BUYER: Final = (Fulfilment.DELIVERED, Fulfilment.RECEIVED)


def is_on_the_way(state: OrderState) -> bool:
    """Whether a parcel could still be stopped."""
    return bool(state.parcels) and state.fulfilment not in _WITH_BUYER


def hold_name(state: OrderState) -> str:
    """The name of the hold that freezes the money: one for each time that fraud is suspected."""
    return f"fraud-{state.frauds}"


def suspected(state: OrderState) -> OrderState:
    """Nothing is shipped or let go from now on; what was shipped is asked to come back.

    A question about the shipping time, or a cancellation, waits for no answer any more.
    """
    return replace(
        state,
        fraud=Fraud.SUSPECTED,
        frauds=state.frauds + 1,
        agreements=tuple(one for one in state.agreements if one.topic is Topic.PROTECTION),
        clocks=with_clocks(state, stop=_STOPPED),
        version=state.version + 1,
    )


def cleared(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The payment was genuine: a seller who was stopped has the whole shipping time again.

    A reserve waits for its end as before; one whose end has passed meanwhile is due at once.
    """
    waits = state.fulfilment in _UNSHIPPED
    shipping = (running(ClockName.SHIPMENT, at, terms.ship_within),) if waits else ()
    return replace(
        state,
        fraud=Fraud.CLEARED,
        clocks=with_clocks(state, start=(*shipping, *_reserve_again(state, terms, at))),
        version=state.version + 1,
    )


def _reserve_again(state: OrderState, terms: Terms, at: datetime) -> tuple[Clock, ...]:
    if not state.reserved:
        return ()
    if state.outcome is not Outcome.OPEN:
        return (Clock(ClockName.RESERVE, at, at),)
    if state.fulfilment is not Fulfilment.RECEIVED:
        return ()
    clock = reserve_clock(state, terms, state.confirmed_at or at)
    return (replace(clock, due_at=max(at, clock.due_at)),)


def confirmed(state: OrderState) -> OrderState:
    """It was fraud: the order is called off, and everything goes back to the card's holder."""
    if FULFILMENT.allows(state.fulfilment, FulfilmentEvent.CALLED_OFF):
        off = called_off(state, FulfilmentEvent.CALLED_OFF, Outcome.FRAUD)
        return replace(risk_check_void(off), fraud=Fraud.CONFIRMED)
    return replace(
        state,
        fraud=Fraud.CONFIRMED,
        outcome=Outcome.FRAUD,
        clocks=(),
        version=state.version + 1,
    )
