"""The life of one chargeback, from the bank's claim to its verdict."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.aftercare import AftercareActivities
    from activities.chargeback import ChargebackActivities
    from activities.chargeback_requests import ChargebackStep, Heard
    from activities.requests import CallOperator
    from domain.chargeback import moves, rules
    from domain.chargeback.rules import Action
    from domain.chargeback.state import ChargebackState, Stage
    from domain.dispute.state import PauseEvent
    from domain.ids import chargeback_workflow_id, dispute_workflow_id, order_workflow_id
    from domain.money import Money
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.attributes import Shown
    from workflows._kit.insistence import insisting
    from workflows._kit.mailbox import Letter, Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows._kit.refusal import refusing
    from workflows.chargeback.messages import AnswerBank, FollowChargeback
    from workflows.dispute.messages import ChargebackChanged, DisputesChanged
    from workflows.order.messages import PaymentChanged

_Step = Callable[[], Awaitable[Heard]]


@workflow.defn(name="chargeback")
class ChargebackWorkflow:
    """Follows what a cardholder's bank takes back, whether its order runs or ended long ago.

    Started by the provider's message (signal-with-start, id "chargeback/{provider's name}").
    """

    @workflow.init
    def __init__(self, asked: FollowChargeback) -> None:
        """Begin with the provider's name for it; what it is about, the first step finds out."""
        self._state = ChargebackState(asked.chargeback, opened_at=asked.received_at)
        self._mail: Mailbox[ChargebackState] = Mailbox()
        self._clock = AlarmClock()
        self._shown = Shown(str(self._state.stage))
        self._now = asked.received_at

    @workflow.run
    async def run(self, asked: FollowChargeback) -> ChargebackState:
        """Freeze what is claimed, answer the bank once and in time, and post what it decides."""
        await self._take(self._freeze(asked))
        while self._state.is_open:
            await self._turn()
        await self._last_words()
        return self._state

    async def _turn(self) -> None:
        """Hear the oldest message; else answer the bank when that is due; else wait for either."""
        due = self._state.answer_by if moves.is_due(self._state) else None
        self._clock.set(due, "the evidence goes to the bank")
        if self._mail:
            await self._hear(self._mail.next())
        elif due is not None and self._clock.has_rung:
            self._now = max(self._now, due)
            await self._take(self._answer(Action.CONTEST, self._now))
        else:
            await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)

    async def _take(self, step: _Step) -> None:
        """One step, until it succeeds; then the same orders, and their disputes, hear of it."""
        before = self._state
        heard = await insisting(step, self._call)
        self._state = heard.state
        self._shown.show(
            str(self._state.stage),
            self._state.answer_by if moves.is_due(self._state) else None,
            needs_attention=moves.is_due(self._state),
        )
        workflow.set_current_details(_describe(self._state))
        if before.stage is Stage.OPENING:
            # One that had ended before was followed anew: there is nothing to tell.
            if self._state.is_open:
                await self._tell(heard, PauseEvent.CHARGEBACK_OPENED)
        elif before.is_open and not self._state.is_open:
            await self._tell(heard, _told_as(self._state))

    def _freeze(self, asked: FollowChargeback) -> _Step:
        step = ChargebackStep(self._state, asked.received_at)
        options = summed_up(PROVIDER, "Freeze what the bank claims")
        return lambda: workflow.execute_activity_method(ChargebackActivities.open, step, **options)

    def _follow(self, at: datetime) -> _Step:
        step = ChargebackStep(self._state, at)
        options = summed_up(PROVIDER, "See how it stands with the bank")
        return lambda: workflow.execute_activity_method(
            ChargebackActivities.follow, step, **options
        )

    def _answer(self, action: Action, at: datetime, actor: str = "", reason: str = "") -> _Step:
        step = ChargebackStep(self._state, at, actor, reason)
        if action is Action.CONCEDE:
            giving_up = summed_up(PROVIDER, "Give the chargeback up")
            return lambda: workflow.execute_activity_method(
                ChargebackActivities.concede, step, **giving_up
            )
        options = summed_up(PROVIDER, "Submit the evidence")
        return lambda: workflow.execute_activity_method(
            ChargebackActivities.contest, step, **options
        )

    async def _call(self, reason: str) -> None:
        subject = chargeback_workflow_id(self._state.chargeback)
        await workflow.execute_activity_method(
            AftercareActivities.call_operator,
            CallOperator(subject, workflow.now(), reason),
            **summed_up(RECORD, "Show that an operator is needed"),
        )

    async def _tell(self, heard: Heard, event: PauseEvent) -> None:
        """Disputes stand still or go on; orders mirror what is frozen. Who has ended need not."""
        state = self._state
        name = f"{chargeback_workflow_id(state.chargeback)}/{state.version}"
        # Of before there was anything to net, nothing is.
        netted = heard.netted or (0,) * len(heard.disputes)
        for dispute, given in zip(heard.disputes, netted, strict=True):
            news = ChargebackChanged(name, self._now, state.chargeback, event, given)
            await self._said(dispute_workflow_id(dispute), "chargeback_changed", news)
        for one in state.slices:
            changed = DisputesChanged(name, self._now)
            await self._said(order_workflow_id(one.order), "disputes_changed", changed)

    async def _said(self, process: str, signal: str, message: object) -> None:
        try:
            await workflow.get_external_workflow_handle(process).signal(signal, message)
        except FailureError:
            workflow.logger.info("process.not_told", extra={"process": process})

    async def _last_words(self) -> None:
        """Nothing asked goes unanswered: what came too late is told so."""
        while self._mail or not workflow.all_handlers_finished():
            await workflow.wait_condition(
                lambda: bool(self._mail) or workflow.all_handlers_finished()
            )
            if self._mail:
                await self._hear(self._mail.next())

    async def _hear(self, letter: Letter[ChargebackState]) -> None:
        self._now = max(self._now, letter.received_at)
        try:
            with refusing():
                await self._apply(letter.message)
        except ApplicationError as no:
            letter.refusal = no
        else:
            letter.answer = self._state

    async def _apply(self, message: object) -> None:
        """One message, one step. A request is judged again: the bank may have been faster."""
        match message:
            case PaymentChanged() if self._state.is_open:
                await self._take(self._follow(message.received_at))
            case AnswerBank():
                rules.check(self._state, message.action, message.actor)
                actor, at = str(message.actor), message.received_at
                await self._take(self._answer(message.action, at, actor, message.reason))
            case _:
                return

    @workflow.signal(description="The provider says that the chargeback has news.")
    def payment_changed(self, fact: PaymentChanged) -> None:
        """Written down, and applied when its turn comes: the provider's truth is read again."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.query(description="Where the chargeback stands.")
    def snapshot(self) -> ChargebackState:
        """Its state, for those who speak to Temporal directly."""
        return self._state

    @workflow.update(description="Submit the evidence now, or give the chargeback up.")
    async def answer(self, request: AnswerBank) -> ChargebackState:
        """Refused once the bank hears no more of us."""
        return await self._mail.hear(request, request.received_at)

    @answer.validator
    def _may_answer(self, request: AnswerBank) -> None:
        with refusing():
            rules.check(self._state, request.action, request.actor)


def _told_as(state: ChargebackState) -> PauseEvent:
    """What a dispute hears of the verdict: it goes on, goes on for less, or has nothing to give."""
    if state.is_partly_lost:
        return PauseEvent.CHARGEBACK_PARTLY
    return PauseEvent.CHARGEBACK_LOST if state.lost else PauseEvent.CHARGEBACK_WON


def _describe(state: ChargebackState) -> str:
    """What the Temporal UI says about it, in Markdown."""
    words = f"### {str(state.stage).replace('_', ' ').capitalize()}\n\n"
    if state.currency:
        words += f"**Claimed** {Money(state.amount, state.currency)} of `{state.payment}`"
    for one in state.slices:
        words += f"\n\n- `{one.order}` {Money(one.amount, state.currency)}, frozen "
        words += f"{Money(one.held, state.currency)}"
    if moves.is_due(state) and state.answer_by is not None:
        words += f"\n\n**Next** at {state.answer_by:%Y-%m-%d %H:%M} UTC: the evidence goes out"
    return words
