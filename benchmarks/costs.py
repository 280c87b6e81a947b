"""One order's cost, counted while nothing else happens: actions, history, statements."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import counting, lives
from benchmarks.counting import Cost
from benchmarks.stack import Stack


async def counted(stack: Stack, folder: Path, *, is_online: bool) -> dict[str, Any]:
    """Live one order with a worker that lives no other, and say what it has cost."""
    name = "online" if is_online else "declared"
    profile = folder / f"{name}.json"
    await stack.worker(profile=profile)
    before = await _actions(stack)
    await lives.live(stack.hands, f"o-{name}", 900_000 + is_online, is_online=is_online)
    handle = stack.hands.client.get_workflow_handle(f"order/o-{name}")
    events, size = await counting.history_of(handle)
    after = await _actions(stack)
    await stack.stop("order worker")
    told = json.loads(profile.read_text())
    actions = {kind: after[kind] - before.get(kind, 0) for kind in after}
    made = {kind: number for kind, number in actions.items() if number}
    cost = Cost(made, events, size, told["statements"], told["transactions"])
    return {**asdict(cost), "billed": cost.billed}


async def _actions(stack: Stack) -> dict[str, int]:
    port = stack.temporal.metrics_port
    assert port is not None  # noqa: S101 - a stack that is measured has one
    return dict(await counting.billed(port, stack.temporal.namespace))
