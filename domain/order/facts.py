"""What can be read off an order's state: its money, its clocks, its parcels."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from domain.errors import IllegalTransition, NotKnown
from domain.order.disputed import Disputed
from domain.order.parcels import Parcel, ParcelStage
from domain.order.state import Clock, ClockName, OrderState, Owed
from domain.shipment.labels import LabelStatus

EDITABLE: Final = (ParcelStage.DECLARED, ParcelStage.DOUBTED)


def clock_of(state: OrderState, name: ClockName, parcel: str | None = None) -> Clock | None:
    """The running clock of that name; of several parcels' the last to end, unless one is named."""
    running = (
        clock for clock in state.clocks if clock.name is name and parcel in (None, clock.parcel)
    )
    return max(running, key=lambda clock: clock.due_at, default=None)


def parcel_named(state: OrderState, name: str) -> Parcel:
    """One parcel of the order. Unknown: `NotKnown`."""
    for parcel in state.parcels:
        if parcel.name == name:
            return parcel
    raise NotKnown(f"order {state.order} has no parcel {name}", order=state.order, parcel=name)


def parcel_at(state: OrderState, stages: Collection[ParcelStage], name: str) -> Parcel:
    """The parcel that is meant: the one named, or the only one in one of *stages*.

    Refuses with `IllegalTransition` one that is in none of them, and to guess between several.
    """
    if name:
        found = [parcel_named(state, name)]
    else:
        found = [parcel for parcel in state.parcels if parcel.stage in stages]
    if len(found) != 1 or found[0].stage not in stages:
        raise IllegalTransition(
            f"say which parcel of order {state.order} is meant: it must be {' or '.join(stages)}",
            order=state.order,
            parcel=name,
        )
    return found[0]


def is_typed(state: OrderState, parcel: Parcel) -> bool:
    """Whether a parcel's number is the seller's to put right: a bought label's is its own."""
    return not any(
        label.parcel == parcel.name and label.status is LabelStatus.BOUGHT for label in state.labels
    )


def parcel_to_edit(state: OrderState, name: str) -> Parcel:
    """The parcel whose number is to be put right. Else `IllegalTransition`."""
    parcel = parcel_at(state, EDITABLE, name)
    if not is_typed(state, parcel):
        raise IllegalTransition(
            f"the number of parcel {parcel.name} is its label's: give the label back instead",
            order=state.order,
            parcel=parcel.name,
        )
    return parcel


def must_be_unshipped(state: OrderState, lines: Sequence[str]) -> None:
    """Refuse (`NotKnown`) lines of which a parcel has been declared, or that never were."""
    for line in lines:
        if line not in state.unshipped:
            raise NotKnown(
                f"line {line} of order {state.order} waits for no parcel; "
                f"these do: {', '.join(state.unshipped)}",
                order=state.order,
                line=line,
            )


# A dispute decides what these would decide by themselves: about a parcel, or the whole order.
_STOPPED_BY_PARCEL: Final = frozenset({ClockName.DELIVERY, ClockName.ANSWER})
_STOPPED: Final = frozenset({ClockName.CONFIRMATION, ClockName.RESERVE})


def is_stopping(disputed: Disputed, clock: Clock) -> bool:
    """Whether a dispute keeps a clock from running."""
    is_about = clock.name in _STOPPED_BY_PARCEL and clock.parcel in disputed.parcels
    return is_about or clock.name in _STOPPED


def is_stopped(state: OrderState, clock: Clock) -> bool:
    """Whether a clock stands still because somebody disputes what it would settle."""
    return any(is_stopping(disputed, clock) for disputed in state.disputes)


def ticking(state: OrderState) -> tuple[Clock, ...]:
    """The clocks that run."""
    return tuple(clock for clock in state.clocks if not is_stopped(state, clock))


def escrowed(state: OrderState) -> int:
    """What has to leave escrow for the seller in all, holds included."""
    gone = state.refunded + state.charged_back
    return state.captured - gone + state.recovered + state.contributed


def refundable(state: OrderState) -> int:
    """What may still be refunded: captured, less what went back or is held for a stated claim."""
    return state.captured - state.refunded - state.charged_back - state.held


def releasable(state: OrderState) -> int:
    """What escrow could release now, holds aside."""
    return max(0, escrowed(state) - state.held - state.released)


def is_owed_payable(state: OrderState) -> bool:
    """Whether what is owed can be settled now: a hold on all that is left has to end first."""
    return refundable(state) > 0 or state.held == 0


def owed_now(state: OrderState) -> Owed | None:
    """What is to be refunded next of an order that goes on; None where all has gone back."""
    first = state.owed[0]
    amount = min(first.amount, refundable(state))
    return replace(first, amount=amount) if amount > 0 else None
