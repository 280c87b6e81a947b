"""Runs workflows in the SDK's sandbox, without asking the sandbox what is known outside of it.

For every payload, and several times each, the SDK asks an execution whose payload it is. The
sandbox answers by compiling a statement and running it inside: a seventh of a worker's time. Our
codec needs no more than the workflow's id, and only what goes to another execution (a child, a
signal) belongs to somebody else.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.api.enums.v1 import CommandType
from temporalio.converter import SerializationContext, WorkflowSerializationContext
from temporalio.converter import StorageDriverStoreContext as StoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

# Imported once per process instead of once per execution: what keeps no state and asks the
# outside nothing. The workflow classes themselves stay inside the sandbox.
SHARED_MODULES: Final = (
    "activities",
    "adapters",
    "domain",
    "persistence",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
    "workflows._kit",
    "workflows.aftercare.messages",
    "workflows.aftercare.purchases",
    "workflows.chargeback.messages",
    "workflows.dispute.details",
    "workflows.dispute.messages",
    "workflows.dispute.tasks",
    "workflows.order.details",
    "workflows.order.hearing",
    "workflows.order.messages",
    "workflows.order.paying",
    "workflows.order.requests",
    "workflows.order.shipping",
    "workflows.order.stepper",
    "workflows.order.tasks",
    "workflows.payout.messages",
    "workflows.purchase.details",
    "workflows.purchase.messages",
    "workflows.purchase.stepper",
    "workflows.purchase.tasks",
    "workflows.repayment.messages",
)
_TO_ANOTHER: Final = frozenset(
    {
        CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
        CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    }
)
_NOWHERE: Final = StoreContext(target=None)


class Runner(SandboxedWorkflowRunner):
    """The sandbox's runner; its executions answer for themselves where they can."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Begin one more execution inside the sandbox."""
        return _Execution(super().create_instance(det), det.info)


class _Execution(WorkflowInstance):
    """One execution in the sandbox, seen from outside."""

    def __init__(self, inside: WorkflowInstance, info: workflow.Info) -> None:
        super().__init__()
        self._inside = inside
        self._own = WorkflowSerializationContext(info.namespace, info.workflow_id)

    def activate(self, act: Any) -> Any:  # noqa: ANN401 - the SDK's private messages
        return self._inside.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:  # noqa: ANN401 - the SDK's private type
        if command_info is not None and command_info.command_type in _TO_ANOTHER:
            return self._inside.get_serialization_context(command_info)
        return self._own

    def get_external_store_context(self, command_info: Any) -> StoreContext:  # noqa: ANN401, ARG002 - the SDK's own form
        """Payloads stay in the history: no external storage is configured."""
        return _NOWHERE

    def get_info(self) -> workflow.Info:
        return self._inside.get_info()

    def get_thread_id(self) -> int | None:
        return self._inside.get_thread_id()
