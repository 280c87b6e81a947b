"""A payout's life, and the cycle that starts payouts."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.payout import PayoutActivities
    from activities.payout_operator import PayoutOperatorActivities
    from activities.requests import DuePayouts, PayoutDue, PayoutStep, PayoutWord
    from domain.errors import IllegalTransition
    from domain.ids import payout_workflow_id
    from domain.money import Money
    from domain.payout import rules
    from domain.payout import state as moves
    from domain.payout.state import (
        AFTER_SENT,
        BEFORE_SENT,
        Parked,
        PayoutState,
        Resolution,
        Stage,
    )
    from workflows._kit import attributes
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.attributes import Shown
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.options import PAYING, PROVIDER, RECORD, summed_up
    from workflows._kit.refusal import reason_of, refusing
    from workflows.payout.messages import (
        PayoutChanged,
        ResolvePayout,
        StartCycle,
        StartPayout,
    )

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
        self._word: ResolvePayout | None = None
        self._shown = Shown("due")

    @workflow.run
    async def run(self, asked: StartPayout) -> PayoutState:
        """Send what is payable, watch for a return, settle."""
        await self._sent(asked.as_of)
        while self._state.stage is Stage.SENT:
            await self._news_or_end_of_watch()
            await self._looked_at()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state

    async def _sent(self, at: datetime) -> None:
        """An outage that outlasts its retries keeps the reservation and is tried again later."""
        while self._state.stage is Stage.DUE:
            try:
                self._state = await workflow.execute_activity_method(
                    PayoutActivities.send,
                    PayoutStep(self._state, at),
                    **summed_up(PAYING, "Transfer to the seller's account and pay out"),
                )
            except ActivityError as failed:
                await self._parked("payout.send", reason_of(failed))
            self._show()

    async def _looked_at(self) -> None:
        try:
            self._state = await workflow.execute_activity_method(
                PayoutActivities.watch,
                PayoutStep(self._state, self._now),
                **summed_up(PROVIDER, "See whether the bank sent it back"),
            )
        except ActivityError as failed:
            await self._parked("payout.watch", reason_of(failed))
        self._show()

    async def _news_or_end_of_watch(self) -> None:
        until = self._state.watch_until
        self._clock.set(until, "the time in which a bank may send it back")
        await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)
        if self._mail:
            self._now = max(self._now, self._mail.next().received_at)
        elif until is not None:
            self._now = max(self._now, until)

    async def _parked(self, step: str, reason: str) -> None:
        """Wait for an operator's word, or try again by itself after some hours."""
        failure: str | None = reason
        while failure is not None:
            may = BEFORE_SENT if self._state.stage is Stage.DUE else AFTER_SENT
            why = Parked(step, failure, workflow.now(), may)
            self._state = moves.parked(self._state, why)
            self._shown.show("needs_attention", None, needs_attention=True)
            await workflow.execute_activity_method(
                PayoutOperatorActivities.park,
                PayoutStep(self._state, self._now, failure),
                **summed_up(RECORD, "Show that an operator is needed"),
            )
            workflow.set_current_details(_words_of(why))
            self._clock.set(workflow.now() + _TRIED_AGAIN_AFTER, "tried again")
            await workflow.wait_condition(
                lambda: bool(self._mail) or self._clock.has_rung or self._word is not None
            )
            failure = await self._heard()

    async def _heard(self) -> str | None:
        """Do what the operator says; returns why that failed, if it did."""
        if self._word is None:
            if self._mail:
                self._mail.next()
            return None
        try:
            self._state = await self._obeyed(self._word)
        except ActivityError as failed:
            return reason_of(failed)
        finally:
            self._word = None
        return None

    async def _obeyed(self, said: ResolvePayout) -> PayoutState:
        word = PayoutWord(self._state, said.received_at, str(said.actor), said.note)
        match said.resolution:
            case Resolution.RETRY:
                return await workflow.execute_activity_method(
                    PayoutOperatorActivities.resume,
                    word,
                    **summed_up(RECORD, "Put on record that it is tried again"),
                )
            case Resolution.VOID:
                return await workflow.execute_activity_method(
                    PayoutOperatorActivities.void,
                    word,
                    **summed_up(PAYING, "Give it back, unless the bank has it"),
                )
            case Resolution.SETTLE_BY_HAND:
                return await workflow.execute_activity_method(
                    PayoutOperatorActivities.settle_by_hand,
                    word,
                    **summed_up(PAYING, "Take it as paid outside, unless the bank has it"),
                )

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

    @workflow.update(description="An operator lets a parked payout go on.")
    async def resolve(self, request: ResolvePayout) -> PayoutState:
        """Try again, give it back, or take it as paid by hand. Refused unless parked."""
        self._word = request
        await workflow.wait_condition(lambda: self._word is not request)
        return self._state

    @resolve.validator
    def _may_resolve(self, request: ResolvePayout) -> None:
        with refusing():
            rules.check_resolution(self._state, request.actor, request.resolution)
            if self._word is not None:
                raise IllegalTransition("another word is being obeyed", payout=self._state.payout)

    @workflow.query(description="Where the payout stands.")
    def snapshot(self) -> PayoutState:
        """The payout's state."""
        return self._state


def _words_of(why: Parked) -> str:
    return (
        f"### Needs attention\n\n{why.reason}\n\nTried again every six hours, or at once when an "
        f"operator says so. May be: {', '.join(why.may)}. What was reserved stays reserved."
    )


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
        name = self._cycle.cycle or as_of.strftime(self._cycle.stamp)
        due = await workflow.execute_activity_method(
            PayoutActivities.list_due,
            self._next_batch(as_of),
            **summed_up(RECORD, "List the balances that are payable"),
        )
        for balance in due:
            await self._start(balance, name, as_of)
        started = self._cycle.started + len(due)
        workflow.set_current_details(f"Started {started} payouts as of {as_of:%Y-%m-%d %H:%M} UTC.")
        if len(due) == _BATCH:
            last = due[-1]
            workflow.continue_as_new(
                replace(
                    self._cycle,
                    cycle=name,
                    as_of=as_of,
                    after_seller=last.seller,
                    after_currency=last.currency,
                    started=started,
                )
            )
        return started

    def _next_batch(self, as_of: datetime) -> DuePayouts:
        cycle = self._cycle
        return DuePayouts(as_of, cycle.after_seller, cycle.after_currency, _BATCH, cycle.policy)

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
