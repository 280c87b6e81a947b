"""How an order's state changes: pure steps from one state to the next, each one version on."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.order.clocks import last_clock, running, with_clocks
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
    Parked,
    Payment,
    PaymentEvent,
)
from domain.order.tables import FULFILMENT, PAYMENT
from domain.policy import Terms

_EVERY_CLOCK: Final = tuple(ClockName)
_UNTIL_RECEIVED: Final = (
    ClockName.FIRST_SCAN,
    ClockName.PROOF,
    ClockName.DELIVERY,
    ClockName.ANSWER,
    ClockName.RETURN,
    ClockName.CONFIRMATION,
    ClockName.PROTECTION_ANSWER,
    ClockName.CANCELLATION_ANSWER,
)


def opened(
    state: OrderState, terms: Terms, at: datetime, lines: tuple[str, ...] = ()
) -> OrderState:
    """The buyer has ordered *lines*; the payment window runs, unless a purchase's does."""
    clock = running(ClockName.PAYMENT, at, terms.pay_within)
    return replace(
        state,
        policy=terms.policy,
        unshipped=lines,
        settles_in=terms.settles_in,
        clocks=() if state.paid_by else (clock,),
        version=state.version + 1,
    )


def not_accepted(state: OrderState, at: datetime) -> OrderState:
    """The marketplace cannot take this order; nothing was charged."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.WINDOW_CLOSED),
        outcome=Outcome.NOT_ACCEPTED,
        clocks=(),
        ended_at=at,
        version=state.version + 1,
    )


def payment_asked(state: OrderState, intent: str) -> OrderState:
    """The provider knows about the payment."""
    return replace(state, intent=intent, attempts=state.attempts + 1, version=state.version + 1)


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
    is_decided = state.payment is Payment.AMOUNT_DIFFERS
    event = PaymentEvent.AMOUNT_ACCEPTED if is_decided else PaymentEvent.MONEY_ARRIVED
    return replace(
        state,
        payment=PAYMENT.next(state.payment, event),
        captured=amount,
        received=0,
        paid_at=at,
        clocks=with_clocks(
            state,
            stop=(ClockName.PAYMENT, ClockName.AMOUNT),
            start=(running(ClockName.RISK, at, terms.assess_risk_within),),
        ),
        version=state.version + 1,
    )


def risk_accepted(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The seller is told to ship, also where the buyer's bank has only agreed to pay.

    Not while fraud is suspected: then the shipping time begins when that is cleared.
    """
    is_stopped = state.fraud is Fraud.SUSPECTED
    shipping = () if is_stopped else (running(ClockName.SHIPMENT, at, terms.ship_within),)
    is_untaken = bool(state.authorised)
    event = PaymentEvent.RISK_ACCEPTED_UNTAKEN if is_untaken else PaymentEvent.RISK_ACCEPTED
    return replace(
        state,
        payment=PAYMENT.next(state.payment, event),
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.SELLER_TOLD),
        clocks=with_clocks(state, stop=(ClockName.RISK,), start=shipping),
        version=state.version + 1,
    )


def risk_extended(state: OrderState, terms: Terms) -> OrderState:
    """Nobody has decided in the first window: it is lengthened explicitly, never fallen through."""
    opened = [clock.opened_at for clock in state.clocks if clock.name is ClockName.RISK]
    clock = running(ClockName.RISK, min(opened, default=state.placed_at), terms.assess_risk_at_most)
    return replace(
        state,
        clocks=with_clocks(state, start=(replace(clock, reminded=1),)),
        version=state.version + 1,
    )


def risk_refused(state: OrderState) -> OrderState:
    """Nothing is shipped; the buyer's money goes back."""
    return replace(
        called_off(state, FulfilmentEvent.CALLED_OFF, Outcome.REFUSED_BY_RISK),
        payment=PAYMENT.next(state.payment, _refusal(state)),
    )


def _refusal(state: OrderState) -> PaymentEvent:
    is_untaken = bool(state.authorised)
    return PaymentEvent.RISK_REFUSED_UNTAKEN if is_untaken else PaymentEvent.RISK_REFUSED


def checked_again(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The address changed after the risk check: it begins anew, and the shipping time with it."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.RISK_REOPENED),
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.ADDRESS_CHANGED),
        agreements=(),
        clocks=with_clocks(
            state,
            stop=(
                ClockName.SHIPMENT,
                ClockName.EXTENSION_ANSWER,
                ClockName.CANCELLATION_ANSWER,
            ),
            start=(running(ClockName.RISK, at, terms.assess_risk_within),),
        ),
        version=state.version + 1,
    )


def seller_gone(state: OrderState) -> OrderState:
    """The seller may not go on, and nothing has left: the buyer's money goes back."""
    return risk_check_void(called_off(state, FulfilmentEvent.CALLED_OFF, Outcome.SELLER_SUSPENDED))


def risk_check_void(state: OrderState) -> OrderState:
    """An order that was called off needs no verdict any more. Part of a step, no own version."""
    if state.payment is not Payment.IN_RISK_CHECK:
        return state
    return replace(state, payment=PAYMENT.next(state.payment, _refusal(state)))


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
    """Nobody waits for these goods any more: their clocks stop, every question is void.

    A refund that is on its way is watched on.
    """
    stopped = tuple(name for name in ClockName if name is not ClockName.REFUND)
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, event),
        outcome=outcome,
        unshipped=(),
        owed=(),
        agreements=(),
        clocks=with_clocks(state, stop=stopped),
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
        agreements=(),
        confirmed_at=at,
        clocks=with_clocks(
            state,
            stop=_UNTIL_RECEIVED,
            start=(last_clock(state, terms, at),),
        ),
        version=state.version + 1,
    )


def reminded(state: OrderState, name: ClockName, parcel: str = "") -> OrderState:
    """One more reminder of a clock has gone out."""
    clocks = tuple(
        replace(clock, reminded=clock.reminded + 1)
        if (clock.name, clock.parcel) == (name, parcel)
        else clock
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
