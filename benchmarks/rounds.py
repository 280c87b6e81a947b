"""Rounds: so many lives, some of them at the same time, and what they took."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import floor_life, lives, machine
from benchmarks.stack import Stack

Life = Callable[[int], Awaitable[object]]
_serials: Final = itertools.count(1)


@dataclass(frozen=True)
class Round:
    """What a number of lives took: seconds on the wall, and CPU seconds by part."""

    lives: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Lives a second."""
        return self.lives / self.seconds

    def rate_without(self, part: str) -> float:
        """Lives a second on a machine where a part's work is done elsewhere.

        The part's CPU seconds, spread over all cores, are taken off the wall's: right where all
        cores are busy, and too little where they are not.
        """
        return self.lives / (self.seconds - self.cpu.get(part, 0) / machine.cores())

    @property
    def busy(self) -> float:
        """How much of the machine was used by the parts, 1 being all of it."""
        return sum(self.cpu.values()) / self.seconds / machine.cores()

    def cost(self, *without: str) -> float:
        """CPU seconds of one life."""
        return sum(used for part, used in self.cpu.items() if part not in without) / self.lives


async def round_of(stack: Stack, life: Life, number: int, at_once: int) -> Round:
    """Live *number* lives, *at_once* at any time."""
    serials = iter([next(_serials) for _ in range(number)])

    async def one_after_another() -> None:
        for serial in serials:
            await life(serial)

    before, began = stack.cpu(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(one_after_another())
    seconds, after = time.perf_counter() - began, stack.cpu()
    used = {part: after[part] - before.get(part, 0) for part in after}
    return Round(number, seconds, {part: cpu for part, cpu in used.items() if cpu > 0})


def orders(stack: Stack) -> Life:
    """Orders on their happy path."""
    return lambda serial: lives.live(stack.hands, f"o-{serial}", serial)


async def floors(stack: Stack) -> Life:
    """Lives of the floor's workflow."""
    client = await stack.bare_client()
    return lambda serial: floor_life.live(client, stack.board, str(serial))
