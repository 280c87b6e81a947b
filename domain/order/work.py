"""What an order needs of a person, read off its state."""

from collections.abc import Iterator
from datetime import datetime

from domain.casework import Work, WorkKind
from domain.order.agreements import Topic
from domain.order.facts import clock_of
from domain.order.parcels import ParcelStage
from domain.order.state import Clock, ClockName, Fraud, OrderState, Payment


def work_of(state: OrderState) -> tuple[Work, ...]:
    """Everything that waits for a person now; nothing once the order has ended."""
    return () if state.ended_at is not None else tuple(_work(state))


def _work(state: OrderState) -> Iterator[Work]:
    if state.parked is not None:
        yield _item(state, WorkKind.PARKED, why=state.parked.reason, since=state.parked.since)
    if state.payment is Payment.AMOUNT_DIFFERS:
        yield _item(state, WorkKind.AMOUNT, clock_of(state, ClockName.AMOUNT), state.received)
    if state.payment is Payment.IN_RISK_CHECK:
        yield _item(state, WorkKind.RISK, clock_of(state, ClockName.RISK))
    if state.fraud is Fraud.SUSPECTED:
        yield _item(state, WorkKind.FRAUD)
    if any(parcel.stage is ParcelStage.AT_CUSTOMS for parcel in state.parcels):
        yield _item(state, WorkKind.CUSTOMS)
    if any(question.topic is Topic.PROTECTION for question in state.agreements):
        yield _item(state, WorkKind.PROTECTION, clock_of(state, ClockName.PROTECTION_ANSWER))


def _item(
    state: OrderState,
    kind: WorkKind,
    clock: Clock | None = None,
    amount: int | None = None,
    why: str = "",
    since: datetime | None = None,
) -> Work:
    return Work(
        kind,
        state.seller,
        state.currency,
        state.total if amount is None else amount,
        clock.opened_at if clock else since,
        clock.due_at if clock else None,
        why,
    )
