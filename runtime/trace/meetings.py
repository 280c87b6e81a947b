"""Where orders of a trace meet: in their seller's standing, and in a payment that they share."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from domain.payout.rules import Standing
from persistence import reading
from runtime.sellers import Change, change
from runtime.trace.facts import Happened
from runtime.trace.journey import Journey
from runtime.trace.told import SellerTold
from runtime.trace.world import World

T = TypeVar("T")


class Meeting(Protocol):
    """Something that becomes of several orders at once: each has to have come as far by then."""

    journeys: Sequence[Journey]

    @property
    def at(self) -> datetime | None:
        """When that is, next (the trace's own date); None when it is over."""
        ...

    async def happen(self) -> Happened | None:
        """Let it become; returns the fact that the orders have to follow up."""
        ...


class Standings:
    """A seller who is suspended, and perhaps let back in."""

    def __init__(self, world: World, journeys: Sequence[Journey]) -> None:
        """Of the seller of all these *journeys*."""
        self.journeys = journeys
        self._world = world
        self._seller = journeys[0].order.seller
        self._coming = standings(journeys[0].order.of_seller)

    @property
    def at(self) -> datetime | None:
        """As `Meeting` has it."""
        return self._coming[0][0] if self._coming else None

    async def happen(self) -> None:
        """Change the standing, as the marketplace's staff do; open orders are told."""
        at, standing = self._coming.pop(0)
        async with self._world.engine.begin() as db:
            version = (await reading.seller(db, self._seller)).version
            changed = Change(standing=standing)
            await change(db, self._seller, changed, version, self._world.shift.ahead(at))


def standings(told: SellerTold) -> list[tuple[datetime, Standing]]:
    """When a seller's standing changed (the trace's own dates), and to what."""
    changes = (
        (told.seller_suspended_at, Standing.SUSPENDED),
        (told.seller_reinstated_at, Standing.ACTIVE),
    )
    return [(at, standing) for at, standing in changes if at is not None]


def circles(meetings: Iterable[T], orders_of: Callable[[T], Iterable[str]]) -> list[list[T]]:
    """The meetings that have an order in common, however indirectly: they have one course."""
    circle_of: dict[str, list[T]] = {}
    for meeting in meetings:
        known = {id(circle_of[name]): name for name in orders_of(meeting) if name in circle_of}
        joined = [meeting, *(other for name in known.values() for other in circle_of[name])]
        for one in joined:
            circle_of |= dict.fromkeys(orders_of(one), joined)
    return list({id(circle): circle for circle in circle_of.values()}.values())


def orders_of(meeting: Meeting) -> list[str]:
    """The names of the orders that meet."""
    return [journey.order.order for journey in meeting.journeys]
