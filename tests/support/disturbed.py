"""Steps within a process's own task that do not go as they should."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

Disturb = Callable[[Awaitable[Any]], Awaitable[None]]


class Disturbing(Interceptor):
    """Disturbs a step wherever it runs within a task; elsewhere it is left alone."""

    def __init__(self, step: str, disturb: Disturb) -> None:
        self._step, self._disturb = step, disturb

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's own name
        return _Disturbed(super().intercept_activity(next), self._step, self._disturb)


class _Disturbed(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, step: str, disturb: Disturb) -> None:
        super().__init__(inner)
        self._step, self._disturb = step, disturb

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's own form
        taken = super().execute_activity(input)
        if activity.info().activity_type == self._step and activity.info().is_local:
            return await self._disturb(taken)
        return await taken
