"""Whether an order costs more where many others are open, and how quickly many come back."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from benchmarks import lives, machine
from benchmarks.lives import Life
from benchmarks.progress import say
from benchmarks.rounds import Round, orders, round_of
from benchmarks.stack import Stack
from runtime.wiring import CACHED

_AT_ONCE: Final = 24
_BESIDE: Final = 30
_HEARD_WITHIN: Final = 900
# So many open orders may not make another dearer; what it costs beside more is only told.
_HELD: Final = 3_000
# What belongs to the measuring, and not to the order.
OUTSIDE: Final = ("sandbox", "driver")


@dataclass
class Crowd:
    """A stack in which a number of orders stay open; other orders are lived beside them."""

    stack: Stack
    open: list[Life] = field(default_factory=list[Life])
    rounds: list[Round] = field(default_factory=list[Round])

    async def fill(self, number: int) -> None:
        """Place orders until so many are open; they wait for their payment."""
        serials = iter(range(len(self.open), number))

        async def one_after_another() -> None:
            for serial in serials:
                self.open.append(await lives.place(self.stack.hands, f"o-open-{serial}"))
                if len(self.open) % 250 == 0:
                    say(f"  {len(self.open)} of {number} open")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(one_after_another())

    @property
    def memory(self) -> int:
        """Resident bytes of its worker."""
        (worker,) = self.stack.parts["order worker"]
        return machine.memory_of(worker.pid)

    @property
    def cost(self) -> float:
        """CPU milliseconds of one more order, the median of the rounds."""
        return median(one.cost(*OUTSIDE) for one in self.rounds) * 1000


async def grown(crowds: Sequence[Crowd], sizes: Sequence[int], lived: int, times: int) -> list[Any]:
    """Live so many more orders in each crowd in turn, several times over."""
    for crowd, size in zip(crowds, sizes, strict=True):
        await crowd.stack.worker()
        await crowd.fill(size)
        await round_of(crowd.stack, orders(crowd.stack), 10, 10)
    memory = [crowd.memory for crowd in crowds]
    for number in range(times):
        for crowd, size in zip(crowds, sizes, strict=True):
            crowd.rounds.append(
                await round_of(crowd.stack, orders(crowd.stack), lived, min(lived, _BESIDE))
            )
            last = crowd.rounds[-1].cost(*OUTSIDE) * 1000
            say(f"  {size} open, round {number + 1} of {times}: {last:.0f} ms an order")
    return [
        {
            "open": size,
            "cpu_ms": crowd.cost,
            "rounds_ms": [one.cost(*OUTSIDE) * 1000 for one in crowd.rounds],
            "worker_bytes": used,
        }
        for crowd, size, used in zip(crowds, sizes, memory, strict=True)
    ]


def ratio(levels: Sequence[Any]) -> float:
    """The dearest order by the cheapest, whichever level they were at; 1 if none costs more."""
    costs: list[float] = [level["cpu_ms"] for level in levels if level["open"] <= _HELD]
    return max(costs) / min(costs)


def beyond(levels: Sequence[Any]) -> dict[str, float]:
    """The same of every level above those that are held, each beside the first, by its number."""
    few = levels[0]["cpu_ms"]
    return {str(level["open"]): level["cpu_ms"] / few for level in levels if level["open"] > _HELD}


def bytes_per_order(levels: Sequence[Any]) -> float:
    """What a worker keeps of an order that waits."""
    # Of more than it keeps, a worker reads the rest again whenever they have news.
    few, many = levels[0], [level for level in levels if level["open"] <= CACHED][-1]
    return float((many["worker_bytes"] - few["worker_bytes"]) / (many["open"] - few["open"]))


async def recovered(crowd: Crowd) -> dict[str, float]:
    """Kill the worker, let every open order have news, and start another.

    The time runs from the start of the new worker until the last of the orders has acted on its
    news, for which each was read again from its history.
    """
    stack = crowd.stack
    for child in stack.parts.pop("order worker"):
        child.kill()
    await asyncio.gather(*(life.tell_paid() for life in crowd.open))
    began = time.perf_counter()
    await stack.worker()
    ready = time.perf_counter() - began
    board = stack.board
    heard = (
        board.reached(life.handle.id, "payment.settle", within=_HEARD_WITHIN) for life in crowd.open
    )
    await asyncio.gather(*heard)
    return {
        "open": len(crowd.open),
        "ready_seconds": ready,
        "seconds": time.perf_counter() - began,
    }
