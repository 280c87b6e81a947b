"""How an order's money moves: release, reserve, refunds, holds; pure steps, one version on."""

from dataclasses import replace
from datetime import datetime

from domain.order.clocks import reserve_clock, with_clocks
from domain.order.facts import escrowed
from domain.order.moves import called_off
from domain.order.parcels import Parcel
from domain.order.state import (
    Clock,
    ClockName,
    FulfilmentEvent,
    OrderState,
    Outcome,
    Owed,
    Parked,
    PaymentEvent,
    ReleaseEvent,
)
from domain.order.tables import FULFILMENT, PAYMENT, RELEASE
from domain.policy import Terms


def reserve_kept(state: OrderState, terms: Terms) -> OrderState:
    """The goods are received and part of the money went out early: its reserve waits on."""
    confirmed_at = state.confirmed_at or state.placed_at
    clock = reserve_clock(state, terms, confirmed_at)
    return replace(state, clocks=with_clocks(state, start=(clock,)))


def release_put_off(state: OrderState, until: datetime) -> OrderState:
    """The seller has closed the store: nothing goes out early, the rest in the longer window."""
    opened_at = state.confirmed_at or state.placed_at
    clock = Clock(ClockName.RELEASE, opened_at, until)
    clocks = with_clocks(state, stop=(ClockName.EARLY_RELEASE,), start=(clock,))
    return replace(state, clocks=clocks, version=state.version + 1)


def released(state: OrderState, gross: int, reserved: int) -> OrderState:
    """*gross* has left escrow, *reserved* of it into the seller's reserve."""
    total = state.released + gross
    is_all = total >= escrowed(state) - state.held
    event = ReleaseEvent.ALL_RELEASED if is_all and not state.held else ReleaseEvent.PART_RELEASED
    is_early = any(clock.name is ClockName.EARLY_RELEASE for clock in state.clocks)
    # An early release that found all of it held leaves protection to run its time.
    over = () if is_early and not gross else (ClockName.RELEASE,)
    return replace(
        state,
        release=RELEASE.next(state.release, event) if gross else state.release,
        released=total,
        reserved=state.reserved + reserved,
        clocks=with_clocks(state, stop=(*over, ClockName.EARLY_RELEASE)),
        version=state.version + 1,
    )


def reserve_stopped(state: OrderState) -> OrderState:
    """A reserve was due while fraud is suspected: it waits until compliance has decided."""
    clocks = with_clocks(state, stop=(ClockName.RESERVE,))
    return replace(state, clocks=clocks, version=state.version + 1)


def reserve_put_off(state: OrderState, until: datetime) -> OrderState:
    """The seller has closed the store: the reserve waits in the longer window, too."""
    opened_at = state.confirmed_at or state.placed_at
    clocks = with_clocks(state, start=(Clock(ClockName.RESERVE, opened_at, until),))
    return replace(state, clocks=clocks, version=state.version + 1)


def reserve_released(state: OrderState) -> OrderState:
    """The reserve is the seller's."""
    clocks = with_clocks(state, stop=(ClockName.RESERVE,))
    return replace(state, reserved=0, clocks=clocks, version=state.version + 1)


def refund_sent(
    state: OrderState,
    key: str,
    amount: int,
    *,
    is_final: bool,
    at: datetime,
    recovered: int = 0,
    owed: str = "",
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
        owed=_still_owed(state, owed, amount),
        parcels=_refunded_by(state, key, owed),
        refunds=state.refunds + 1,
        open_refunds=state.open_refunds if is_final else (*state.open_refunds, key),
        version=state.version + 1,
    )
    return given_up(sent, at) if event is PaymentEvent.FULLY_REFUNDED else sent


def _refunded_by(state: OrderState, key: str, name: str) -> tuple[Parcel, ...]:
    """The parcels, of which one knows by which refund its money has gone back."""
    return tuple(
        replace(one, refunded_by=key) if one.name == name else one for one in state.parcels
    )


def _still_owed(state: OrderState, name: str, amount: int) -> tuple[Owed, ...]:
    """What a hold has kept back of an entry is owed still; without one, nothing more is there."""
    others = tuple(one for one in state.owed if one.name != name)
    rest = tuple(
        replace(one, amount=one.amount - amount)
        for one in state.owed
        if one.name == name and one.amount > amount and state.held
    )
    return (*rest, *others)


def given_up(state: OrderState, at: datetime) -> OrderState:
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
        parcels=tuple(
            replace(one, refunded_by="") if one.refunded_by == key else one for one in state.parcels
        ),
    )


def frozen(state: OrderState) -> OrderState:
    """The seller is suspended: nothing is released to them, and no clock of a release runs."""
    if state.frozen:
        return state
    return replace(state, frozen=True, version=state.version + 1)


def release_frozen(state: OrderState) -> OrderState:
    """A release was due while the seller is suspended: it waits until they are let back in."""
    clocks = with_clocks(
        state, stop=(ClockName.RELEASE, ClockName.EARLY_RELEASE, ClockName.RESERVE)
    )
    return replace(state, frozen=True, clocks=clocks, version=state.version + 1)


def thawed(state: OrderState, at: datetime) -> OrderState:
    """The seller is let back in; a reserve whose end has passed meanwhile is due at once."""
    if not state.frozen:
        return state
    has_clock = any(clock.name is ClockName.RESERVE for clock in state.clocks)
    is_over = state.confirmed_at is not None or state.outcome is not Outcome.OPEN
    is_due = state.reserved and not has_clock and is_over
    due = (Clock(ClockName.RESERVE, at, at),) if is_due else ()
    clocks = with_clocks(state, start=due)
    return replace(state, frozen=False, clocks=clocks, version=state.version + 1)


def nothing_owed(state: OrderState) -> OrderState:
    """Everything has gone back another way: what was owed besides is void."""
    return replace(state, owed=(), version=state.version + 1)


def held(state: OrderState, amount: int) -> OrderState:
    """*amount* more may not be released (less, where negative)."""
    return replace(state, held=state.held + amount, version=state.version + 1)


def mirrored_hold(state: OrderState, held_now: int) -> OrderState:
    """What the locked row says is held. Part of a step, no version of its own."""
    return replace(state, held=held_now)
