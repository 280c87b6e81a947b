"""An order's clocks: which run, which stop, what begins."""

from datetime import datetime, timedelta

from domain.order.state import Clock, ClockName, OrderState, Release
from domain.policy import Terms


def with_clocks(
    state: OrderState,
    *,
    stop: tuple[ClockName, ...] = (),
    start: tuple[Clock, ...] = (),
    parcel: str | None = None,
) -> tuple[Clock, ...]:
    """The clocks that run after some have stopped and others begun.

    With *parcel* only that parcel's clocks stop. Of each name, a parcel has one at most.
    """
    begun = {(clock.name, clock.parcel) for clock in start}
    kept = (
        clock
        for clock in state.clocks
        if (clock.name, clock.parcel) not in begun
        and not (clock.name in stop and parcel in (None, clock.parcel))
    )
    return (*kept, *start)


def running(name: ClockName, opened: datetime, seconds: int, parcel: str = "") -> Clock:
    """A clock that began at *opened* (UTC) and runs so long."""
    return Clock(name, opened, opened + timedelta(seconds=seconds), parcel=parcel)


def last_clock(state: OrderState, terms: Terms, at: datetime) -> Clock:
    """What the money still waits for once the goods are received."""
    if state.release is Release.FULL and state.reserved:
        return reserve_clock(state, terms, at)
    return running(ClockName.RELEASE, at, terms.protect_for)


def reserve_clock(state: OrderState, terms: Terms, confirmed_at: datetime) -> Clock:
    """When the reserve of an early release is the seller's."""
    shipped_at = state.shipped_at or confirmed_at
    protected = confirmed_at + timedelta(seconds=terms.protect_for)
    kept_until = shipped_at + timedelta(seconds=terms.reserve_after_shipment)
    return Clock(ClockName.RESERVE, confirmed_at, max(protected, kept_until))
