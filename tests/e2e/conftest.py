"""A whole stack as processes, and a folder for one."""

import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.up import Up, free_offset


@contextmanager
def _folder() -> Generator[Path]:
    """A folder that the database's own account can reach, when root runs the tests."""
    made = Path(tempfile.mkdtemp(prefix="caravan-up-", dir="/var/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture
def start() -> Iterator[Callable[[int], Up]]:
    """A function that starts a stack at an offset of the ports; all share one folder of data."""
    started: list[Up] = []
    with _folder() as place:

        def up(offset: int) -> Up:
            started.append(Up(place / "data", offset, place / f"said-{len(started)}.txt"))
            return started[-1]

        yield up
        for each in started:
            each.kill()


@pytest.fixture(scope="module")
async def stack() -> AsyncGenerator[Up]:
    """A stack that the tests of one module share, ended and removed after them."""
    with _folder() as place:
        up = Up(place / "data", free_offset(), place / "said.txt")
        try:
            await up.ready()
            await up.without_payout_cycles()
            yield up
            await up.end()
        finally:
            up.kill()
