"""How a purchase's state changes: pure steps from one state to the next, each one version on."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.order.state import Clock, ClockName, Parked
from domain.purchase.state import PURCHASE, PurchaseEvent, PurchaseState


def opened(state: PurchaseState, pay_within: int) -> PurchaseState:
    """Every order is on record; the one payment window runs (*pay_within* seconds)."""
    until = state.placed_at + timedelta(seconds=pay_within)
    clock = Clock(ClockName.PAYMENT, state.placed_at, until)
    return replace(state, clock=clock, version=state.version + 1)


def asked(state: PurchaseState, intent: str) -> PurchaseState:
    """The provider knows about the payment."""
    return replace(state, intent=intent, version=state.version + 1)


def pending(state: PurchaseState, until: datetime) -> PurchaseState:
    """The money is on its way at the deadline: the window stays open, once, until *until*."""
    began = state.clock.due_at if state.clock else state.placed_at
    clock = Clock(ClockName.PAYMENT, began, until)
    return replace(state, clock=clock, version=state.version + 1)


def paid(state: PurchaseState, amount: int, at: datetime) -> PurchaseState:
    """The whole amount is there, and every order's share of it in its escrow."""
    ended = _ended(state, PurchaseEvent.MONEY_ARRIVED, at)
    return replace(ended, captured=amount, paid_at=at)


def closed(
    state: PurchaseState, event: PurchaseEvent, at: datetime, why: str = ""
) -> PurchaseState:
    """It ends without money: nobody pays any more, and its orders end with it."""
    return replace(_ended(state, event, at), reason=why)


def differs(state: PurchaseState, amount: int) -> PurchaseState:
    """*amount* arrived where another was asked: it is kept apart."""
    return replace(state, excess=amount, version=state.version + 1)


def reminded(state: PurchaseState) -> PurchaseState:
    """One more reminder to pay has gone out."""
    clock = state.clock and replace(state.clock, reminded=state.clock.reminded + 1)
    return replace(state, clock=clock, version=state.version + 1)


def parked(state: PurchaseState, why: Parked | None) -> PurchaseState:
    """The process waits for an operator (None: it goes on)."""
    return replace(state, parked=why, version=state.version + 1)


def _ended(state: PurchaseState, event: PurchaseEvent, at: datetime) -> PurchaseState:
    return replace(
        state,
        stage=PURCHASE.next(state.stage, event),
        clock=None,
        ended_at=at,
        version=state.version + 1,
    )
