"""How a buyer's payment moves where it is not one payment of the right amount, taken at once."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.order.clocks import running, with_clocks
from domain.order.moves import never_paid
from domain.order.rules import MOST_ATTEMPTS
from domain.order.state import (
    Clock,
    ClockName,
    Fulfilment,
    FulfilmentEvent,
    OrderState,
    Outcome,
    PaymentEvent,
)
from domain.order.tables import FULFILMENT, PAYMENT
from domain.policy import Terms


class AmountDecision(StrEnum):
    """What is done with money of another amount than was asked for."""

    ACCEPT = "accept"
    REFUND_AND_WAIT = "refund_and_wait"
    REFUND_AND_CLOSE = "refund_and_close"


class BorneBy(StrEnum):
    """Whose account makes a short payment whole."""

    PLATFORM_LOSS = "platform_loss"
    SUBSIDY = "subsidy"


def due_from_buyer(state: OrderState) -> int:
    """What the buyer is asked for: the price less the platform's subsidy of it."""
    return state.total - state.subsidy


def may_be_asked_again(state: OrderState) -> bool:
    """Whether the buyer may be asked for a further payment."""
    return state.attempts < MOST_ATTEMPTS


def given_back(state: OrderState) -> OrderState:
    """A payment that no order waits for went back. Part of a step, no version of its own."""
    return replace(state, returns=state.returns + 1)


def another_asked(state: OrderState, intent: str) -> OrderState:
    """A further payment is open; the earlier ones may still be paid, until one is."""
    return replace(
        state,
        intent=intent,
        others=(*state.others, state.intent),
        attempts=state.attempts + 1,
        version=state.version + 1,
    )


def chosen(state: OrderState, intent: str) -> OrderState:
    """Of all open payments, *intent* pays the order. Part of a step, no version of its own."""
    others = tuple(one for one in (*state.others, state.intent) if one not in (intent, ""))
    return replace(state, intent=intent, others=others)


def others_closed(
    state: OrderState, still_open: tuple[str, ...], given_back: int = 0
) -> OrderState:
    """The further payments were cancelled or went back; a debit on its way stays open."""
    return replace(
        state,
        others=still_open,
        returns=state.returns + given_back,
        version=state.version + 1,
    )


def authorised(
    state: OrderState, terms: Terms, amount: int, at: datetime, lasts: timedelta
) -> OrderState:
    """The buyer's bank agrees to *amount* for so long; the risk check begins, no money moved."""
    kept = max(timedelta(0), lasts - timedelta(seconds=terms.capture_margin))
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.BANK_AGREED),
        authorised=amount,
        clocks=with_clocks(
            state,
            stop=(ClockName.PAYMENT,),
            start=(
                running(ClockName.RISK, at, terms.assess_risk_within),
                Clock(ClockName.AUTHORISATION, at, at + kept),
            ),
        ),
        version=state.version + 1,
    )


def taken(state: OrderState, amount: int, at: datetime) -> OrderState:
    """What the bank had agreed to is in escrow."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.TAKEN),
        captured=amount,
        authorised=0,
        paid_at=at,
        clocks=with_clocks(state, stop=(ClockName.AUTHORISATION,)),
        version=state.version + 1,
    )


def lapsed(state: OrderState, terms: Terms, intent: str, at: datetime) -> OrderState:
    """The authorisation has run out: the buyer is asked again, by *intent*, in a new window."""
    fulfilment = state.fulfilment
    if fulfilment is Fulfilment.AWAITING_SHIPMENT:
        fulfilment = FULFILMENT.next(fulfilment, FulfilmentEvent.PAYMENT_LAPSED)
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.LAPSED),
        fulfilment=fulfilment,
        authorised=0,
        intent=intent,
        attempts=state.attempts + 1,
        asked_at=at,
        agreements=(),
        clocks=with_clocks(
            state,
            stop=(
                ClockName.AUTHORISATION,
                ClockName.RISK,
                ClockName.SHIPMENT,
                ClockName.EXTENSION_ANSWER,
                ClockName.CANCELLATION_ANSWER,
            ),
            start=(running(ClockName.PAYMENT, at, terms.pay_within),),
        ),
        version=state.version + 1,
    )


def lapsed_for_good(state: OrderState, at: datetime) -> OrderState:
    """The authorisation has run out, and the policy asks nobody again."""
    waiting = replace(state, payment=PAYMENT.next(state.payment, PaymentEvent.LAPSED), authorised=0)
    return never_paid(waiting, Outcome.NEVER_PAID, at)


def voided(state: OrderState) -> OrderState:
    """The order was called off before its money was taken: there is nothing to refund."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.VOIDED),
        authorised=0,
        version=state.version + 1,
    )


def other_amount(state: OrderState, terms: Terms, received: int, at: datetime) -> OrderState:
    """*received* came instead of what was asked: it is kept apart until somebody decides."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.OTHER_AMOUNT_ARRIVED),
        received=received,
        clocks=with_clocks(
            state,
            stop=(ClockName.PAYMENT,),
            start=(running(ClockName.AMOUNT, at, terms.decide_amount_within),),
        ),
        version=state.version + 1,
    )


def amount_sent_back(state: OrderState, terms: Terms, intent: str, at: datetime) -> OrderState:
    """It goes back, and the buyer may pay the right amount, by *intent*, in a new window."""
    return replace(
        state,
        payment=PAYMENT.next(state.payment, PaymentEvent.AMOUNT_SENT_BACK),
        received=0,
        intent=intent,
        attempts=state.attempts + 1,
        asked_at=at,
        clocks=with_clocks(
            state,
            stop=(ClockName.AMOUNT,),
            start=(running(ClockName.PAYMENT, at, terms.pay_within),),
        ),
        version=state.version + 1,
    )


def amount_refused(state: OrderState, outcome: Outcome, at: datetime) -> OrderState:
    """It goes back, and nobody waits for another payment."""
    return replace(never_paid(state, outcome, at), received=0)


def refund_watched(state: OrderState, until: datetime, at: datetime) -> OrderState:
    """A refund is on its way: by *until* it is there, or a person looks. No version of its own."""
    clock = Clock(ClockName.REFUND, at, until)
    running_now = [one for one in state.clocks if one.name is ClockName.REFUND]
    return replace(state, clocks=with_clocks(state, start=(*running_now[:1],) or (clock,)))


def refund_late(state: OrderState) -> OrderState:
    """A person was told of a refund that is not final; it is followed as before."""
    clocks = with_clocks(state, stop=(ClockName.REFUND,))
    return replace(state, clocks=clocks, version=state.version + 1)
