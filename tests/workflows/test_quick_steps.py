"""Steps within the process's own task: whatever becomes of their answer, they count once."""

import asyncio
import signal
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.replay.recording import commands, keys
from tests.support.disturbed import Disturb, Disturbing
from tests.support.dying import dying_worker
from tests.support.marketplace import SUPPORT, Marketplace, Placed, open_marketplace, serving
from tests.support.sandbox import SandboxWorld
from workflows.order import messages as said

_STEP = "shipment.follow"


async def fails(taken: Awaitable[Any]) -> None:
    """The database is away."""
    asyncio.ensure_future(taken).cancel()
    raise ConnectionRefusedError


async def hangs(taken: Awaitable[Any]) -> None:
    """It is done, and nobody is told."""
    await taken
    await asyncio.Event().wait()


async def shipped(market: Marketplace) -> Placed:
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    return order


async def steps_of(order: Placed) -> list[str]:
    history = await order.handle.fetch_history()
    return [word for word in commands(history) if _STEP in word]


@pytest.mark.parametrize("disturb", [fails, hangs], ids=lambda each: each.__name__)
async def test_one_that_does_not_succeed_at_once_is_taken_with_patience(
    database_url: str, address: str, world: SandboxWorld, disturb: Disturb
) -> None:
    """An outage of the database must not keep a process's own task waiting, nor fail it."""
    async with open_marketplace(
        database_url, address, world, [Disturbing(_STEP, disturb)]
    ) as market:
        await market.seller()
        order = await shipped(market)
        await order.scanned(days=2)
        kinds = await market.kinds(order.order)

    assert await steps_of(order) == [f"activity {_STEP}, at once", f"activity {_STEP}"]
    assert kinds.count("scanned") == 1


async def test_what_a_killed_worker_did_is_not_taken_for_the_work_of_who_spoke_next(
    database_url: str, address: str, world: SandboxWorld
) -> None:
    """The step is in the database and not in the history; then support asks for a refund."""
    async with open_marketplace(
        database_url, address, world, is_served=False, keys=keys()
    ) as market:
        await market.seller()
        async with serving(market):
            order = await shipped(market)
        async with dying_worker(market, _STEP, database_url, address) as worker:
            await market.record_scan(f"{order.order}/1", "in_transit", order.at(days=2), "DE", "")
            await order.parcel_news("in_transit", days=2)
            died = await worker.wait()
        orphan = await market.kinds(order.order)
        refunding = asyncio.create_task(
            order.ask(said.RefundOrder(SUPPORT, order.at(days=3), 1_000, "late"))
        )
        await asyncio.sleep(0.5)
        async with serving(market):
            answered = await refunding
        kinds = await market.kinds(order.order)

    assert died == -signal.SIGKILL
    assert "scanned" in orphan
    assert kinds.count("scanned") == kinds.count("refund_sent") == 1
    assert (answered.refunded, answered.parcels[0].milestone) == (1_000, "in_transit")
    assert await steps_of(order) == [f"activity {_STEP}, at once"]
