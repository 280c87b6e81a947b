"""A payout's life, and the cycle that starts payouts."""

from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.payout import PayoutActivities
    from activities.requests import DuePayouts, PayoutDue, PayoutStep
    from domain.ids import payout_workflow_id
    from domain.money import Money
    from domain.payout.state import PayoutState, Stage
    from workflows._kit import attributes
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.attributes import Shown
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows._kit.refusal import reason_of
    from workflows.payout.messages import PayoutChanged, StartCycle, StartPayout

_BATCH: Final = 100
_TRIED_AGAIN_AFTER: Final = timedelta(hours=6)


@workflow.defn(name="payout")
class PayoutWorkflow:
    """One payout: sent, watched for a return, settled; or withheld with its reason."""

    @workflow.init
    def __init__(self, asked: StartPayout) -> None:
        """Begin with what is to be paid; how much is found out under the balance's lock."""
        self._state = PayoutState(asked.payout, asked.seller, asked.currency, asked.as_of)
        self._now = asked.as_of
        self._mail: Mailbox[PayoutState] = Mailbox()
        self._clock = AlarmClock()
        self._shown = Shown("due")

    @workflow.run
    async def run(self, asked: StartPayout) -> PayoutState:
        """Send what is payable, watch for a return, settle."""
        await self._sent(asked.as_of)
        while self._state.stage is Stage.SENT:
            await self._news_or_end_of_watch()
            await self._looked_at()
        return self._state

    async def _sent(self, at: datetime) -> None:
        """An outage that outlasts its retries keeps the reservation and is tried again later."""
        while self._state.stage is Stage.DUE:
            try:
                self._state = await workflow.execute_activity_method(
                    PayoutActivities.send,
                    PayoutStep(self._state, at),
                    **summed_up(PROVIDER, "Transfer to the seller's account and pay out"),
                )
            except ActivityError as failed:
                await self._parked(reason_of(failed))
            self._show()

    async def _looked_at(self) -> None:
        try:
            self._state = await workflow.execute_activity_method(
                PayoutActivities.watch,
                PayoutStep(self._state, self._now),
                **summed_up(PROVIDER, "See whether the bank sent it back"),
            )
        except ActivityError as failed:
            await self._parked(reason_of(failed))
        self._show()

    async def _news_or_end_of_watch(self) -> None:
        until = self._state.watch_until
        self._clock.set(until, "the time in which a bank may send it back")
        await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)
        if self._mail:
            self._now = max(self._now, self._mail.next().received_at)
        elif until is not None:
            self._now = max(self._now, until)

    async def _parked(self, reason: str) -> None:
        """Wait for an operator's word, or try again by itself after some hours."""
        self._shown.show("needs_attention", None, needs_attention=True)
        await workflow.execute_activity_method(
            PayoutActivities.park,
            PayoutStep(self._state, self._now, reason),
            **summed_up(RECORD, "Show that an operator is needed"),
        )
        workflow.set_current_details(
            f"### Needs attention\n\n{reason}\n\nTried again every six hours, or at once when an "
            "operator signals `try_again`. What was reserved stays reserved."
        )
        self._clock.set(workflow.now() + _TRIED_AGAIN_AFTER, "tried again")
        await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)
        if self._mail:
            self._mail.next()

    def _show(self) -> None:
        state = self._state
        self._shown.show(str(state.stage), state.watch_until, needs_attention=False)
        amount = Money(state.net, state.currency)
        waits = (
            f"Watched for a return until **{state.watch_until:%Y-%m-%d %H:%M} UTC**."
            if state.stage is Stage.SENT and state.watch_until
            else f"Waits for nothing. {state.reason}"
        )
        workflow.set_current_details(
            f"### {state.stage.capitalize()}: {amount} to {state.seller}\n\n"
            f"As of {state.as_of:%Y-%m-%d %H:%M} UTC; fee {Money(state.fee, state.currency)}.\n\n"
            f"{waits}"
        )

    @workflow.signal(description="The provider says that the payout has news.")
    def payout_changed(self, fact: PayoutChanged) -> None:
        """Written down; the provider's truth is read when its turn comes."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.signal(description="An operator wants a step that failed to be tried now.")
    def try_again(self, fact: PayoutChanged) -> None:
        """Written down; the step that waits is tried again at once."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.query(description="Where the payout stands.")
    def snapshot(self) -> PayoutState:
        """The payout's state."""
        return self._state


@workflow.defn(name="payout_cycle")
class PayoutCycleWorkflow:
    """Starts a payout for every balance that is payable as of one moment."""

    @workflow.init
    def __init__(self, cycle: StartCycle | None = None) -> None:
        """A schedule gives no arguments: the cycle is then named and dated by its start."""
        self._cycle = cycle or StartCycle()

    @workflow.run
    async def run(self, cycle: StartCycle | None = None) -> int:  # noqa: ARG002 - init has it
        """Start the payouts in batches; returns how many were started."""
        as_of = self._cycle.as_of or workflow.now()
        name = self._cycle.cycle or f"{as_of:%Y-%m-%d}"
        due = await workflow.execute_activity_method(
            PayoutActivities.list_due,
            DuePayouts(as_of, self._cycle.after_seller, self._cycle.after_currency, _BATCH),
            **summed_up(RECORD, "List the balances that are payable"),
        )
        for balance in due:
            await self._start(balance, name, as_of)
        started = self._cycle.started + len(due)
        workflow.set_current_details(f"Started {started} payouts as of {as_of:%Y-%m-%d %H:%M} UTC.")
        if len(due) == _BATCH:
            last = due[-1]
            workflow.continue_as_new(StartCycle(name, as_of, last.seller, last.currency, started))
        return started

    async def _start(self, balance: PayoutDue, cycle: str, as_of: datetime) -> None:
        name = f"{cycle}-{balance.currency}"
        asked = StartPayout(f"{balance.seller}/{name}", balance.seller, balance.currency, as_of)
        try:
            _ = await workflow.start_child_workflow(
                PayoutWorkflow.run,
                asked,
                id=payout_workflow_id(balance.seller, name),
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=attributes.at_start("payout", "due", balance.seller),
                static_summary=f"Payout of {Money(balance.amount, balance.currency)}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("payout.already_started", extra={"payout": asked.payout})
