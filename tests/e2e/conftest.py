"""A whole stack as processes, and a folder for one."""

from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from tests.support.up import Up, folder, open_stack


@pytest.fixture
def start() -> Iterator[Callable[[int], Up]]:
    """A function that starts a stack at an offset of the ports; all share one folder of data."""
    started: list[Up] = []
    with folder() as place:

        def up(offset: int) -> Up:
            started.append(Up(place / "data", offset, place / f"said-{len(started)}.txt"))
            return started[-1]

        yield up
        for each in started:
            each.kill()


@pytest.fixture(scope="module")
async def stack() -> AsyncGenerator[Up]:
    """A stack that the tests of one module share."""
    async with open_stack() as up:
        yield up
