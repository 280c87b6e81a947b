"""Refusals on their way out of a workflow: typed, and never a failure of the workflow itself."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from temporalio.exceptions import ActivityError, ApplicationError

from activities.failures import REJECTED, UNAVAILABLE
from domain.errors import Refusal

_OUTAGES: Final = (REJECTED, UNAVAILABLE)


@contextmanager
def refusing() -> Generator[None]:
    """Turn a refusal into the typed error that the caller of an update sees."""
    try:
        yield
    except Refusal as no:
        raise ApplicationError(no.detail, no.facts, type=no.code, non_retryable=True) from no


def refusal_in(failed: ActivityError) -> ApplicationError | None:
    """The refusal that a step ended with; None if the outside world or a defect failed it."""
    cause = failed.cause
    if isinstance(cause, ApplicationError) and cause.non_retryable and cause.type not in _OUTAGES:
        return cause
    return None


def reason_of(failed: ActivityError) -> str:
    """Why a step failed for good, in words."""
    return str(failed.cause or failed)
