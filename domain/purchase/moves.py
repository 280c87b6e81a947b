"""How a purchase's state changes: pure steps from one state to the next, each one version on."""

from dataclasses import replace
from datetime import datetime

from domain.order.clocks import running
from domain.order.state import Clock, ClockName, Parked
from domain.purchase.state import PURCHASE, PurchaseEvent, PurchaseState, Stage


def opened(state: PurchaseState, pay_within: int) -> PurchaseState:
    """Every order is on record; the one payment window runs (*pay_within* seconds)."""
    clock = running(ClockName.PAYMENT, state.placed_at, pay_within)
    return replace(state, clock=clock, version=state.version + 1)


def asked(state: PurchaseState, intent: str) -> PurchaseState:
    """The provider knows about the payment."""
    return replace(state, intent=intent, version=state.version + 1)


def pending(state: PurchaseState, until: datetime) -> PurchaseState:
    """The money is on its way at the deadline: the window stays open, once, until *until*."""
    began = state.clock.due_at if state.clock else state.placed_at
    clock = Clock(ClockName.PAYMENT, began, until)
    return replace(state, clock=clock, version=state.version + 1)


def another_asked(state: PurchaseState, intent: str) -> PurchaseState:
    """A further payment is open; the earlier ones may still be paid, until one is."""
    return replace(
        state,
        intent=intent,
        others=(*state.others, state.intent),
        attempts=state.attempts + 1,
        version=state.version + 1,
    )


def chosen(state: PurchaseState, intent: str) -> PurchaseState:
    """Of all open payments, *intent* pays the orders. Part of a step, no version of its own."""
    others = tuple(one for one in (*state.others, state.intent) if one not in (intent, ""))
    return replace(state, intent=intent, others=others)


def others_closed(state: PurchaseState, still_open: tuple[str, ...]) -> PurchaseState:
    """The further payments were cancelled or went back; a debit on its way stays open."""
    return replace(state, others=still_open, version=state.version + 1)


def paid(state: PurchaseState, amount: int, at: datetime) -> PurchaseState:
    """The buyer has paid *amount*, and every order's share is in its escrow.

    Another amount than was asked pays only where somebody has accepted it.
    """
    is_decided = state.stage is Stage.AMOUNT_DIFFERS
    event = PurchaseEvent.AMOUNT_ACCEPTED if is_decided else PurchaseEvent.MONEY_ARRIVED
    return replace(_ended(state, event, at), captured=amount, excess=0, paid_at=at)


def closed(
    state: PurchaseState, event: PurchaseEvent, at: datetime, why: str = ""
) -> PurchaseState:
    """It ends without money: nobody pays any more, and its orders end with it."""
    return replace(_ended(state, event, at), reason=why)


def differs(state: PurchaseState, amount: int, decide_within: int, at: datetime) -> PurchaseState:
    """*amount* arrived where another was asked: it is kept apart until somebody decides."""
    return replace(
        state,
        stage=PURCHASE.next(state.stage, PurchaseEvent.OTHER_AMOUNT_ARRIVED),
        excess=amount,
        clock=running(ClockName.AMOUNT, at, decide_within),
        version=state.version + 1,
    )


def amount_sent_back(
    state: PurchaseState, intent: str, pay_within: int, at: datetime
) -> PurchaseState:
    """It goes back, and the buyer may pay the right amount, by *intent*, in a new window."""
    return replace(
        state,
        stage=PURCHASE.next(state.stage, PurchaseEvent.AMOUNT_SENT_BACK),
        excess=0,
        intent=intent,
        attempts=state.attempts + 1,
        asked_at=at,
        clock=running(ClockName.PAYMENT, at, pay_within),
        version=state.version + 1,
    )


def amount_refused(state: PurchaseState, event: PurchaseEvent, at: datetime) -> PurchaseState:
    """It goes back, and nobody waits for another payment."""
    return replace(closed(state, event, at), excess=0)


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
