"""How an order's state changes: pure steps from one state to the next, each one version on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.order.state import (
    FULFILMENT,
    PAYMENT,
    RELEASE,
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
    Release,
    ReleaseEvent,
)
from domain.policy import Terms, Tier

_EVERY_CLOCK: Final = tuple(ClockName)


def _clocks(
    state: OrderState, *, stop: tuple[ClockName, ...] = (), start: tuple[Clock, ...] = ()
) -> tuple[Clock, ...]:
    named = {clock.name for clock in start}.union(stop)
    return tuple(clock for clock in state.clocks if clock.name not in named) + start


def _running(name: ClockName, opened: datetime, seconds: int) -> Clock:
    return Clock(name, opened, opened + timedelta(seconds=seconds))


def opened(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The buyer has ordered; the payment window runs."""
    clock = _running(ClockName.PAYMENT, at, terms.pay_within)
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
        clocks=_clocks(state, start=(Clock(ClockName.PAYMENT, clock.due_at, until),)),
        version=state.version + 1,
    )


def paid(state: OrderState, terms: Terms, amount: int, at: datetime) -> OrderState:
    """The whole amount is in escrow; the risk check begins."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.MONEY_ARRIVED),
        captured=amount,
        paid_at=at,
        clocks=_clocks(
            state,
            stop=(ClockName.PAYMENT,),
            start=(_running(ClockName.RISK, at, terms.assess_risk_within),),
        ),
        version=state.version + 1,
    )


def risk_accepted(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The seller is told to ship."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.RISK_ACCEPTED),
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.SELLER_TOLD),
        clocks=_clocks(
            state,
            stop=(ClockName.RISK,),
            start=(_running(ClockName.SHIPMENT, at, terms.ship_within),),
        ),
        version=state.version + 1,
    )


def risk_extended(state: OrderState, terms: Terms) -> OrderState:
    """Nobody has decided in the first window: it is lengthened explicitly, never fallen through."""
    paid_at = state.paid_at or state.placed_at
    clock = _running(ClockName.RISK, paid_at, terms.assess_risk_at_most)
    return replace(
        state, clocks=_clocks(state, start=(replace(clock, reminded=1),)), version=state.version + 1
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
        clocks=_clocks(state, stop=_EVERY_CLOCK),
        version=state.version + 1,
    )


def shipped(state: OrderState, terms: Terms, parcel: Parcel, at: datetime) -> OrderState:
    """The seller has declared carrier and number; the promise runs."""
    started = [_running(ClockName.DELIVERY, at, terms.deliver_within)]
    if terms.tier is Tier.EARLY:
        started.append(_running(ClockName.EARLY_RELEASE, at, terms.early_after_shipment))
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.DECLARED),
        parcel=parcel,
        shipped_at=at,
        clocks=_clocks(state, stop=(ClockName.SHIPMENT,), start=tuple(started)),
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
        clocks=_clocks(
            state,
            stop=(ClockName.DELIVERY, ClockName.ANSWER),
            start=(_running(ClockName.CONFIRMATION, at, terms.confirm_within),),
        ),
        version=state.version + 1,
    )


def buyer_asked(state: OrderState, terms: Terms, at: datetime) -> OrderState:
    """The promise has passed unseen: the buyer is asked whether the goods came."""
    return replace(
        state,
        fulfilment=FULFILMENT.next(state.fulfilment, FulfilmentEvent.PROMISE_PASSED),
        clocks=_clocks(
            state,
            stop=(ClockName.DELIVERY,),
            start=(_running(ClockName.ANSWER, at, terms.answer_within),),
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
        clocks=_clocks(
            state,
            stop=(ClockName.DELIVERY, ClockName.ANSWER, ClockName.CONFIRMATION),
            start=(_last_clock(state, terms, at),),
        ),
        version=state.version + 1,
    )


def _last_clock(state: OrderState, terms: Terms, at: datetime) -> Clock:
    """What the money still waits for once the goods are received."""
    if state.release is Release.FULL and state.reserved:
        return _reserve_clock(state, terms, at)
    return _running(ClockName.RELEASE, at, terms.protect_for)


def _reserve_clock(state: OrderState, terms: Terms, confirmed_at: datetime) -> Clock:
    shipped_at = state.shipped_at or confirmed_at
    protected = confirmed_at + timedelta(seconds=terms.protect_for)
    kept_until = shipped_at + timedelta(seconds=terms.reserve_after_shipment)
    return Clock(ClockName.RESERVE, confirmed_at, max(protected, kept_until))


def reserve_kept(state: OrderState, terms: Terms) -> OrderState:
    """The goods are received and part of the money went out early: its reserve waits on."""
    confirmed_at = state.confirmed_at or state.placed_at
    clock = _reserve_clock(state, terms, confirmed_at)
    return replace(state, clocks=_clocks(state, start=(clock,)))


def release_put_off(state: OrderState, until: datetime) -> OrderState:
    """The seller has closed the store: the money waits out the longer window."""
    opened_at = state.confirmed_at or state.placed_at
    clock = Clock(ClockName.RELEASE, opened_at, until)
    return replace(state, clocks=_clocks(state, start=(clock,)), version=state.version + 1)


def released(state: OrderState, gross: int, reserved: int) -> OrderState:
    """*gross* has left escrow, *reserved* of it into the seller's reserve."""
    total = state.released + gross
    is_all = total >= state.captured - state.refunded + state.recovered - state.held
    event = ReleaseEvent.ALL_RELEASED if is_all and not state.held else ReleaseEvent.PART_RELEASED
    return replace(
        state,
        release=RELEASE.next(state.release, event) if gross else state.release,
        released=total,
        reserved=state.reserved + reserved,
        clocks=_clocks(state, stop=(ClockName.RELEASE, ClockName.EARLY_RELEASE)),
        version=state.version + 1,
    )


def reserve_released(state: OrderState) -> OrderState:
    """The reserve is the seller's."""
    clocks = _clocks(state, stop=(ClockName.RESERVE,))
    return replace(state, reserved=0, clocks=clocks, version=state.version + 1)


def refund_sent(
    state: OrderState,
    key: str,
    amount: int,
    *,
    is_final: bool,
    at: datetime,
    recovered: int = 0,
) -> OrderState:
    """*amount* is on its way back to the buyer, or there; *recovered* of it was not in escrow."""
    refunded = state.refunded + amount
    event = (
        PaymentEvent.FULLY_REFUNDED if refunded >= state.captured else PaymentEvent.PART_REFUNDED
    )
    sent = replace(
        state,
        payment=PAYMENT.next(state.payment, event),
        refunded=refunded,
        recovered=state.recovered + recovered,
        refunds=state.refunds + 1,
        open_refunds=state.open_refunds if is_final else (*state.open_refunds, key),
        version=state.version + 1,
    )
    return _given_up(sent, at) if event is PaymentEvent.FULLY_REFUNDED else sent


def _given_up(state: OrderState, at: datetime) -> OrderState:
    """Once everything went back, nobody waits for the goods any more.

    What a reserve still keeps protects nobody either: it is due at once.
    """
    outcome = Outcome.REFUNDED if state.outcome is Outcome.OPEN else state.outcome
    due = (Clock(ClockName.RESERVE, at, at),) if state.reserved else ()
    if FULFILMENT.allows(state.fulfilment, FulfilmentEvent.CALLED_OFF):
        off = called_off(state, FulfilmentEvent.CALLED_OFF, outcome)
        return replace(off, version=state.version, clocks=due)
    return replace(state, outcome=outcome, clocks=due)


def refund_refused(state: OrderState, why: Parked) -> OrderState:
    """The provider's final no: the attempt is spent, and an operator decides about the next."""
    return replace(state, refunds=state.refunds + 1, parked=why, version=state.version + 1)


def refund_arrived(state: OrderState, key: str) -> OrderState:
    """A refund that was pending is final."""
    still_open = tuple(other for other in state.open_refunds if other != key)
    return replace(state, open_refunds=still_open, version=state.version + 1)


def refund_failed(state: OrderState, key: str, amount: int, *, recovered: int = 0) -> OrderState:
    """A refund came back: the money stands where it stood, and the next attempt has a new key."""
    payment = PAYMENT.next(state.payment, PaymentEvent.REFUND_FAILED)
    refunded = state.refunded - amount
    if refunded:
        payment = PAYMENT.next(payment, PaymentEvent.PART_REFUNDED)
    return replace(
        refund_arrived(state, key),
        payment=payment,
        refunded=refunded,
        recovered=state.recovered - recovered,
    )


def held(state: OrderState, amount: int) -> OrderState:
    """*amount* more may not be released (less, where negative)."""
    return replace(state, held=state.held + amount, version=state.version + 1)


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
        clocks=_clocks(state, stop=_EVERY_CLOCK),
        version=state.version + 1,
    )


def goods_are_expected(state: OrderState) -> bool:
    """Whether a parcel is, or may still come, under way."""
    return state.fulfilment not in (Fulfilment.RECEIVED, Fulfilment.CANCELLED)
