"""Driving the floor's workflow from outside, at the pace at which an order is driven."""

import asyncio

from temporalio.client import Client

from benchmarks.board import Board
from benchmarks.floor import QUEUE, STEP, FloorWorkflow
from benchmarks.lives import PAUSE


async def live(client: Client, board: Board, name: str) -> None:
    """Live one such life, spoken to as an order is."""
    handle = await client.start_workflow(FloorWorkflow.run, id=f"floor/{name}", task_queue=QUEUE)

    async def done(steps: int) -> None:
        await board.reached(handle.id, STEP, steps)
        await asyncio.sleep(PAUSE)

    await done(1)
    await handle.signal(FloorWorkflow.told)
    await done(2)
    await handle.execute_update(FloorWorkflow.ask)  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
    await done(3)
    await handle.signal(FloorWorkflow.told)
    await done(4)
    await handle.signal(FloorWorkflow.told)
    await done(5)
    await handle.execute_update(FloorWorkflow.ask)  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
    await done(6)
    await handle.signal(FloorWorkflow.told)
    await handle.result()
