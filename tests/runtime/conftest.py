"""A marketplace with an intake and a relay, over one sandbox world of this room's own."""

from collections.abc import AsyncGenerator, Iterator

import pytest
from temporalio.client import Client

from runtime.embedded import LocalTemporal
from runtime.temporal import register_search_attributes
from tests.support.dispatch import Dispatch, dispatch_of
from tests.support.marketplace import Marketplace, open_marketplace
from tests.support.receiver import Receiver
from tests.support.sandbox import SandboxPlace, SandboxProcess, SandboxWorld


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPlace]:
    """Where the room's sandbox listens."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox")).start()
    yield process.place
    process.stop()


@pytest.fixture(scope="session")
async def address(temporal: LocalTemporal) -> str:
    """Temporal with our search attributes."""
    await register_search_attributes(await Client.connect(temporal.address))
    return temporal.address


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """Where the sandbox's webhooks arrive."""
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def world(place: SandboxPlace, receiver: Receiver) -> AsyncGenerator[SandboxWorld]:
    """The sandbox, which tells the receiver; its faults are cleared at the end."""
    async with SandboxWorld(place) as played:
        await played.tell(f"{receiver.url}/stripe", f"{receiver.url}/easypost")
        yield played
        await played.tell()
        await played.clear_faults()
        await played.change(auto_refunds=True, auto_payouts=True)


@pytest.fixture
async def market(
    database_url: str, address: str, world: SandboxWorld
) -> AsyncGenerator[Marketplace]:
    """A marketplace with one seller, s-1, and a worker."""
    async with open_marketplace(database_url, address, world) as opened:
        await opened.seller()
        yield opened


@pytest.fixture
def dispatch(market: Marketplace, receiver: Receiver) -> Dispatch:
    """The marketplace's intake and relay."""
    return dispatch_of(market, receiver)
