"""A sandbox of the room's own, for tests that pay with real adapters."""

from collections.abc import AsyncGenerator, Iterator

import pytest

from tests.support.sandbox import SandboxPlace, SandboxProcess, SandboxWorld


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
        yield played
        await played.clear_faults()
        await played.change(auto_refunds=True, auto_payouts=True, overdraw=True)
