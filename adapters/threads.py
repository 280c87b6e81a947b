"""Official clients that block run beside the event loop, never in it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """Threads of one provider, so that its slowness keeps nobody else waiting."""

    def __init__(self, name: str, most: int = 16) -> None:
        """At most *most* calls at the same time; further ones queue."""
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)

    async def run(self, call: Callable[[], T]) -> T:
        """Run *call* and wait. If the waiting is cancelled, the call itself goes on to its end."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Take no further calls; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
