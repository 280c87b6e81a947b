"""`caravan up`, as a newcomer runs it: everything comes up, ends, and comes up again."""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from cli.ports import Ports
from cli.welcome import addresses
from domain.actors import Role
from runtime.child import StackError, accepts

_UP_WITHIN: Final = 90
_DOWN_WITHIN: Final = 40

pytestmark = pytest.mark.timeout(300)


class Up:
    """One running `caravan up`; what it says goes to a file."""

    def __init__(self, data: Path, offset: int) -> None:
        self.ports = Ports.shifted(offset)
        self.data = data
        self._said = data.with_name("said.txt")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CARAVAN_", "DATABASE_"))}
        command = [sys.executable, "-c", "from cli.main import app; app()", "up"]
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [*command, "--data", str(data), "--port-offset", str(offset)],
                stdout=said,
                stderr=subprocess.STDOUT,
                env=clean,
            )

    def said(self) -> str:
        return self._said.read_text()

    async def heard(self, words: str, within: float) -> None:
        async with asyncio.timeout(within):
            while words not in self.said():
                assert self.process.poll() is None, self.said()
                await asyncio.sleep(0.1)

    async def end(self) -> int:
        """Press Ctrl-C, and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return await asyncio.to_thread(self.process.wait, _DOWN_WITHIN)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's own account can reach, when root runs the tests."""
    made = Path(tempfile.mkdtemp(prefix="caravan-up-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def offset() -> int:
    """An offset at which every port is free."""
    for candidate in random.sample(range(200, 9000), 50):
        try:
            Ports.shifted(candidate).require_free(without_postgres=False)
        except StackError:
            continue
        return candidate
    pytest.fail("no room for the ports of a stack")


async def _opens(url: str) -> bool:
    async with httpx2.AsyncClient() as browser:
        return (await browser.get(url, timeout=10)).is_success


async def test_everything_comes_up_ends_and_comes_up_again(folder: Path, offset: int) -> None:
    """The first ten minutes with the project, in one test."""
    first = Up(folder / "data", offset)
    await first.heard("Ctrl-C ends all of it", _UP_WITHIN)
    secrets = (first.data / "secrets.toml").read_text()
    opened = {name: await _opens(url) for name, url in addresses(first.ports).items()}
    refused = Up(folder / "data", offset + 1)
    refusal = await asyncio.to_thread(refused.process.wait, 30)
    status = await first.end()
    left = [port for port in vars(first.ports).values() if await accepts(port)]
    again = Up(folder / "data", offset)
    await again.heard("Ctrl-C ends all of it", _UP_WITHIN)
    kept = (first.data / "secrets.toml").read_text()
    await again.end()

    assert all(opened.values()), opened
    assert refusal == 1
    assert status == 0
    assert left == []
    assert kept == secrets


async def test_a_killed_worker_comes_back(folder: Path, offset: int) -> None:
    """The stack mends itself, and says what it mended."""
    stack = Up(folder / "data", offset)
    await stack.heard("Ctrl-C ends all of it", _UP_WITHIN)
    os.kill(_child_running("worker.py", stack.process.pid), signal.SIGKILL)
    await stack.heard("The worker is back", 60)
    said = stack.said()
    await stack.end()

    assert "The worker was ended by SIGKILL" in said
    assert all(re.search(rf"^  {role}\s+ey", said, re.MULTILINE) for role in Role)


def _child_running(program: str, parent: int) -> int:
    """Return the process id of the child of *parent* that runs *program*."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (found,) = [pid for pid in children if program in Path(f"/proc/{pid}/cmdline").read_text()]
    return int(found)
