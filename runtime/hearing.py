"""How Temporal says no: a rule's refusal, an outage, or a process that is gone."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import structlog
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import IllegalTransition, NotKnown, Refusal
from runtime.answers import REFUSALS

# The process ended between taking a request and answering it.
_ENDED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"
# Of a process that is there no more: it ended before, or just as it was to hear of the request.
_ENDED: Final = ("completed", "aborted by closing")
# Another fact reached the process just as it ended: its last step is taken again.
_INTERRUPTED: Final = "unexpected workflow task failure"
_NOT_NOW: Final = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)
# Our own key has run out, or may not do this: an operator's to mend, and no answer to any caller.
_NOT_US: Final = frozenset({RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED})
log = structlog.get_logger(__name__)


class Undelivered(Exception):
    """Temporal, or the process, gave no answer in time: ask again later."""


class Interrupted(Undelivered):
    """The process was cut off in its step, and takes it again: ask again at once."""


@contextmanager
def hearing(process: str) -> Generator[None]:
    """Turn what Temporal raises into a `Refusal` or `Undelivered`; the rest is a defect."""
    try:
        yield
    except WorkflowUpdateFailedError as error:
        refusal = _refusal(error.cause, process)
        if refusal is None:
            raise
        raise refusal from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise Undelivered("no answer in time") from None
    except RPCError as error:
        meant = _meant_by(error, process)
        if meant is None:
            raise
        raise meant from None
    except RuntimeError as error:
        # How the client says that it cannot connect.
        if "connect" not in str(error).lower():
            raise
        raise Undelivered("Temporal cannot be reached") from None


def _meant_by(error: RPCError, process: str) -> Exception | None:
    if _is_refused_to_us(error):
        log.error("temporal.refuses_us", status=error.status.name, said=error.message)
        return Undelivered(f"Temporal refuses us: {error.status.name}")
    if error.status is RPCStatusCode.NOT_FOUND:
        return _gone(process, error.message)
    if _INTERRUPTED in error.message:
        return Interrupted("the process takes its step again")
    if error.status in _NOT_NOW:
        return Undelivered(f"Temporal says {error.status.name}")
    return None


def _is_refused_to_us(error: RPCError) -> bool:
    """Whether it is about our access and no process: a key, or a namespace that is not there."""
    if error.status in _NOT_US:
        return True
    kinds = (detail.type_url for detail in error.grpc_status.details)
    return error.status is RPCStatusCode.NOT_FOUND and any(
        kind.endswith(NamespaceNotFoundFailure.DESCRIPTOR.full_name) for kind in kinds
    )


def _refusal(cause: BaseException | None, process: str) -> Refusal | None:
    if not isinstance(cause, ApplicationError):
        return None
    if cause.type == _ENDED_MEANWHILE:
        return _gone(process, "completed")
    kind = REFUSALS.get(cause.type or "")
    return None if kind is None else kind(cause.message, **_facts(cause))


def _facts(cause: ApplicationError) -> dict[str, Any]:
    first = cause.details[0] if cause.details else None
    return dict(cast("Mapping[str, Any]", first)) if isinstance(first, Mapping) else {}


def _gone(process: str, detail: str) -> Refusal:
    if any(words in detail for words in _ENDED):
        return IllegalTransition(
            f"{process} has ended: nothing can be asked of it any more", object=process
        )
    return NotKnown(f"there is no {process}", object=process)
