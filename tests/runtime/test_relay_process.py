"""The relay as a process: woken, killed, started again, told to end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from runtime.child import free_port
from runtime.health import answers
from runtime.keyring import KeyRing
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace
from tests.support.sandbox import EASYPOST_SECRET, ROOT, STRIPE_SECRET

Started = Callable[[], Awaitable[asyncio.subprocess.Process]]
_READY_WITHIN: Final = 60


@pytest.fixture
async def started(
    market: Marketplace, database_url: str, address: str, tmp_path: Path
) -> AsyncGenerator[Started]:
    """Start a relay that serves the marketplace; each is ended at the latest with the test."""
    running: list[asyncio.subprocess.Process] = []
    ring = tmp_path / "ring.json"
    ring.write_text(market_ring(market).dump())
    ring.chmod(0o600)
    place = market.world.place

    async def start() -> asyncio.subprocess.Process:
        port = free_port()
        settings = {
            "CARAVAN_PROFILE": "local",
            "DATABASE_URL": database_url,
            "CARAVAN_TEMPORAL__ADDRESS": address,
            "CARAVAN_TEMPORAL__TASK_QUEUE": market.task_queue,
            "CARAVAN_PAYMENT__API_BASE": place.stripe_base,
            "CARAVAN_PAYMENT__API_KEY": "sk_test_relay",
            "CARAVAN_PAYMENT__WEBHOOK_SECRET": STRIPE_SECRET,
            "CARAVAN_LOGISTICS__API_BASE": place.easypost_base,
            "CARAVAN_LOGISTICS__API_KEY": "EZTK_relay",
            "CARAVAN_LOGISTICS__WEBHOOK_SECRET": EASYPOST_SECRET,
            "CARAVAN_MAIL__HOST": "127.0.0.1",
            "CARAVAN_MAIL__PORT": str(place.smtp_port),
            "CARAVAN_MAIL__SENDER": "n@caravan.test",
            "CARAVAN_MAIL__STARTTLS": "false",
            "CARAVAN_KEYS__RING_FILE": str(ring),
            "CARAVAN_RELAY__HEALTH_PORT": str(port),
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.relay"), cwd=ROOT, env=kept | settings
        )
        running.append(process)
        async with asyncio.timeout(_READY_WITHIN):
            while not await answers(port, "/readyz"):
                assert process.returncode is None, "the relay did not start; its log is above"
                await asyncio.sleep(0.05)
        return process

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
            await process.wait()


def market_ring(market: Marketplace) -> KeyRing:
    """The master keys of a test's marketplace."""
    ring = market.vault._ring
    assert isinstance(ring, KeyRing)
    return ring


@asynccontextmanager
async def _taking_in(dispatch: Dispatch) -> AsyncGenerator[None]:
    """Take webhooks in as they come."""

    async def take() -> None:
        while True:
            await dispatch.take_in()
            await asyncio.sleep(0.05)

    taking = asyncio.create_task(take())
    yield
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)


async def test_news_wakes_the_relay_at_once(
    market: Marketplace, dispatch: Dispatch, started: Started
) -> None:
    """A buyer who has paid looks at the page now."""
    await started()
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    async with _taking_in(dispatch):
        paid = await order.until(lambda state: state.captured > 0, within=20)

    assert paid.captured == state.total


async def test_told_to_end_it_ends_cleanly(market: Marketplace, started: Started) -> None:
    """A deployment replaces it many times a week."""
    relay = await started()
    relay.send_signal(signal.SIGTERM)

    assert await asyncio.wait_for(relay.wait(), 10) == 0


async def test_killed_at_any_moment_it_loses_nothing_and_does_nothing_twice(
    market: Marketplace, dispatch: Dispatch, started: Started
) -> None:
    """Ten orders are paid and told of while the relay dies again and again."""
    relay = await started()
    orders = [await market.order(total=10_000) for _ in range(10)]
    async with _taking_in(dispatch):
        for number, order in enumerate(orders):
            state = await order.until(lambda state: bool(state.intent))
            dispatch.clock.at = order.at(minutes=1)
            await market.world.pay(state.intent)
            if number % 4 == 3:
                relay.kill()
                await relay.wait()
                relay = await started()
        for order in orders:
            await order.until(lambda state: state.captured > 0, within=60)

    balances = await market.balances()
    assert [balances[f"escrow/{order.order}"] for order in orders] == [10_000] * 10
    for order in orders:
        assert (await market.kinds(order.order)).count("paid") == 1
    assert await market.rows("SELECT 1 FROM alarms") == []
