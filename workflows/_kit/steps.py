"""Running a process's steps: one at a time, parked when one fails for good, shown when done."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from domain.errors import PendingRequest
    from domain.order.state import Parked
    from workflows._kit.awaiting import Awaited
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.options import summed_up
    from workflows._kit.refusal import reason_of, refusal_in
    from workflows.order.messages import Resolve

S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True)
class Task(Generic[R, S]):
    """One kind of step: what runs, how long it may take, what the UI calls it."""

    name: str
    run: MethodAsyncSingleParam[Any, R, S]
    options: workflow.ActivityConfig
    summary: str
    may: tuple[str, ...] = ("retry",)

    @property
    def config(self) -> workflow.ActivityConfig:
        """Time limits and retries, with the words that the UI shows."""
        return summed_up(self.options, self.summary)


class Manner(Protocol[S]):
    """What is each process's own about its steps."""

    def parking(
        self, state: S, at: datetime, why: Parked | None, word: Resolve | None
    ) -> tuple[Task[Any, S], Any]:
        """The step that shows that an operator is needed, or (None) no longer."""
        ...

    def once_more(self, request: Any, state: S, word: Resolve) -> Any:  # noqa: ANN401 - any step's
        """The same step again after an operator's word: same key, the state as it stands now."""
        ...

    def show(self, state: S) -> None:
        """Say in the UI where the process stands."""
        ...


class Steps(Generic[S]):
    """Holds a process's state and takes it from step to step.

    `now` is business time: the instant of the latest cause, never the wall clock's.
    """

    def __init__(self, state: S, now: datetime, mail: Mailbox[S], manner: Manner[S]) -> None:
        """Begin with *state*; *mail* tells whether somebody waits to be heard."""
        self.state = state
        self.now = now
        self.word: Resolve | None = None
        self._awaited = Awaited(mail)
        self._manner = manner

    async def do(self, task: Task[R, S], request: R) -> None:
        """Run one step. When it fails for good outside the story, park; never die of it."""
        while True:
            try:
                self.state = await workflow.execute_activity_method(
                    task.run, request, **task.config
                )
            except ActivityError as failed:
                refusal = refusal_in(failed)
                if refusal is not None:
                    raise refusal from None
                why = Parked(task.name, reason_of(failed), task.name, workflow.now(), task.may)
                word = await self.parked(why)
                request = self._manner.once_more(request, self.state, word)
            else:
                self._manner.show(self.state)
                return

    async def in_time(self, task: Task[R, S], request: R) -> None:
        """Act on a deadline, unless somebody spoke up in time and waits to be heard.

        Then their words are waited for, and everything is looked at again.
        """
        try:
            await self.do(task, request)
        except ApplicationError as no:
            if no.type != PendingRequest.code:
                raise
            if not await self._awaited.arrives():
                workflow.logger.info("request.awaited", extra={"task": task.name})
        else:
            self._awaited.is_over()

    async def by_itself(self, step: Awaitable[None]) -> None:
        """Take a step that nobody has asked for.

        A rule that refuses it contradicts what led there: the process parks with its money in it,
        rather than die of it.
        """
        try:
            await step
        except ApplicationError as no:
            await self.parked(Parked("turn", str(no), no.type or "", workflow.now()))

    async def parked(self, why: Parked) -> Resolve:
        """Show that an operator is needed, and wait for their word."""
        await self.do(*self._manner.parking(self.state, self.now, why, None))
        return await self.operator()

    async def operator(self) -> Resolve:
        """Wait for an operator's word about what is parked."""
        self.word = None
        await workflow.wait_condition(lambda: self.word is not None)
        word = cast("Resolve", self.word)
        await self.do(*self._manner.parking(self.state, self.now, None, word))
        return word
