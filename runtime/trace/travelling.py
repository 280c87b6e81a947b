"""All orders of a trace on their way: side by side, but where they meet."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime

from runtime.trace.facts import Happened
from runtime.trace.journey import Journey
from runtime.trace.meetings import Meeting, Standings, circles, orders_of, standings
from runtime.trace.purchases import SharedPayment
from runtime.trace.rest import NeverAtRest
from runtime.trace.skips import ClockHeld, ClockLost
from runtime.trace.world import World


class Travelling:
    """Lets orders live side by side; those that meet somewhere wait there for each other."""

    def __init__(
        self,
        world: World,
        journeys: Sequence[Journey],
        side_by_side: int,
        said: Callable[[], None],
    ) -> None:
        """At most *side_by_side* move at a time; *said* is called when one is at its end."""
        self._world = world
        self._journeys = journeys
        self._width = asyncio.Semaphore(side_by_side)
        self._said = said

    async def to_the_end(self) -> None:
        """Let every journey end. One that had to stop says so itself."""
        found = circles(self._meetings(), orders_of)
        meeting_somewhere = {name for circle in found for one in circle for name in orders_of(one)}
        async with asyncio.TaskGroup() as group:
            for circle in found:
                group.create_task(self._together(circle))
            for journey in self._journeys:
                if journey.order.order not in meeting_somewhere:
                    group.create_task(self._step(journey))

    def _meetings(self) -> Iterator[Meeting]:
        of_seller: dict[str, list[Journey]] = defaultdict(list)
        of_purchase: dict[str, list[Journey]] = defaultdict(list)
        for journey in self._journeys:
            if standings(journey.order.of_seller):
                of_seller[journey.order.seller].append(journey)
            if journey.order.is_part:
                of_purchase[journey.order.purchase].append(journey)
        for ours in of_purchase.values():
            yield SharedPayment(self._world, ours)
        for ours in of_seller.values():
            yield Standings(self._world, ours)

    async def _together(self, circle: Sequence[Meeting]) -> None:
        while coming := [(one.at, one) for one in circle if one.at is not None and _goes_on(one)]:
            at, meeting = min(coming, key=lambda one: one[0])
            await asyncio.gather(*(self._step(one, at) for one in meeting.journeys))
            await self._meet(meeting)
        ours = {one.order.order: one for meeting in circle for one in meeting.journeys}
        await asyncio.gather(*(self._step(one) for one in ours.values()))

    async def _meet(self, meeting: Meeting) -> None:
        told: list[Happened | None] = []

        async def happen() -> None:
            told.append(await meeting.happen())

        await self._unless_stuck(meeting.journeys, happen)
        await asyncio.gather(*(self._hear(one, fact) for one in meeting.journeys for fact in told))

    async def _hear(self, journey: Journey, fact: Happened | None) -> None:
        await self._unless_stuck([journey], lambda: journey.hear(fact))

    async def _step(self, journey: Journey, until: datetime | None = None) -> None:
        await self._unless_stuck([journey], lambda: journey.travel(until))
        if until is None:
            self._said()

    async def _unless_stuck(
        self, journeys: Sequence[Journey], go_on: Callable[[], Awaitable[None]]
    ) -> None:
        """Journeys that had to stop are told in the report, and keep nobody else."""
        if not any(_is_free(journey) for journey in journeys):
            return
        try:
            async with self._width:
                await go_on()
        except (ClockHeld, ClockLost, NeverAtRest) as stuck:
            for journey in journeys:
                journey.stuck = journey.stuck or str(stuck)


def _goes_on(meeting: Meeting) -> bool:
    return any(_is_free(journey) for journey in meeting.journeys)


def _is_free(journey: Journey) -> bool:
    return not journey.stuck
