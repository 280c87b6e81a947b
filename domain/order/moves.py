"""How an order's state changes: pure steps from one state to the next, each one version on."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.order.clocks import last_clock, running, with_clocks
from domain.order.state import (
    FULFILMENT,
    PAYMENT,
    Clock,
    ClockName,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
    Parcel,
    Parked,
    Payment,
    PaymentEvent,
)
from domain.policy import Terms, Tier

_EVERY_CLOCK: Final = tuple(ClockName)


def opened(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The buyer has ordered; the payment window runs."""
    clock = running(ClockName.PAYMENT, at, terms.pay_within)
    return replace(state, policy=terms.policy, clocks=(clock,), version=state.version + 1)


def not_accepted(state: OrderState) -> OrderState:
    """The marketplace cannot take this order; nothing was charged."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.WINDOW_CLOSED),
        outcome=Outcome.NOT_ACCEPTED,
        ended_at=state.placed_at,
        version=state.version + 1,
    )


def payment_asked(state: OrderState, intent: str) -> OrderState:
    """The provider knows about the payment."""
    return replace(state, intent=intent, version=state.version + 1)


def payment_pending(state: OrderState, until: datetime) -> OrderState:
    """The money is on its way at the deadline: the window stays open, once, until *until*."""
    (clock,) = (clock for clock in state.clocks if clock.name is ClockName.PAYMENT)
    return replace(
        state,
        clocks=with_clocks(state, start=(Clock(ClockName.PAYMENT, clock.due_at, until),)),
        version=state.version + 1,
    )


def paid(state: OrderState, terms: Terms, amount: int, at: datetime) -> OrderState:
    """The whole amount is in escrow; the risk check begins."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.MONEY_ARRIVED),
        captured=amount,
        paid_at=at,
        clocks=with_clocks(
            state,
            stop=(ClockName.PAYMENT,),
            start=(running(ClockName.RISK, at, terms.assess_risk_within),),
        ),
        version=state.version + 1,
    )


def risk_accepted(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The seller is told to ship."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.RISK_ACCEPTED),
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.SELLER_TOLD),
        clocks=with_clocks(
            state,
            stop=(ClockName.RISK,),
            start=(running(ClockName.SHIPMENT, at, terms.ship_within),),
        ),
        version=state.version + 1,
    )


def risk_extended(state: OrderState, terms: Terms) -> OrderState:
    """Nobody has decided in the first window: it is lengthened explicitly, never fallen through."""
    paid_at = state.paid_at or state.placed_at
    clock = running(ClockName.RISK, paid_at, terms.assess_risk_at_most)
    return replace(
        state,
        clocks=with_clocks(state, start=(replace(clock, reminded=1),)),
        version=state.version + 1,
    )


def risk_refused(state: OrderState) -> OrderState:
    """Nothing is shipped; the buyer's money goes back."""
    return replace(
        called_off(state, FulfilmentEvent.CALLED_OFF, Outcome.REFUSED_BY_RISK),
        payment=PAYMENT.next(state.payment, PaymentEvent.RISK_REFUSED),
    )


def never_paid(state: OrderState, outcome: Outcome, at: datetime) -> OrderState:
    """The order closes without money."""
    event = (
        PaymentEvent.CANCELLED
        if outcome is Outcome.CANCELLED_BY_BUYER
        else PaymentEvent.WINDOW_CLOSED
    )
    closed = called_off(state, FulfilmentEvent.CALLED_OFF, outcome)
    return replace(closed, payment=PAYMENT.next(state.payment, event), ended_at=at)


def called_off(state: OrderState, event: FulfilmentEvent, outcome: Outcome) -> OrderState:
    """Nobody waits for these goods any more: every clock stops."""
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, event),
        outcome=outcome,
        clocks=with_clocks(state, stop=_EVERY_CLOCK),
        version=state.version + 1,
    )


def shipped(state: OrderState, terms: Terms, parcel: Parcel, at: datetime) -> OrderState:
    """The seller has declared carrier and number; the promise runs."""
    started = [running(ClockName.DELIVERY, at, terms.deliver_within)]
    if terms.tier is Tier.EARLY:
        started.append(running(ClockName.EARLY_RELEASE, at, terms.early_after_shipment))
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.DECLARED),
        parcel=parcel,
        shipped_at=at,
        clocks=with_clocks(state, stop=(ClockName.SHIPMENT,), start=tuple(started)),
        version=state.version + 1,
    )


def scanned(state: OrderState, milestone: str) -> OrderState:
    """The carrier has seen the parcel; where it stands is news, its clocks are the same."""
    parcel = state.parcel
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.SCANNED),
        parcel=parcel and replace(parcel, milestone=milestone),
        version=state.version + 1,
    )


def delivered(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The carrier has handed the goods over where they belong; the buyer may confirm."""
    parcel = state.parcel
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.DELIVERED),
        parcel=parcel and replace(parcel, milestone="delivered"),
        delivered_at=at,
        clocks=with_clocks(
            state,
            stop=(ClockName.DELIVERY, ClockName.ANSWER),
            start=(running(ClockName.CONFIRMATION, at, terms.confirm_within),),
        ),
        version=state.version + 1,
    )


def buyer_asked(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The promise has passed unseen: the buyer is asked whether the goods came."""
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.PROMISE_PASSED),
        clocks=with_clocks(
            state,
            stop=(ClockName.DELIVERY,),
            start=(running(ClockName.ANSWER, at, terms.answer_within),),
        ),
        version=state.version + 1,
    )


def denied(state: OrderState) -> OrderState:
    """The buyer says that nothing came; the seller has the rest of the window to prove it did."""
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.DENIED),
        denied=True,
        version=state.version + 1,
    )


def received(state: OrderState, terms: Terms, at: datetime, event: FulfilmentEvent) -> OrderState:
    """The buyer has the goods, by word or by silence; protection runs until the release."""
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, event),
        confirmed_at=at,
        clocks=with_clocks(
            state,
            stop=(ClockName.DELIVERY, ClockName.ANSWER, ClockName.CONFIRMATION),
            start=(last_clock(state, terms, at),),
        ),
        version=state.version + 1,
    )


def reminded(state: OrderState, name: ClockName) -> OrderState:
    """One more reminder of a clock has gone out."""
    clocks = tuple(
        replace(clock, reminded=clock.reminded + 1) if clock.name is name else clock
        for clock in state.clocks
    )
    return replace(state, clocks=clocks, version=state.version + 1)


def parked(state: OrderState, why: Parked | None) -> OrderState:
    """The process waits for an operator (None: it goes on)."""
    return replace(state, parked=why, version=state.version + 1)


def ended(state: OrderState, at: datetime) -> OrderState:
    """Nothing is open any more."""
    outcome = state.outcome
    if outcome is Outcome.OPEN:
        outcome = Outcome.REFUNDED if state.payment is Payment.REFUNDED else Outcome.COMPLETED
    return replace(
        state,
        outcome=outcome,
        ended_at=at,
        clocks=with_clocks(state, stop=_EVERY_CLOCK),
        version=state.version + 1,
    )


def goods_are_expected(state: OrderState) -> bool:
    """Whether a parcel is, or may still come, under way."""
    return state.fulfilment not in (Fulfilment.RECEIVED, Fulfilment.CANCELLED)
