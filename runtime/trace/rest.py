"""When nothing of a process is on its way any more: only then may its clock be moved."""

import asyncio
import time
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import aftercare_workflow_id
from runtime.trace.world import World

_FIRST_LOOK: Final = 0.03
_SLOWER_BY: Final = 1.5
_SLOWEST: Final = 0.5
_WITHIN: Final = 120
_WAITING: Final = """
SELECT (SELECT count(*) FROM inbox WHERE subject = :process AND state = 'waiting')
    + (SELECT count(*) FROM requests WHERE object = :process AND state = 'waiting')
"""
_BUSY: Final = -1


class NeverAtRest(Exception):
    """A process is still busy after minutes of real time: a defect, not a result."""


async def rest(world: World, process: str, *subjects: str) -> None:
    """Wait until *process* rests: no webhook, inbox row, request, task or step of it is left.

    *subjects* are what its webhooks are about at the sandbox. Looks upstream first, between two
    looks at the process that find it idle and unchanged: only its steps and the trace itself set
    webhooks off, so that nothing can slip through. Raises `NeverAtRest`.
    """
    wait, before, until = _FIRST_LOOK, _BUSY, time.monotonic() + _WITHIN
    while True:
        if (
            before == _BUSY
            or await world.player.pending(*subjects)
            or await _waiting(world, process)
        ):
            if time.monotonic() > until:
                raise NeverAtRest(await _what_is_busy(world, process, subjects))
            await asyncio.sleep(wait)
            wait = min(wait * _SLOWER_BY, _SLOWEST)
            before = _events(await _described(world, process))
        elif (after := _events(await _described(world, process))) == before:
            return
        else:
            before = after


async def rest_afterwards(world: World, process: str) -> None:
    """Wait until what looks after an ended *process* rests, too, if anything does."""
    try:
        await rest(world, aftercare_workflow_id(process))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _waiting(world: World, process: str) -> bool:
    """Whether something waits for *process* here; it is delivered at once."""
    ((count,),) = await world.rows(_WAITING, process=process)
    if count:
        await world.relay.drain(process)
    return bool(count)


async def _described(world: World, process: str) -> DescribeWorkflowExecutionResponse:
    return await world.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=world.client.namespace,
            execution=WorkflowExecution(workflow_id=process),
        ),
        retry=True,  # The server ends each connection after five minutes.
    )


def _events(found: DescribeWorkflowExecutionResponse) -> int:
    """How long its history is; `_BUSY` while a step or a task of it is under way."""
    if found.pending_activities or found.HasField("pending_workflow_task"):
        return _BUSY
    return found.workflow_execution_info.history_length


async def _what_is_busy(world: World, process: str, subjects: tuple[str, ...]) -> str:
    found = await _described(world, process)
    steps = [
        f"{step.activity_type.name} is at attempt {step.attempt}"
        for step in found.pending_activities
    ]
    if found.HasField("pending_workflow_task"):
        steps.append(f"its task is at attempt {found.pending_workflow_task.attempt}")
    if flying := await world.player.pending(*subjects):
        steps.append(f"{flying} webhooks are on their way")
    return f"no rest in {_WITHIN} s: {'; '.join(steps) or 'messages wait for it'}"
