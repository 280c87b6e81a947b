"""How a step's failure travels: typed, so that workflows and callers can tell the families apart.

A refusal goes out under its own code and is final. An outage is `unavailable` (tried again) or
`rejected` (final). Anything else is a defect and stays what it is.
"""

from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from adapters.errors import Rejected, Unavailable
from domain.errors import Refusal

UNAVAILABLE = "unavailable"
REJECTED = "rejected"


class TypedFailures(Interceptor):
    """Gives every activity's refusals and outages their public types."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's own name
        """Wrap the chain."""
        return _Typed(super().intercept_activity(next))


class _Typed(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's own form
        try:
            return await super().execute_activity(input)
        except Refusal as no:
            raise ApplicationError(
                no.detail,
                no.facts,
                type=no.code,
                non_retryable=True,
                category=ApplicationErrorCategory.BENIGN,
            ) from no
        except Unavailable as outage:
            raise ApplicationError(
                str(outage), type=UNAVAILABLE, category=ApplicationErrorCategory.BENIGN
            ) from outage
        except Rejected as no:
            raise ApplicationError(
                str(no), {"code": no.code}, type=REJECTED, non_retryable=True
            ) from no
