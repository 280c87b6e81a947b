"""A worker that dies once it has taken a step: after its transaction, before anybody hears of it.

`python -m tests.support.dying STEP DATABASE TEMPORAL QUEUE SANDBOX...`, killed like by `kill -9`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import astuple
from typing import Any, Final

from tests.replay.recording import keys
from tests.support.disturbed import Disturbing
from tests.support.marketplace import Marketplace, open_marketplace, serving
from tests.support.sandbox import SandboxPlace, SandboxWorld

_READY: Final = b"serving\n"


async def _dies(taken: Awaitable[Any]) -> None:
    await taken
    os.kill(os.getpid(), signal.SIGKILL)


@asynccontextmanager
async def dying_worker(
    market: Marketplace, step: str, database_url: str, temporal: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """One that serves a marketplace of recorded keys until it dies."""
    place = (str(port) for port in astuple(market.world.place))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.dying"),
        *(step, database_url, temporal, market.task_queue, *place),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        while await child.stdout.readline() not in {_READY, b""}:
            pass
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _serve(step: str, database_url: str, temporal: str, queue: str, *place: str) -> None:
    async with (
        SandboxWorld(SandboxPlace(*(int(port) for port in place))) as world,
        open_marketplace(database_url, temporal, world, is_served=False, keys=keys()) as market,
    ):
        market.task_queue = queue
        async with serving(market, [Disturbing(step, _dies)]):
            sys.stdout.buffer.write(_READY)
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
