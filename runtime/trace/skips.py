"""Clocks of executions, put forward: each by itself, and each time once."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import FastForwardConfig, TimeSkippingConfig, WorkflowExecution
from temporalio.api.enums.v1 import FastForwardPollingResult
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionTimeSkippingRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

JUST_AFTER: Final = timedelta(milliseconds=1)
_SLACK: Final = timedelta(seconds=1)
_HEARD_WITHIN: Final = timedelta(seconds=20)
# After which a server no longer begins with a call that its caller has given up.
_FORGOTTEN_AFTER: Final = 2
_TRIES: Final = 10
_OPTION: Final = "time_skipping_config"
_CUT_OFF: Final = frozenset(
    {
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.UNKNOWN,
    }
)


class ClockLost(Exception):
    """A clock does not stand where it was put: what happened meanwhile is worth nothing."""


class ClockHeld(Exception):
    """The server moves no clock of an execution whose children run: theirs have to be moved."""


class Skips:
    """Moves the clocks of executions, each for itself."""

    def __init__(self, client: Client) -> None:
        """Reach the executions by *client*."""
        self._namespace = client.namespace
        self._service = client.workflow_service
        self._skipper = TimeSkipper(client)

    async def to(self, process: WorkflowHandle[Any, Any], instant: datetime) -> bool:
        """Put a clock forward to *instant*; False if the execution has ended before.

        A clock that stands later already stays there. Raises `ClockHeld` if children of the
        execution run, for the server would not answer before they end; and `ClockLost` if the
        server cannot be told, or if the clock went further than by the real time that has passed
        meanwhile.
        """
        for _ in range(_TRIES):
            try:
                is_there = await self._tried(process, instant)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND and "completed" in error.message:
                    return False
                raise
            if is_there is not None:
                return is_there
        raise ClockLost(f"the clock of {process.id} could not be put to {instant}")

    async def begin(self, process: WorkflowHandle[Any, Any]) -> None:
        """Put the clock of an execution that was started with a delay to where it begins.

        To that very instant: on a loaded machine, skips that were to end while the first steps
        are under way have been seen to go on to the first deadline.
        """
        begins = (await process.describe()).execution_time
        if begins is not None:
            await self.to(process, begins + JUST_AFTER)

    async def _tried(self, process: WorkflowHandle[Any, Any], instant: datetime) -> bool | None:
        """Try once; None if the server never heard of it."""
        read_at = time.monotonic()
        further = instant - await _now(process)
        if further <= timedelta():
            return True
        skip = str(uuid4())
        if not await self._is_heard(process, skip, further):
            return None
        if not await self._is_done(process, skip):
            return False
        beyond = await self._skipper.get_current_time(process) - instant
        if beyond > timedelta(seconds=time.monotonic() - read_at) + _SLACK:
            raise ClockLost(f"the clock of {process.id} went {beyond} beyond {instant}")
        return True

    async def _is_heard(
        self, process: WorkflowHandle[Any, Any], skip: str, further: timedelta
    ) -> bool:
        """Tell the server once, and say whether it has heard.

        It counts from the moment in which it hears a call, and one that is heard twice skips twice,
        whatever its id. A call that was cut off is therefore looked for and never just repeated.
        """
        duration = Duration()
        duration.FromTimedelta(further)
        config = TimeSkippingConfig(
            enabled=True, fast_forward_config=FastForwardConfig(id=skip, duration=duration)
        )
        request = UpdateWorkflowExecutionOptionsRequest(
            namespace=self._namespace,
            workflow_execution=WorkflowExecution(workflow_id=process.id),
            workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
            update_mask=FieldMask(paths=[_OPTION]),
        )
        try:
            await self._service.update_workflow_execution_options(request, timeout=_HEARD_WITHIN)
        except RPCError as error:
            if error.status not in _CUT_OFF:
                raise
            await asyncio.sleep(_FORGOTTEN_AFTER)
            found = await self._skipper.get_time_skipping_info(process)
            return found is not None and found.effective_config.fast_forward_config.id == skip
        return True

    async def _is_done(self, process: WorkflowHandle[Any, Any], skip: str) -> bool:
        """Wait until a skip is done; False if the execution has ended before."""
        request = PollWorkflowExecutionTimeSkippingRequest(
            namespace=self._namespace,
            workflow_execution=WorkflowExecution(workflow_id=process.id),
            fast_forward_id=skip,
        )
        result = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT
        while result == FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT:
            found = await self._service.poll_workflow_execution_time_skipping(request, retry=True)
            result = found.fast_forward_polling_result
        return result == FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED


async def _now(process: WorkflowHandle[Any, Any]) -> datetime:
    """The instant at which the clock of an execution stands, if it can be moved at all."""
    seen = (await process.describe()).raw_description
    if seen.pending_children:
        raise ClockHeld(f"{process.id} has {len(seen.pending_children)} children that run")
    moved = seen.workflow_extended_info
    if not moved.HasField("time_skipping_info"):
        return datetime.now(UTC)
    return moved.time_skipping_info.current_time.ToDatetime(UTC)
