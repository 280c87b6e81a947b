"""Trying on when retries have ended: an operator is called, and nothing that was told is lost."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows._kit.refusal import reason_of

T = TypeVar("T")
_EVERY: Final = timedelta(hours=6)
_TRIES: Final = 28


async def insisting(step: Callable[[], Awaitable[T]], call: Callable[[str], Awaitable[None]]) -> T:
    """Run *step*; each time it fails for good, *call* an operator with the reason and wait.

    After 28 tries, six hours apart, the last failure is raised.
    """
    for _ in range(_TRIES - 1):
        try:
            return await step()
        except ActivityError as failed:
            await call(reason_of(failed))
            await workflow.sleep(_EVERY, summary="tried again: an operator has been called")
    return await step()
