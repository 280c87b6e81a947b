"""When nothing of a process is on its way any more: only then may its clock be moved."""

import asyncio
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

from runtime.trace.world import World

_FIRST_LOOK: Final = 0.03
_SLOWER_BY: Final = 1.5
_WITHIN: Final = 300
_WAITING: Final = """
SELECT (SELECT count(*) FROM inbox WHERE subject = :process AND state = 'waiting')
    + (SELECT count(*) FROM requests WHERE object = :process AND state = 'waiting')
"""
_BUSY: Final = -1


class NeverAtRest(Exception):
    """A process is still busy after minutes of real time: a defect, not a result."""


async def rest(world: World, process: str, *subjects: str) -> None:
    """Wait until *process* rests: no webhook, inbox row, request, task or step of it is left.

    *subjects* are what its webhooks are about at the sandbox. Raises `NeverAtRest`.
    """
    try:
        async with asyncio.timeout(_WITHIN):
            await _rest(world, process, subjects)
    except TimeoutError:
        raise NeverAtRest(f"{process} has not come to rest in {_WITHIN} s") from None


async def _rest(world: World, process: str, subjects: tuple[str, ...]) -> None:
    """Look upstream first, between two looks at the process that find it idle and unchanged.

    Only its steps and the trace itself set webhooks off, so that nothing can slip through.
    """
    wait, before = _FIRST_LOOK, _BUSY
    while True:
        if (
            before == _BUSY
            or await world.player.pending(*subjects)
            or await _waiting(world, process)
        ):
            await asyncio.sleep(wait)
            wait *= _SLOWER_BY
            before = await _events(world, process)
        elif (after := await _events(world, process)) == before:
            return
        else:
            before = after


async def _waiting(world: World, process: str) -> bool:
    """Whether something waits for *process* here; it is delivered at once."""
    ((count,),) = await world.rows(_WAITING, process=process)
    if count:
        await world.relay.drain(process)
    return bool(count)


async def _events(world: World, process: str) -> int:
    """How long its history is; `_BUSY` while a step or a task of it is under way."""
    found = await world.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=world.client.namespace,
            execution=WorkflowExecution(workflow_id=process),
        )
    )
    if found.pending_activities or found.HasField("pending_workflow_task"):
        return _BUSY
    return found.workflow_execution_info.history_length
