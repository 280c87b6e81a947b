"""Running a purchase's steps: one at a time, parked when one fails for good, shown when done."""

from typing import cast

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities import purchase_requests as steps
    from domain.errors import PendingRequest
    from domain.order.state import Parked
    from domain.purchase import rules
    from domain.purchase.state import PurchaseState
    from workflows._kit.attributes import Shown
    from workflows._kit.awaiting import Awaited
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.refusal import reason_of, refusal_in
    from workflows.order.messages import Resolve
    from workflows.purchase import tasks
    from workflows.purchase.details import describe
    from workflows.purchase.tasks import R, Task


class Stepper:
    """Holds a purchase's state and takes it from step to step.

    `now` is business time: the instant of the latest cause, never the wall clock's.
    """

    def __init__(self, state: PurchaseState, mail: Mailbox[PurchaseState]) -> None:
        """Begin where the purchase was placed; *mail* tells whether somebody waits to be heard."""
        self.state = state
        self.now = state.placed_at
        self.resolution: Resolve | None = None
        self._awaited = Awaited(mail)
        self._shown = Shown(rules.headline(state))

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
                workflow.logger.info(
                    "purchase.request_awaited", extra={"purchase": request.state.purchase}
                )
        else:
            self._awaited.is_over()

    async def do(self, task: Task[R], request: R) -> None:
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
                why = Parked(
                    task.name, reason_of(failed), task.name, workflow.now(), may=("retry",)
                )
                await self.do(tasks.PARK, steps.ParkPurchase(self.state, self.now, why))
                await self._operator()
                request = tasks.once_more(request, self.state)
            else:
                self._show()
                return

    async def _operator(self) -> None:
        """Wait for an operator's word about the parked step."""
        self.resolution = None
        await workflow.wait_condition(lambda: self.resolution is not None)
        word: Resolve = cast("Resolve", self.resolution)
        going_on = steps.ParkPurchase(self.state, self.now, None, str(word.actor), word.note)
        await self.do(tasks.PARK, going_on)

    def _show(self) -> None:
        due = rules.next_due(self.state)
        self._shown.show(
            rules.headline(self.state),
            due.at if due else None,
            needs_attention=self.state.parked is not None,
        )
        workflow.set_current_details(describe(self.state))
