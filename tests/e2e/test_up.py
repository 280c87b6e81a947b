"""`caravan up`, as a newcomer runs it: everything comes up, ends, and comes up again."""

import asyncio
import re
import signal
from collections.abc import Callable

import httpx2
import pytest

from cli.welcome import addresses
from domain.actors import Role
from runtime.child import accepts
from tests.support.up import Up, free_offset

Start = Callable[[int], Up]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def offset() -> int:
    """An offset at which every port is free."""
    return free_offset()


async def _opens(url: str) -> bool:
    async with httpx2.AsyncClient() as browser:
        return (await browser.get(url, timeout=10, follow_redirects=True)).is_success


async def test_everything_comes_up_ends_and_comes_up_again(start: Start, offset: int) -> None:
    """The first ten minutes with the project, in one test."""
    first = start(offset)
    await first.ready()
    secrets = (first.home.path / "secrets.toml").read_text()
    opened = {name: await _opens(url) for name, url in addresses(first.ports).items()}
    refused = start(offset + 1)
    refusal = await asyncio.to_thread(refused.process.wait, 30)
    status = await first.end()
    left = [port for port in vars(first.ports).values() if await accepts(port)]
    again = start(offset)
    await again.ready()
    kept = (first.home.path / "secrets.toml").read_text()
    await again.end()

    assert all(opened.values()), opened
    assert refusal == 1
    assert status == 0
    assert left == []
    assert kept == secrets


@pytest.mark.thorough
async def test_a_killed_worker_comes_back(start: Start, offset: int) -> None:
    """The stack mends itself, and says what it mended."""
    stack = start(offset)
    await stack.ready()
    stack.strike("worker", signal.SIGKILL)
    await stack.heard("The worker is back", 60)
    said = stack.said()
    await stack.end()

    assert "The worker was ended by SIGKILL" in said
    assert all(re.search(rf"^  {role}\s+ey", said, re.MULTILINE) for role in Role)
