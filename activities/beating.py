"""A slow step says that it is alive, so that one whose worker was killed is soon taken again."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any, Final

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

# Well below the timeout of `workflows/_kit/options.py`. Every heartbeat that reaches the server is
# billed, so that a step which is done before the first one costs nothing more.
_EVERY: Final = timedelta(seconds=5)


class Beating(Interceptor):
    """Lets every step that has a task of its own send heartbeats while it runs."""

    def __init__(self, every: timedelta = _EVERY) -> None:
        """The first one goes out after *every*, and then one at a time."""
        self._every = every

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's own name
        """Wrap the chain."""
        return _Beating(super().intercept_activity(next), self._every)


class _Beating(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, every: timedelta) -> None:
        super().__init__(following)
        self._every = every.total_seconds()

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's own form
        if activity.info().is_local:
            # Nobody waits for a sign of life of what runs within a task of its process.
            return await super().execute_activity(input)
        beating = asyncio.create_task(self._beat())
        try:
            return await super().execute_activity(input)
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            activity.heartbeat()
