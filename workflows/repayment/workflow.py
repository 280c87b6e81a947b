"""The life of one payment for goods that came after their refund."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.aftercare import AftercareActivities
    from activities.repayment import RepaymentActivities
    from activities.repayment_requests import AskAgain, RepaymentStep
    from activities.requests import CallOperator
    from domain.ids import repayment_workflow_id
    from domain.money import Money
    from domain.order.repaying import RepaymentState
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.attributes import Shown
    from workflows._kit.insistence import insisting
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows.order.messages import PaymentChanged
    from workflows.repayment.messages import PayAgain

_Step = Callable[[], Awaitable[RepaymentState]]


@workflow.defn(name="repayment")
class RepaymentWorkflow:
    """Waits for what a buyer was asked to pay again; the order itself has nothing more to do.

    Id "repayment/{order}". It ends when the money is there, or when the window has closed; the
    buyer may ask for it again.
    """

    @workflow.init
    def __init__(self, asked: PayAgain) -> None:
        """Begin with who asks; how much it is, the first step finds out."""
        self._state = asked.first_state()
        self._mail: Mailbox[RepaymentState] = Mailbox()
        self._clock = AlarmClock()
        self._shown = Shown(str(self._state.stage))

    @workflow.run
    async def run(self, asked: PayAgain) -> RepaymentState:
        """Ask the buyer, and wait until they have paid or the window closes."""
        await self._take(self._ask(asked))
        while self._state.is_open:
            await self._turn()
        return self._state

    async def _turn(self) -> None:
        """Hear the news of the payment; else close the window when it is due; else wait."""
        self._clock.set(self._state.closes_at, "the payment window closes")
        if self._mail:
            await self._take(self._settle(self._mail.next().received_at))
        elif self._state.closes_at is not None and self._clock.has_rung:
            await self._take(self._close(self._state.closes_at))
        else:
            await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)

    async def _take(self, step: _Step) -> None:
        """One step, until it succeeds: an operator hears of it when it fails for long."""
        self._state = await insisting(step, self._call)
        self._shown.show(str(self._state.stage), self._state.closes_at, needs_attention=False)
        workflow.set_current_details(_describe(self._state))

    def _ask(self, asked: PayAgain) -> _Step:
        options = summed_up(PROVIDER, "Ask the buyer to pay again")

        def step() -> Awaitable[RepaymentState]:
            # After an outage the window begins when there is something to pay with.
            at = max(asked.received_at, workflow.now())
            request = AskAgain(self._state, at, asked.method)
            return workflow.execute_activity_method(RepaymentActivities.ask, request, **options)

        return step

    def _settle(self, at: datetime) -> _Step:
        step = RepaymentStep(self._state, at)
        options = summed_up(PROVIDER, "Look at the payment")
        return lambda: workflow.execute_activity_method(RepaymentActivities.settle, step, **options)

    def _close(self, at: datetime) -> _Step:
        step = RepaymentStep(self._state, at)
        options = summed_up(PROVIDER, "Close the payment window")
        return lambda: workflow.execute_activity_method(RepaymentActivities.close, step, **options)

    async def _call(self, reason: str) -> None:
        subject = repayment_workflow_id(self._state.order)
        await workflow.execute_activity_method(
            AftercareActivities.call_operator,
            CallOperator(subject, workflow.now(), reason),
            **summed_up(RECORD, "Show that an operator is needed"),
        )

    @workflow.signal(description="The provider says that the payment has news.")
    def payment_changed(self, fact: PaymentChanged) -> None:
        """Written down, and applied when its turn comes: the provider's truth is read again."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.query(description="Where the repayment stands.")
    def snapshot(self) -> RepaymentState:
        """Its state, for those who speak to Temporal directly."""
        return self._state


def _describe(state: RepaymentState) -> str:
    """What the Temporal UI says about it, in Markdown."""
    words = f"### {str(state.stage).replace('_', ' ').capitalize()}\n\n"
    words += f"**To pay again** {Money(state.amount, state.currency)} for order `{state.order}`"
    if state.closes_at is not None:
        words += f"\n\n**Next** at {state.closes_at:%Y-%m-%d %H:%M:%S} UTC: the window closes"
    return words
