"""`caravan up`, as a newcomer runs it: everything comes up, ends, and comes up again."""

import asyncio
import re
import signal
from collections.abc import Callable
from typing import Any

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


async def test_the_three_things_to_try_work_when_pasted(start: Start, offset: int) -> None:
    """The first thing a newcomer does; if it fails, it is also the last."""
    stack = start(offset)
    await stack.ready()
    suggested = re.findall(r"^  # .*\n((?:  .*\n)+)", stack.said(), re.MULTILINE)
    buy, ship, watch = [await _pasted(command) for command in suggested]
    sink = f"http://127.0.0.1:{stack.ports.sandbox}/_control/hooks"
    told = [one["type"] for one in (await _read(sink))["hooks"]]
    await stack.end()

    assert '"status":"awaiting_payment"' in buy
    assert '"status":"declared"' in ship
    assert re.findall("^event: (.*)", watch, re.MULTILINE)[-1] == "order.delivered"
    assert told[-1] == "order.placed"
    assert set(told) >= {"order.paid", "order.shipped", "order.delivered"}


async def _read(url: str) -> dict[str, Any]:
    async with httpx2.AsyncClient() as http:
        answer: dict[str, Any] = (await http.get(url)).json()
    return answer


async def _pasted(command: str) -> str:
    """What a shell prints in the first eight seconds."""
    shell = await asyncio.create_subprocess_exec(
        *("timeout", "8", "sh", "-c", command), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await shell.communicate()
    return printed.decode()
