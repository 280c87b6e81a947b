"""A slow step says that it is alive."""

import asyncio
from datetime import timedelta

from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.beating import Beating


class Slow(ActivityInboundInterceptor):
    """A step that is done once it has been heard of so many times."""

    def __init__(self, beats: int) -> None:
        self.left = beats
        self.heard = asyncio.Event()

    def hear(self, *_: object) -> None:
        self.left -= 1
        if self.left <= 0:
            self.heard.set()

    async def execute_activity(self, input: ExecuteActivityInput) -> str:  # noqa: A002 - the SDK's name
        if self.left:
            await self.heard.wait()
        return "done"


async def lived(step: Slow, every: float) -> object:
    """The answer of *step*, which beats so often (seconds)."""
    environment = ActivityEnvironment()
    environment.on_heartbeat = step.hear
    chain = Beating(timedelta(seconds=every)).intercept_activity(step)
    asked = ExecuteActivityInput(fn=step.hear, args=(), executor=None, headers={})
    return await environment.run(chain.execute_activity, asked)


async def test_a_slow_step_is_heard_of_again_and_again() -> None:
    """Otherwise it would be taken a second time while it still runs."""
    step = Slow(beats=3)
    async with asyncio.timeout(10):
        assert await lived(step, every=0.01) == "done"


async def test_a_quick_step_costs_no_heartbeat() -> None:
    """Each that reaches the server is billed; and none goes out once the step is over."""
    step = Slow(beats=0)

    assert await lived(step, every=0.05) == "done"
    await asyncio.sleep(0.1)
    assert step.left == 0
