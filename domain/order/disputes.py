"""What an order makes of the disputes about its lines: its clocks, and what it still owes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain.order.disputed import Disputed, GivenBack
from domain.order.facts import is_stopped, is_stopping
from domain.order.money import OrderFunds
from domain.order.money_moves import given_up
from domain.order.state import Clock, OrderState, Owed, PaymentEvent
from domain.order.tables import PAYMENT


def parcels_of(state: OrderState, lines: Collection[str]) -> tuple[str, ...]:
    """The parcels that hold one of *lines*; one that names none holds all of them."""
    return tuple(
        parcel.name
        for parcel in state.parcels
        if not parcel.lines or set(parcel.lines) & set(lines)
    )


def heeded(
    state: OrderState,
    funds: OrderFunds,
    disputes: Sequence[Disputed],
    given: Mapping[str, int],
    at: datetime,
    *,
    is_charged_back: bool = False,
) -> OrderState:
    """The order as its locked row, its disputes and chargebacks have it now.

    A clock that nothing stops any more has as much time left as when it stopped. What a dispute
    gave for goods that do not come is not owed once more. Where all has gone back, or *is charged
    back* for good, the order is over.
    """
    open_now = replace(state, disputes=tuple(disputes))
    mirrored = replace(
        open_now,
        held=funds.held,
        refunded=funds.refunded,
        recovered=funds.recovered,
        contributed=funds.contributed,
        charged_back=funds.charged_back,
        reserved=funds.reserved,
        given_back=tuple(GivenBack(line, given[line]) for line in sorted(given) if given[line]),
        owed=_still_owed(state, given),
        clocks=tuple(_shifted(clock, state, open_now, at) for clock in state.clocks),
        version=state.version + 1,
    )
    after = _as_refunded(mirrored, state.refunded, at)
    is_gone = after.refunded + after.charged_back >= after.captured
    return given_up(after, at) if is_charged_back and is_gone else after


def _shifted(clock: Clock, before: OrderState, after: OrderState, at: datetime) -> Clock:
    """Give a clock the time back that it stood still, as far as that is over."""
    if not is_stopped(before, clock):
        return clock
    until = _stopped_since(after, clock) if is_stopped(after, clock) else at
    lost = max(until, clock.opened_at) - max(_stopped_since(before, clock), clock.opened_at)
    return replace(clock, opened_at=clock.opened_at + lost, due_at=clock.due_at + lost)


def _stopped_since(state: OrderState, clock: Clock) -> datetime:
    return min(one.since for one in state.disputes if is_stopping(one, clock))


def _still_owed(state: OrderState, given: Mapping[str, int]) -> tuple[Owed, ...]:
    """What is owed for goods that do not come, less what a dispute has given for them since."""
    before = {one.line: one.amount for one in state.given_back}
    news = {line: amount - before.get(line, 0) for line, amount in given.items()}
    left = [replace(one, amount=one.amount - _for(state, one.name, news)) for one in state.owed]
    return tuple(one for one in left if one.amount > 0)


def _for(state: OrderState, parcel: str, given: Mapping[str, int]) -> int:
    return sum(given[line] for line in given if parcel in parcels_of(state, (line,)))


def _as_refunded(state: OrderState, before: int, at: datetime) -> OrderState:
    is_all = state.refunded >= state.captured
    event = PaymentEvent.FULLY_REFUNDED if is_all else PaymentEvent.PART_REFUNDED
    if state.refunded <= before or not PAYMENT.allows(state.payment, event):
        return state
    after = replace(state, payment=PAYMENT.next(state.payment, event))
    return given_up(after, at) if is_all else after
