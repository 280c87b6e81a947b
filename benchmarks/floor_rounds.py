"""Orders and the floor in turn, on one server: how near an order comes to what must be."""

import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.floor import QUEUE
from benchmarks.progress import say
from benchmarks.rounds import Round, floors, orders, round_of
from benchmarks.stack import Stack

SANDBOX = "sandbox"


async def beside_the_floor(
    stack: Stack, lived: int, times: int, at_once: int, folder: Path
) -> dict[str, Any]:
    """Live so many of each in turn; the figure is the median of the pairs' ratios."""
    profile = folder / "profile.json"
    await stack.worker(profile=profile)
    await stack.worker("floor", QUEUE)
    order, floor = orders(stack), await floors(stack)
    for life in (order, floor):
        await round_of(stack, life, at_once, at_once)
    pairs: list[tuple[Round, Round]] = []
    size = await stack.database_bytes()
    for number in range(times):
        pair = (
            await round_of(stack, floor, lived, at_once),
            await round_of(stack, order, lived, at_once),
        )
        pairs.append(pair)
        say(
            f"  pair {number + 1} of {times}: floor {pair[0].rate:.1f}, "
            f"orders {pair[1].rate:.1f} a second ({_ratio(pair):.2f} without the sandbox)"
        )
    grown = await stack.database_bytes() - size
    for part in ("order worker", "floor worker"):
        await stack.stop(part)
    return {
        "lives": lived,
        "at_once": at_once,
        "ratio": median(_ratio(pair) for pair in pairs),
        "pairs": [
            {"ratio": _ratio(pair), "floor_busy": pair[0].busy, "order_busy": pair[1].busy}
            for pair in pairs
        ],
        "ratio_with_sandbox": median(ours.rate / floor.rate for floor, ours in pairs),
        "cpu_ratio": median(floor.cost() / ours.cost(SANDBOX) for floor, ours in pairs),
        "database_bytes_per_order": grown / lived / times,
        "floor": _told([floor for floor, _ in pairs]),
        "order": _told([ours for _, ours in pairs]),
        "worker_shares": json.loads(profile.read_text())["shares"],
    }


def _ratio(pair: tuple[Round, Round]) -> float:
    floor, ours = pair
    return ours.rate_without(SANDBOX) / floor.rate_without(SANDBOX)


def _told(rounds: list[Round]) -> dict[str, Any]:
    parts = sorted({part for one in rounds for part in one.cpu})
    return {
        "rate": median(one.rate for one in rounds),
        "rate_without_sandbox": median(one.rate_without(SANDBOX) for one in rounds),
        "busy": median(one.busy for one in rounds),
        "cpu_ms": {
            part: median(one.cpu.get(part, 0) / one.lives * 1000 for one in rounds)
            for part in parts
        },
    }
