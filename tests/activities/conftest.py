"""A shop for each test of the room, over one sandbox world."""

from collections.abc import AsyncGenerator, Iterator

import pytest

from tests.support.audit import differences, unwritable, wrongs
from tests.support.sandbox import SandboxPlace, SandboxProcess, SandboxWorld
from tests.support.shop import Shop, open_shop


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPlace]:
    """Where the room's sandbox listens; no webhooks go out."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox")).start()
    yield process.place
    process.stop()


@pytest.fixture
async def world(place: SandboxPlace) -> AsyncGenerator[SandboxWorld]:
    """The sandbox, its faults cleared and its settings as usual at the end."""
    async with SandboxWorld(place) as played:
        await played.change(postage_currency="EUR")
        yield played
        await played.clear_faults()
        await played.change(auto_refunds=True, auto_payouts=True, overdraw=True)
        await played.change(auto_voids=True, pickup_fee=0, wallet=100_000_000)


@pytest.fixture
async def shop(database_url: str, world: SandboxWorld) -> AsyncGenerator[Shop]:
    """A shop; whatever a test did, both books hold together, and its letters can be written."""
    async with open_shop(database_url, world) as opened:
        yield opened
        await world.clear_faults()

        assert await wrongs(opened.engine) == {}
        assert await differences(opened) == {}
        assert (await world.effects())["duplicates"] == []
        assert await unwritable(opened.engine) == []
