"""The supervisor, with real programs: it starts in order, mends, and ends in reverse."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cli.supervisor import Service, Supervisor
from runtime.child import Program, StackError, accepts, free_port


class Stack:
    """A supervisor whose words are kept, and web servers for it to look after."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.supervisor = Supervisor(self.said.append)
        self._folder = folder

    def service(self, name: str, *, port: int | None = None) -> Service:
        port = port or free_port()
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        program = Program(name, command, self._folder / f"{name}.log", cwd=self._folder)
        return Service(program, lambda: accepts(port))

    async def heard(self, words: str) -> None:
        while not any(words in sentence for sentence in self.said):
            await asyncio.sleep(0.02)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


async def test_a_killed_part_comes_back_and_is_spoken_of(stack: Stack) -> None:
    """A worker that dies at night must not wait for the morning; nor die unseen."""
    part = stack.service("relay")
    await stack.supervisor.start(("The relay", part))
    keeping = asyncio.create_task(stack.supervisor.keep())
    before = part.child.pid
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(20):
        await stack.heard("The relay is back")
    keeping.cancel()
    await stack.supervisor.stop()

    assert part.child.pid != before
    assert any("The relay was ended by SIGKILL; it is started again" in s for s in stack.said)


async def test_a_part_that_cannot_start_is_tried_again_more_slowly(stack: Stack) -> None:
    """Restarting without a pause burns the machine that is needed to mend it."""
    part = stack.service("api")
    await stack.supervisor.start(("The API", part))
    broken = Service(Program("api", [sys.executable, "-c", "exit(3)"], Path("/dev/null")), _never)
    part.start = broken.start  # type: ignore[method-assign]  # from now on it fails at once
    keeping = asyncio.create_task(stack.supervisor.keep())
    part.child.kill()
    async with asyncio.timeout(20):
        await stack.heard("tried again in 1 s")
        await stack.heard("tried again in 2 s")
    keeping.cancel()
    await stack.supervisor.stop()

    assert stack.said[0].startswith("The API is ready")
    assert sum("it is started again" in sentence for sentence in stack.said) == 1


async def test_the_last_started_ends_first(stack: Stack) -> None:
    """The API must be gone before its database is, or its last words are errors."""
    ended: list[str] = []
    parts = [("database", stack.service("database")), ("api", stack.service("api"))]
    for name, part in parts:
        await stack.supervisor.start((name, part))
    watching = [
        asyncio.create_task(_ended(part, partial(ended.append, name))) for name, part in parts
    ]

    await stack.supervisor.stop()
    await asyncio.gather(*watching)

    assert ended == ["api", "database"]


async def test_a_failed_start_leaves_nothing_running(stack: Stack) -> None:
    """What stays behind would hold the ports that the next try needs."""
    sound = stack.service("sandbox")
    missing = Program("api", [sys.executable, "-m", "no_such_module"], Path("/dev/null"))
    with pytest.raises(StackError):
        await stack.supervisor.start(("sandbox", sound), ("api", Service(missing, _never)))
    await stack.supervisor.stop()

    assert sound.child.returncode is not None


async def test_a_signal_ends_a_start_that_is_under_way(stack: Stack) -> None:
    """Somebody who changed their mind does not wait for a time-out."""
    stack.supervisor.end_on(signal.SIGUSR1)
    slow = Service(
        Program("slow", [sys.executable, "-c", "import time; time.sleep(99)"], Path("/dev/null")),
        _never,
    )
    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGUSR1)

    assert await stack.supervisor.start(("slow", slow)) is False
    await stack.supervisor.stop()
    assert slow.child.returncode is not None


async def _never() -> bool:
    return False


async def _ended(part: Service, then: Callable[[], object]) -> None:
    while part.child.returncode is None:
        await asyncio.sleep(0.005)
    then()
