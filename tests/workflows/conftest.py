"""A marketplace for each test of the room, over one sandbox world."""

from collections.abc import AsyncGenerator, Iterator

import pytest
from temporalio.client import Client

from runtime.embedded import LocalTemporal
from runtime.temporal import register_search_attributes
from tests.support.marketplace import Marketplace, open_marketplace
from tests.support.sandbox import SandboxPlace, SandboxProcess, SandboxWorld


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPlace]:
    """Where the room's sandbox listens; no webhooks go out: tests bring the news themselves."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox")).start()
    yield process.place
    process.stop()


@pytest.fixture(scope="session")
async def address(temporal: LocalTemporal) -> str:
    """Temporal with our search attributes."""
    await register_search_attributes(await Client.connect(temporal.address))
    return temporal.address


@pytest.fixture
async def world(place: SandboxPlace) -> AsyncGenerator[SandboxWorld]:
    """The sandbox, its faults cleared and its settings as usual at the end."""
    async with SandboxWorld(place) as played:
        yield played
        await played.clear_faults()
        await played.change(auto_refunds=True, auto_payouts=True, overdraw=True)
        await played.change(postage_currency="USD", auto_voids=True, pickup_fee=0)


@pytest.fixture
async def market(
    database_url: str, address: str, world: SandboxWorld
) -> AsyncGenerator[Marketplace]:
    """A marketplace with one seller, s-1, and a worker."""
    async with open_marketplace(database_url, address, world) as opened:
        await opened.seller()
        yield opened
