"""The hands by which tests move clocks on."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper


class Skipper(TimeSkipper):
    """Moves clocks on; a process that was quicker and has ended has none to move."""

    async def fast_forward(
        self, handle: WorkflowHandle[Any, Any], duration: timedelta | float | None = None, /
    ) -> bool:
        """Let a process's time run; False if it has ended, by now or before."""
        try:
            return await super().fast_forward(handle, duration)
        except RPCError as ended:
            if ended.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
