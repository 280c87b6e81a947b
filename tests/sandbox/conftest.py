"""One sandbox for the room's tests, and a fresh one for those that kill it or count its books."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import stripe

from tests.support.sandbox import Carriers, SandboxPlace, SandboxProcess, SandboxWorld

_DEFAULTS: Final[dict[str, Any]] = {
    "fee_bp": 290,
    "fee_fixed": 30,
    "auto_refunds": True,
    "auto_payouts": True,
    "overdraw": True,
    "search_lag": 0,
    "wallet": 100_000_000,
    "postage_currency": "USD",
    "pickup_fee": 0,
    "auto_voids": True,
    "stripe_webhook_url": "",
    "easypost_webhook_url": "",
}


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPlace]:
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox")).start()
    yield process.place
    process.stop()


@pytest.fixture
async def world(shared_sandbox: SandboxPlace) -> AsyncIterator[SandboxWorld]:
    """The shared sandbox, without faults and with its usual settings before and after."""
    async with SandboxWorld(shared_sandbox) as played:
        await played.change(**_DEFAULTS)
        yield played
        await played.clear_faults()
        await played.change(**_DEFAULTS)


@pytest.fixture
def client(shared_sandbox: SandboxPlace) -> stripe.StripeClient:
    return shared_sandbox.stripe()


@pytest.fixture
def carriers(shared_sandbox: SandboxPlace) -> Carriers:
    return shared_sandbox.easypost()


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A sandbox of this test alone: it may be killed, and its books begin empty."""
    process = SandboxProcess(tmp_path / "sandbox").start()
    yield process
    process.stop()
