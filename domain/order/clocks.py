"""An order's clocks: which run, which stop, what begins."""

from datetime import datetime, timedelta

from domain.order.state import Clock, ClockName, OrderState, Release
from domain.policy import Terms


def with_clocks(
    state: OrderState, *, stop: tuple[ClockName, ...] = (), start: tuple[Clock, ...] = ()
) -> tuple[Clock, ...]:
    """The clocks that run after some have stopped and others begun, each name at most once."""
    named = {clock.name for clock in start}.union(stop)
    return tuple(clock for clock in state.clocks if clock.name not in named) + start


def running(name: ClockName, opened: datetime, seconds: int) -> Clock:
    """A clock that began at *opened* (UTC) and runs so long."""
    return Clock(name, opened, opened + timedelta(seconds=seconds))


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
