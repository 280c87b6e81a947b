"""How far more workers help, and what is full when they help no more."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.progress import say
from benchmarks.rounds import Round, orders, round_of
from benchmarks.stack import Stack

_FULL = 0.9
_TIMES = 2


async def scaled(
    stack: Stack, workers: Sequence[int], lived: int, at_once: int
) -> list[dict[str, Any]]:
    """Live so many orders with each number of workers in turn, several times over."""
    rounds: dict[int, list[Round]] = {number: [] for number in workers}
    for _ in range(_TIMES):
        for number in workers:
            for _ in range(number):
                await stack.worker()
            await round_of(stack, orders(stack), 24, 24)
            rounds[number].append(await round_of(stack, orders(stack), lived, at_once))
            await stack.stop("order worker")
            say(f"  {number} worker(s): {rounds[number][-1].rate:.1f} orders a second")
    return [_level(number, rounds[number]) for number in workers]


def _level(workers: int, rounds: Sequence[Round]) -> dict[str, Any]:
    """The median rate, and how full machine and worker were."""
    worker = median(one.cpu["order worker"] / one.seconds / workers for one in rounds)
    busy = median(one.busy for one in rounds)
    return {
        "workers": workers,
        "rate": median(one.rate for one in rounds),
        "busy": busy,
        "worker_cores": worker,
        "cores": {
            part: median(one.cpu.get(part, 0) / one.seconds for one in rounds)
            for part in rounds[0].cpu
        },
        "full": _full(busy, worker),
    }


def _full(busy: float, worker: float) -> str:
    """What is used up: a worker's Python runs on one core, the machine has several."""
    if busy >= _FULL:
        return f"all {machine.cores()} cores of the machine"
    return "the worker's one core" if worker >= _FULL else "nothing yet"
