"""Labels at the end of a trace: what carriers have said about those that were given back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from runtime.trace.orders import TracedOrder
from runtime.trace.rest import rest
from runtime.trace.world import TASK_QUEUE, World
from workflows._kit.attributes import at_start
from workflows.upkeep.carriage import CarriageCheckWorkflow

_PROCESS: Final = "carriage_check"


def buys_labels(order: TracedOrder) -> bool:
    """Whether any parcel of an order travels under a label that was bought online."""
    return any(parcel.told.label_bought_at for parcel in order.parcels)


async def judge_labels(world: World, orders: Sequence[TracedOrder], at: datetime) -> None:
    """Ask the carriers, as the hourly check does, once and *at* an instant after all orders."""
    if not any(buys_labels(order) for order in orders):
        return
    world.clock.set(_PROCESS, at)
    process = await world.client.start_workflow(
        CarriageCheckWorkflow.run,
        id=_PROCESS,
        task_queue=TASK_QUEUE,
        search_attributes=at_start(_PROCESS, "running", ""),
    )
    await world.skips.begin(process)
    await rest(world, _PROCESS)
    await process.result()
