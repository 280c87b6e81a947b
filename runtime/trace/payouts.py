"""Payouts after the orders: cycle by cycle, each as of its end in the trace's time."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from persistence.database import SqlDatabase
from runtime.trace.rest import rest
from runtime.trace.world import TASK_QUEUE, World
from workflows._kit.attributes import at_start
from workflows.payout.messages import StartCycle
from workflows.payout.workflow import PayoutCycleWorkflow

_MOST: Final = 1_000_000
_FOR_GOOD: Final = timedelta(days=3_650)
# A cycle in which nobody has anything new to be paid would start nothing.
_EARNED: Final = """
SELECT DISTINCT effective_at FROM legs WHERE kind = 'seller_payable' AND amount < 0
ORDER BY effective_at
"""


def ends(
    earned: Sequence[datetime], first: datetime, every: timedelta, zone: ZoneInfo
) -> list[datetime]:
    """The ends of those cycles in which something was earned.

    The first cycle ends at the midnight in *zone* that follows *first*; each lasts *every*.
    """
    local = first.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
    begin = midnight.astimezone(first.tzinfo)
    numbers = {max(0, -(-(instant - begin) // every)) for instant in earned}
    return [begin + number * every for number in sorted(numbers)]


async def pay_out(
    world: World, first: datetime, side_by_side: int, said: Callable[[], None]
) -> list[datetime]:
    """Run every cycle to its end; returns the ends (here, not the trace's own dates).

    *first* is the trace's first instant here. *said* is called after each cycle.
    """
    earned = [at for (at,) in await world.rows(_EARNED)]
    every = world.policy.payout.every.elapsed
    cycles = ends(earned, first, every, ZoneInfo(world.policy.zone))
    for end in cycles:
        await _cycle(world, end, side_by_side)
        said()
    return cycles


async def _cycle(world: World, end: datetime, side_by_side: int) -> None:
    name = f"{world.shift.back(end):%Y-%m-%dT%H%M%S}"
    async with SqlDatabase(world.engine).transaction() as books:
        due = await books.sellers.payable(end, ("", ""), _MOST)
    if not due:
        return
    await world.client.execute_workflow(
        PayoutCycleWorkflow.run,
        StartCycle(name, end),
        id=f"payout_cycle/{name}",
        task_queue=TASK_QUEUE,
        search_attributes=at_start("payout_cycle", "running", ""),
    )
    width = asyncio.Semaphore(side_by_side)

    async def settled(payout: str) -> None:
        async with width:
            await _settled(world, payout, end)

    async with asyncio.TaskGroup() as group:
        for seller, currency, _ in due:
            group.create_task(settled(f"{seller}/{name}-{currency}"))


async def _settled(world: World, payout: str, as_of: datetime) -> None:
    """Let the bank take it in, then let the time pass in which it could come back."""
    process = f"payout/{payout}"
    world.clock.set(process, as_of)
    await rest(world, process, payout)
    await world.skips.to(world.process(process), as_of + _FOR_GOOD)
    await rest(world, process, payout)
