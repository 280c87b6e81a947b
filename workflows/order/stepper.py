"""Running an order's steps: one at a time, parked when one fails for good, shown when done."""

from collections.abc import Awaitable
from typing import Final, cast

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities import requests as steps
    from domain.errors import PendingRequest
    from domain.order import rules
    from domain.order.headlines import phase, phase_before
    from domain.order.state import OrderState, Parked
    from workflows._kit.attributes import Shown
    from workflows._kit.awaiting import Awaited
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.refusal import reason_of, refusal_in
    from workflows.order import messages as said
    from workflows.order import tasks
    from workflows.order.details import describe
    from workflows.order.editions import WITHOUT_PATCH
    from workflows.order.messages import Resolution
    from workflows.order.tasks import R, Task

# Executions of edition 0 that began before it take every step as an activity, and go on so.
_QUICK: Final = "quick-steps-within-the-task"


class Stepper:
    """Holds an order's state and takes it from step to step.

    `now` is business time: the instant of the latest cause, never the wall clock's.
    """

    def __init__(self, state: OrderState, mail: Mailbox[OrderState], edition: int) -> None:
        """Begin where the order was placed; *mail* tells whether somebody waits to be heard."""
        self.state = state
        self.now = state.placed_at
        self.resolution: said.Resolve | None = None
        self._awaited = Awaited(mail)
        self._is_of_old = edition < WITHOUT_PATCH
        self._phase = phase_before if self._is_of_old else phase
        self._shown = Shown(self._phase(state))

    async def refund(
        self,
        amount: int,
        actor: str = "",
        reason: str = "",
        resolved: said.Resolve | None = None,
        owed: str = "",
    ) -> None:
        """Refund until it is sent: after the provider's final no, an operator says how to go on.

        *owed* names the entry of the state's `owed` that is paid by it.
        """
        while True:
            attempt = steps.Refund(
                self.state,
                self.now,
                self.state.refunds + 1,
                amount,
                actor,
                reason,
                by_hand=_by_hand(resolved),
                owed=owed,
            )
            await self.do(tasks.REFUND, attempt)
            if self.state.parked is None:
                return
            resolved = await self.operator()

    async def in_time(self, task: Task[R], request: R) -> None:
        """Act on a deadline, unless somebody spoke up in time and waits to be heard.

        Then their words are waited for, and everything is looked at again.
        """
        try:
            await self.do(task, request)
        except ApplicationError as no:
            if no.type != PendingRequest.code:
                raise
            if not await self._awaited.arrives():
                workflow.logger.info("order.request_awaited", extra={"order": request.state.order})
        else:
            self._awaited.is_over()

    async def do(self, task: Task[R], request: R) -> None:
        """Run one step. When it fails for good outside the story, park; never die of it."""
        while True:
            try:
                self.state = await self._taken(task, request)
            except ActivityError as failed:
                refusal = refusal_in(failed)
                if refusal is not None:
                    raise refusal from None
                why = Parked(task.name, reason_of(failed), task.name, workflow.now(), task.may)
                await self.do(tasks.PARK, steps.Park(self.state, self.now, why))
                resolved = await self.operator()
                request = tasks.once_more(request, self.state, _by_hand(resolved))
            else:
                self._show()
                return

    async def _taken(self, task: Task[R], request: R) -> OrderState:
        """Take a step; a quick one within this very task, where it costs no task of its own.

        A local activity is done before the history knows of it. So only steps are quick whose
        place in the order of events no crash can change: what opens an order, and what a fact
        leads to, for facts are heard in the order in which the history has them
        (docs/adr/0029-what-an-order-costs.md). One that fails, for whatever reason, is taken again
        as any other step, with its patience and its refusals.
        """
        if task.is_quick and (not self._is_of_old or workflow.patched(_QUICK)):
            try:
                return await workflow.execute_local_activity_method(
                    task.run, request, **task.at_once
                )
            except FailureError as failed:
                # Its kind alone: what a database says of a failure may hold words of people.
                cause = failed.cause or failed
                told = {"step": task.name, "kind": getattr(cause, "type", type(cause).__name__)}
                workflow.logger.warning("order.not_done_at_once", extra=told)
        return await workflow.execute_activity_method(task.run, request, **task.config)

    async def by_itself(self, step: Awaitable[None]) -> None:
        """Take a step that nobody has asked for.

        A rule that refuses it contradicts the clock that led there: the order parks with its money
        in it, rather than die of it.
        """
        try:
            await step
        except ApplicationError as no:
            why = Parked("order.turn", str(no), no.type or "", workflow.now(), ("retry",))
            await self.do(tasks.PARK, steps.Park(self.state, self.now, why))
            await self.operator()

    async def operator(self) -> said.Resolve:
        """Wait for an operator's word about the parked step."""
        self.resolution = None
        await workflow.wait_condition(lambda: self.resolution is not None)
        word: said.Resolve = cast("said.Resolve", self.resolution)
        going_on = steps.Park(self.state, self.now, None, str(word.actor), word.note)
        await self.do(tasks.PARK, going_on)
        return word

    def _show(self) -> None:
        due = rules.next_due(self.state)
        self._shown.show(
            self._phase(self.state),
            due.at if due else None,
            needs_attention=self.state.parked is not None,
        )
        workflow.set_current_details(describe(self.state))


def _by_hand(word: said.Resolve | None) -> str:
    """The note of a step that an operator settled outside; "" if it is to be tried again."""
    if word is None or word.resolution is not Resolution.SETTLE_BY_HAND:
        return ""
    return word.note or f"settled by {word.actor}"
