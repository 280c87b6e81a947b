"""Under which code an order began, and who may go on with it."""

import asyncio
from dataclasses import replace

from tests.replay.recording import commands
from tests.replay.scenarios import completed, lost
from tests.support.marketplace import Marketplace
from workflows._kit.attributes import STATE
from workflows.order.editions import EDITION
from workflows.order.workflow import OrderWorkflow

_SHOWN = "upsert_workflow_search_attributes"


async def test_an_order_that_goes_well_is_shown_three_times(market: Marketplace) -> None:
    """Each showing is billed: paid, on the way, arrived; Temporal itself shows that it is over."""
    order = await completed(market)

    told = list(commands(await order.fetch_history()))
    assert told.count(_SHOWN) == 3


async def test_one_that_ends_otherwise_says_how(market: Marketplace) -> None:
    """Who looks for lost orders finds them, ended as they are."""
    order = await lost(market)

    described = await order.describe()
    assert described.typed_search_attributes[STATE] == "lost"


async def test_an_order_of_a_newer_edition_waits_for_a_newer_worker(market: Marketplace) -> None:
    """Gone on with under older code, its history would fit neither."""
    asked = market.asked("s-1", (10_000,), "EUR", "")
    newer = replace(asked, edition=EDITION + 1)
    await market.vault.bind(f"order/{newer.order}", newer.buyer)
    handle = await market.client.start_workflow(
        OrderWorkflow.run, newer, id=f"order/{newer.order}", task_queue=market.task_queue
    )

    async def refused() -> str:
        while True:
            async for event in handle.fetch_history_events():
                if event.HasField("workflow_task_failed_event_attributes"):
                    failed = event.workflow_task_failed_event_attributes
                    return failed.failure.application_failure_info.type
            await asyncio.sleep(0.1)

    async with asyncio.timeout(20):
        assert await refused() == "NewerEditionError"
    assert list(commands(await handle.fetch_history())) == []
    await handle.terminate("seen")
