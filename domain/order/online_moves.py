"""How an order changes when a label is bought, fetched, used or given back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.errors import IllegalTransition, LabelUnavailable
from domain.order.agreements import Topic
from domain.order.clocks import with_clocks
from domain.order.facts import clock_of, parcel_named
from domain.order.online import FETCHABLE, OnlineLabel
from domain.order.parcels import GONE, ParcelStage
from domain.order.state import Clock, ClockName, OrderState, Outcome
from domain.shipment.labels import LabelStatus
from domain.shipment.pickup import Pickup, PickupStatus

_UNUSED: Final = "declared"
_WAITING: Final = frozenset({ParcelStage.DECLARED, ParcelStage.DOUBTED})
# A courier who comes later than that is nobody's plan but to gain time.
_PLANNED_AHEAD: Final = timedelta(days=30)


def label_of(state: OrderState, parcel: str) -> OnlineLabel | None:
    """The label that a parcel travels under, if it was bought online."""
    return next((label for label in state.labels if label.parcel == parcel), None)


def is_unused(state: OrderState, label: OnlineLabel) -> bool:
    """Whether a label was bought and no carrier has scanned its parcel, as far as is known."""
    parcel = parcel_named(state, label.parcel)
    return label.status is LabelStatus.BOUGHT and parcel.milestone == _UNUSED


def to_void(state: OrderState) -> tuple[OnlineLabel, ...]:
    """Unused labels of an order that was called off, or of a parcel that will never travel."""
    is_off = state.outcome is not Outcome.OPEN
    return tuple(
        label
        for label in state.labels
        if is_unused(state, label) and (is_off or parcel_named(state, label.parcel).stage in GONE)
    )


def may_void(state: OrderState) -> bool:
    """Whether there is a label that its seller may give back."""
    return any(is_unused(state, label) for label in state.labels)


def may_fetch(state: OrderState) -> bool:
    """Whether there is a parcel that a courier could be ordered for."""
    return any(_is_fetchable(state, label) for label in state.labels)


def _is_fetchable(state: OrderState, label: OnlineLabel) -> bool:
    is_here = parcel_named(state, label.parcel).stage in _WAITING
    return is_here and is_unused(state, label) and label.pickup in FETCHABLE


def label_to_void(state: OrderState, parcel: str) -> OnlineLabel:
    """The unused label that is meant: the parcel's, or the only one. Else `IllegalTransition`."""
    return _meant(state, [one for one in state.labels if is_unused(state, one)], parcel)


def label_to_fetch(state: OrderState, parcel: str) -> OnlineLabel:
    """The label whose parcel a courier is to fetch. Else `IllegalTransition`."""
    return _meant(state, [one for one in state.labels if _is_fetchable(state, one)], parcel)


def check_window(begins: datetime | None, ends: datetime | None, at: datetime) -> None:
    """Refuse a courier's window that nobody could keep when it is asked for *at*.

    One that is over would be an attempt in vain from the start. Raises `IllegalTransition`.
    """
    if begins is None or ends is None:
        return
    if not (begins < ends and at < ends <= at + _PLANNED_AHEAD):
        raise IllegalTransition(
            "a courier's window ends after it begins, in the future, and within "
            f"{_PLANNED_AHEAD.days} days",
            fetch_from=begins.isoformat(),
            fetch_until=ends.isoformat(),
        )


def _meant(state: OrderState, possible: Sequence[OnlineLabel], parcel: str) -> OnlineLabel:
    found = [label for label in possible if parcel in ("", label.parcel)]
    if len(found) != 1:
        raise IllegalTransition(
            f"say which parcel of order {state.order} is meant: its label must be unused",
            order=state.order,
            parcel=parcel,
        )
    return found[0]


def still_asked(before: OrderState, after: OrderState) -> OrderState:
    """A request to cancel outlives a label: the goods have not left before a carrier has them."""
    asked = tuple(one for one in before.agreements if one.topic is Topic.CANCELLATION)
    clock = clock_of(before, ClockName.CANCELLATION_ANSWER)
    if not asked or clock is None:
        return after
    return replace(after, agreements=(*after.agreements, *asked), clocks=(*after.clocks, clock))


def bought(state: OrderState, label: OnlineLabel) -> OrderState:
    """The label is paid; its parcel has been declared under the label's own number."""
    return replace(
        state,
        labels=(*state.labels, label),
        labels_asked=state.labels_asked + 1,
        version=state.version + 1,
    )


def not_bought(state: OrderState) -> OrderState:
    """The carrier finally sold none: the next purchase has a key of its own."""
    return replace(state, labels_asked=state.labels_asked + 1, version=state.version + 1)


def fetched(state: OrderState, label: OnlineLabel, pickup: Pickup, at: datetime) -> OrderState:
    """How the courier stands, with the clock that follows from it.

    Ordered: the courier is looked for when the window is over. In vain for the last time: the
    first scan is due no sooner than the seller's own time to bring the parcel ends. Collected: the
    carrier's warehouse must have it in time.
    """
    after = replace(label, pickup=pickup.status, couriers=max(label.couriers, pickup.number))
    stopped = with_clocks(state, stop=(ClockName.PICKUP, ClockName.CHECK_IN), parcel=label.parcel)
    clocks = _followed(stopped, label.parcel, pickup, at)
    return replace(_with(state, after), clocks=clocks, version=state.version + 1)


def no_courier(state: OrderState, label: OnlineLabel) -> OrderState:
    """No courier comes to this door: the next purchase has a key of its own."""
    after = replace(label, couriers=label.couriers + 1)
    return replace(_with(state, after), version=state.version + 1)


def settled(state: OrderState, label: OnlineLabel, status: LabelStatus) -> OrderState:
    """A label is used, or on its way back."""
    return replace(_with(state, replace(label, status=status)), version=state.version + 1)


def _with(state: OrderState, label: OnlineLabel) -> OrderState:
    labels = tuple(label if one.key == label.key else one for one in state.labels)
    return replace(state, labels=labels)


def _followed(
    clocks: tuple[Clock, ...], parcel: str, pickup: Pickup, at: datetime
) -> tuple[Clock, ...]:
    if pickup.due_at is None:
        return clocks
    match pickup.status:
        case PickupStatus.SCHEDULED:
            return (*clocks, Clock(ClockName.PICKUP, at, pickup.due_at, parcel=parcel))
        case PickupStatus.COLLECTED:
            return (*clocks, Clock(ClockName.CHECK_IN, at, pickup.due_at, parcel=parcel))
        case PickupStatus.DROP_OFF:
            return tuple(_no_sooner(clock, parcel, pickup.due_at) for clock in clocks)
        case _:
            return clocks


def _no_sooner(clock: Clock, parcel: str, due: datetime) -> Clock:
    is_meant = clock.name is ClockName.FIRST_SCAN and clock.parcel == parcel
    return replace(clock, due_at=max(clock.due_at, due)) if is_meant else clock


def handed_over(state: OrderState, parcel: str) -> OrderState:
    """The carrier has the parcel: now the goods have left, and a request to cancel is void."""
    if not state.agreements or label_of(state, parcel) is None:
        return state
    left = tuple(one for one in state.agreements if one.topic is not Topic.CANCELLATION)
    clocks = with_clocks(state, stop=(ClockName.CANCELLATION_ANSWER,))
    return replace(state, agreements=left, clocks=clocks)


def must_have_bought(before: OrderState, after: OrderState) -> None:
    """Refuse (`LabelUnavailable`) where a purchase has come to nothing."""
    is_label = len(after.labels) > len(before.labels)
    is_courier = sum(label.pickup is PickupStatus.SCHEDULED for label in after.labels) > sum(
        label.pickup is PickupStatus.SCHEDULED for label in before.labels
    )
    if not is_label and not is_courier:
        raise LabelUnavailable(
            "the carrier did not sell it: look at the rates again, or choose another window",
            order=after.order,
        )
