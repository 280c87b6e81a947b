"""A whole trace: the sellers, the orders side by side, the payouts, the report."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from domain.payout.rules import Standing
from persistence import reading
from runtime.sellers import Change, Registration, change, register
from runtime.trace.clocks import Shift
from runtime.trace.collecting import About, collect
from runtime.trace.documents import TracePolicy
from runtime.trace.facts import Confirm
from runtime.trace.journey import Journey
from runtime.trace.orders import TracedOrder
from runtime.trace.parcels import home_of
from runtime.trace.payouts import pay_out
from runtime.trace.report import Report
from runtime.trace.rest import NeverAtRest
from runtime.trace.servers import Servers
from runtime.trace.skips import ClockLost
from runtime.trace.told import SellerTold
from runtime.trace.world import Span, World, open_world

# When everything is over: nothing of the trace may still be open then.
_AFTERWARDS: Final = timedelta(days=3_650)


@dataclass(frozen=True)
class Options:
    """How a trace is run. `ship_to` is a country (ISO 3166); "" goes by the currency."""

    file: Path
    confirm: Confirm = Confirm.SILENCE
    ship_to: str = ""
    side_by_side: int = 12


class Progress:
    """Who watches a trace; this one looks away."""

    def begin(self, what: str, total: int | None) -> None:
        """A stage of *total* steps begins (None: nobody knows)."""

    def step(self) -> None:
        """One more step is done."""


async def trace(
    servers: Servers,
    document: TracePolicy,
    orders: Sequence[TracedOrder],
    options: Options,
    progress: Progress,
) -> Report:
    """Drive *orders* through their lives under one policy, and report."""
    began = time.monotonic()
    span = Span(orders[0].purchased_at, max(order.last for order in orders))
    shift = Shift.past(span.first, datetime.now(UTC))
    name = document.policy.name
    progress.begin(f"{name}: starting", None)
    async with open_world(servers, document, span, shift) as world:
        progress.begin(f"{name}: sellers", len({order.seller for order in orders}))
        await _certify(world, orders, options, shift.ahead(span.first), progress.step)
        progress.begin(f"{name}: orders", len(orders))
        journeys = await _travel(world, orders, options, progress.step)
        progress.begin(f"{name}: payout cycles", None)
        cycles = await pay_out(world, shift.ahead(span.first), options.side_by_side, progress.step)
        about = About(
            file=options.file.name,
            about=str(document.document["about"]),
            confirm=options.confirm,
            seconds=0.0,
            ended=shift.ahead(span.last) + _AFTERWARDS,
        )
        progress.begin(f"{name}: books", None)
        report = await collect(world, journeys, cycles, about)
    return report.taking(time.monotonic() - began)


async def _certify(
    world: World,
    orders: Sequence[TracedOrder],
    options: Options,
    at: datetime,
    said: Callable[[], None],
) -> None:
    """Sellers are taken as certified: each gets a connected account and is on record."""
    homes = {order.seller: options.ship_to or home_of(order.currency) for order in orders}
    for seller, country in sorted(homes.items()):
        account = await world.player.connect_seller(country)
        wanted = Registration(seller, account, country, "standard", world.policy.name)
        async with world.engine.begin() as db:
            await register(db, wanted, at)
        said()


async def _travel(
    world: World, orders: Sequence[TracedOrder], options: Options, said: Callable[[], None]
) -> list[Journey]:
    """Let all orders live side by side; those of a seller who is suspended wait for each other."""
    width = asyncio.Semaphore(options.side_by_side)
    journeys = [
        Journey(world, order, serial, options.ship_to or home_of(order.currency), options.confirm)
        for serial, order in enumerate(orders)
    ]
    of_seller: dict[str, list[Journey]] = defaultdict(list)
    for journey in journeys:
        of_seller[journey.order.seller].append(journey)

    async def step(journey: Journey, until: datetime | None = None) -> None:
        async with width:
            await _unless_stuck(journey, lambda: journey.travel(until))
        if until is None:
            said()

    async def hear(journey: Journey) -> None:
        async with width:
            await _unless_stuck(journey, journey.hear)

    async def together(ours: Sequence[Journey]) -> None:
        for at, standing in standings(ours[0].order.of_seller):
            await asyncio.gather(*(step(one, at) for one in ours))
            await _stands(world, ours[0].order.seller, standing, at)
            await asyncio.gather(*(hear(one) for one in ours))
        await asyncio.gather(*(step(one) for one in ours))

    async with asyncio.TaskGroup() as group:
        for ours in of_seller.values():
            if standings(ours[0].order.of_seller):
                group.create_task(together(ours))
            else:
                for one in ours:
                    group.create_task(step(one))
    return journeys


async def _unless_stuck(journey: Journey, go_on: Callable[[], Awaitable[None]]) -> None:
    """A journey that had to stop is told in the report, and keeps nobody else."""
    if journey.stuck:
        return
    try:
        await go_on()
    except (ClockLost, NeverAtRest) as stuck:
        journey.stuck = str(stuck)


def standings(told: SellerTold) -> list[tuple[datetime, Standing]]:
    """When a seller's standing changed (the trace's own dates), and to what."""
    changes = (
        (told.seller_suspended_at, Standing.SUSPENDED),
        (told.seller_reinstated_at, Standing.ACTIVE),
    )
    return [(at, standing) for at, standing in changes if at is not None]


async def _stands(world: World, seller: str, standing: Standing, at: datetime) -> None:
    """Change a seller's standing, as the marketplace's staff do; open orders are told."""
    async with world.engine.begin() as db:
        version = (await reading.seller(db, seller)).version
        changed = Change(standing=standing)
        await change(db, seller, changed, version, world.shift.ahead(at))
