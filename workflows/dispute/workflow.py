"""The life of one dispute, from its opening until its verdict is paid and final."""

from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities import dispute_requests as steps
    from domain.dispute import acts, clocks, moves, rules, settling
    from domain.dispute.clocks import WHEN_DUE, Due
    from domain.dispute.reasons import Category
    from domain.dispute.rules import Action, Asked
    from domain.dispute.state import (
        DISPUTE,
        PAUSE,
        DisputeEvent,
        DisputeState,
        Pause,
        PauseEvent,
        Stage,
    )
    from domain.errors import IllegalTransition
    from domain.ids import dispute_workflow_id, order_workflow_id
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.handlers import signal_of
    from workflows._kit.mailbox import Letter, Mailbox
    from workflows._kit.refusal import refusing
    from workflows._kit.steps import Steps
    from workflows.dispute import tasks
    from workflows.dispute.messages import (
        ChargebackChanged,
        DisputesChanged,
        GoodsArrived,
        OpenDispute,
    )
    from workflows.dispute.requests import Wish, update
    from workflows.order.messages import ParcelMoved, PaymentChanged, Resolve

_OWNER: Final = "DisputeWorkflow"


@workflow.defn(name="dispute")
class DisputeWorkflow:
    """One dispute.

    Opened by an update-with-start: what a rule refuses ends as not opened, and its caller hears
    why. It tells its order when a share is held and when the verdict is posted, and outlives it.
    """

    @workflow.init
    def __init__(self, asked: OpenDispute) -> None:
        """Begin with what was asked; everything else is resolved by the first step."""
        state = asked.first_state()
        self._mail: Mailbox[DisputeState] = Mailbox()
        manner = tasks.DisputeManner(state)
        self._steps = Steps(state, state.opened_at, self._mail, manner)
        self._clock = AlarmClock()
        self._refusal: ApplicationError | None = None
        self._is_open = False

    @workflow.run
    async def run(self, asked: OpenDispute) -> DisputeState:
        """Open it, let both sides and the platform find a verdict, post it, see it paid."""
        await self._open(asked)
        while not self._is_done:
            await self._turn()
        return self._state

    @property
    def _is_done(self) -> bool:
        """Whether nothing is open, and nothing that was said goes unanswered."""
        is_heard = not self._mail and workflow.all_handlers_finished()
        return is_heard and settling.is_over(self._state)

    @property
    def _state(self) -> DisputeState:
        return self._steps.state

    async def _open(self, asked: OpenDispute) -> None:
        opening = steps.OpenDispute(
            self._state, asked.lines, asked.remedy, asked.amount, asked.currency
        )
        try:
            await self._steps.do(tasks.OPEN, opening)
        except ApplicationError as no:
            self._refusal = no
            self._steps.state = moves.not_opened(self._state, self._steps.now)
            workflow.set_current_details(f"### Not opened\n\n{no.message}")
        else:
            await self._tell_order()
        self._is_open = True

    async def _turn(self) -> None:
        """Hear the oldest message; else do what is due; else wait for either."""
        due = clocks.next_due(self._state)
        self._clock.set(due.at if due else None, _words(due))
        if self._mail:
            await self._hear(self._mail.next())
        else:
            await self._steps.by_itself(self._unasked(due))

    async def _unasked(self, due: Due | None) -> None:
        if self._state.to_pay:
            await self._pay()
        elif self._state.stage is Stage.SETTLING and self._state.pause is Pause.RUNNING:
            await self._steps.do(tasks.SETTLE, steps.DisputeStep(self._state, self._steps.now))
            await self._tell_order()
        elif settling.idle_label(self._state):
            giving = steps.DisputeStep(self._state, self._steps.now)
            await self._steps.do(tasks.GIVE_BACK_LABEL, giving)
        elif due is not None and self._clock.has_rung:
            self._steps.now = max(self._steps.now, due.at)
            await self._steps.in_time(tasks.RING, steps.Ring(self._state, due.at, due))
        else:
            await workflow.wait_condition(
                lambda: bool(self._mail) or self._clock.has_rung or self._is_done
            )

    async def _pay(self) -> None:
        """Pay until it is sent: after the provider's final no, an operator says how to go on."""
        by_hand = ""
        while self._state.to_pay:
            if self._state.parked is not None:
                by_hand = tasks.by_hand(await self._steps.operator())
            paying = steps.PayBuyer(self._state, self._steps.now, by_hand)
            await self._steps.do(tasks.PAY, paying)

    async def _tell_order(self) -> None:
        """An order that is running mirrors what is held and given; one that has ended need not."""
        order = workflow.get_external_workflow_handle(order_workflow_id(self._state.order))
        name = f"{dispute_workflow_id(self._state.dispute)}/{self._state.version}"
        try:
            await order.signal("disputes_changed", DisputesChanged(name, self._steps.now))
        except FailureError:
            workflow.logger.info("order.not_told", extra={"order": self._state.order})

    async def _hear(self, letter: Letter[DisputeState]) -> None:
        self._steps.now = max(self._steps.now, letter.received_at)
        try:
            with refusing():
                await self._apply(letter.message)
        except ApplicationError as no:
            letter.refusal = no
        else:
            letter.answer = self._state

    async def _apply(self, message: object) -> None:
        """One message, one step. A request is judged again: the case may have moved on."""
        state = self._state
        match message:
            case Wish():
                asked = message.request
                _judge(state, message)
                act = steps.Act(
                    state,
                    asked.received_at,
                    message.action,
                    asked.actor,
                    asked.asked,
                    asked.person,
                )
                is_label = message.action is Action.RETURN_LABEL
                await self._steps.do(tasks.BUY_LABEL if is_label else tasks.ACT, act)
            case GoodsArrived() if state.category is Category.NOT_RECEIVED:
                await self._happens(DisputeEvent.ARRIVED, message)
            case ParcelMoved():
                await self._happens(acts.tracked(state, message.milestone), message)
            case ChargebackChanged():
                await self._bank_says(message)
            case PaymentChanged() if state.refunds:
                looking = steps.DisputeStep(state, message.received_at)
                await self._steps.do(tasks.FOLLOW, looking)
            case _:
                return

    async def _happens(self, event: DisputeEvent | None, news: GoodsArrived | ParcelMoved) -> None:
        """What the table knows now; the rest is no news, and a pause does not lose it."""
        if event is not None and DISPUTE.allows(self._state.stage, event):
            heard = steps.Hear(self._state, news.received_at, event)
            await self._steps.do(tasks.HEAR, heard)

    async def _bank_says(self, news: ChargebackChanged) -> None:
        state = self._state
        is_new = news.event is PauseEvent.CHARGEBACK_OPENED
        is_ours = is_new or news.chargeback == state.chargeback
        if is_ours and PAUSE.allows(state.pause, news.event) and state.stage is not Stage.CLOSED:
            heard = steps.HearBank(state, news.received_at, news.event, news.chargeback, news.given)
            await self._steps.do(tasks.HEAR_BANK, heard)

    def noted(self, fact: GoodsArrived | ParcelMoved | ChargebackChanged | PaymentChanged) -> None:
        """A fact is written down, once per event, and applied when its turn comes."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    goods_arrived = signal_of(
        _OWNER, ("goods_arrived", "Goods that were called missing were delivered."), GoodsArrived
    )
    parcel_moved = signal_of(
        _OWNER, ("parcel_moved", "A return, or what was sent again, has moved."), ParcelMoved
    )
    payment_changed = signal_of(
        _OWNER, ("payment_changed", "The provider says that a refund has news."), PaymentChanged
    )
    chargeback_changed = signal_of(
        _OWNER,
        ("chargeback_changed", "A chargeback on the payment was opened, won or lost."),
        ChargebackChanged,
    )

    @workflow.query(description="Where the dispute stands.")
    def snapshot(self) -> DisputeState:
        """Its state, for those who speak to Temporal directly."""
        return self._state

    async def asked(self, wish: Wish) -> DisputeState:
        """A request waits for its turn, and is answered with how the dispute stands after it."""
        return await self._mail.hear(wish, wish.request.received_at)

    def judge(self, wish: Wish) -> None:
        """What the table does not allow is refused before it is written down."""
        with refusing():
            _judge(self._state, wish)

    @workflow.update(name="open", description="Open the dispute; sent together with its start.")
    async def open(self) -> DisputeState:
        """The opened dispute, its order told; or the rule's refusal."""
        await workflow.wait_condition(lambda: self._is_open)
        if self._refusal is not None:
            raise self._refusal
        return self._state

    propose = update(Action.PROPOSE)
    accept = update(Action.ACCEPT)
    decline = update(Action.DECLINE)
    escalate = update(Action.ESCALATE)
    extend_evidence = update(Action.EXTEND_EVIDENCE)
    decide = update(Action.DECIDE)
    approve = update(Action.APPROVE)
    disapprove = update(Action.DISAPPROVE)
    take_back = update(Action.TAKE_BACK)
    assign = update(Action.ASSIGN)
    return_label = update(Action.RETURN_LABEL)
    send_back = update(Action.SEND_BACK)
    accept_return = update(Action.ACCEPT_RETURN)
    send_again = update(Action.SEND_AGAIN)
    accept_goods = update(Action.ACCEPT_GOODS)
    object_to_goods = update(Action.OBJECT_TO_GOODS)
    change_reason = update(Action.CHANGE_REASON)
    contest_arrival = update(Action.CONTEST_ARRIVAL)
    withdraw = update(Action.WITHDRAW)
    appeal = update(Action.APPEAL)

    @workflow.update(description="An operator lets a parked dispute go on.")
    async def resolve(self, request: Resolve) -> DisputeState:
        """Try the parked step again, or take it as settled by hand. Refused unless parked."""
        self._steps.word = request
        await workflow.wait_condition(lambda: self._state.parked is None)
        return self._state

    @resolve.validator
    def _may_resolve(self, request: Resolve) -> None:
        with refusing():
            at, state = request.received_at, self._state
            rules.check(state, Action.RESOLVE, request.actor, at, Asked())
            if state.parked is not None and request.resolution not in state.parked.may:
                may = ", ".join(state.parked.may)
                raise IllegalTransition(f"{state.parked.step} may only be: {may}")


def _judge(state: DisputeState, wish: Wish) -> None:
    asked = wish.request
    rules.check(state, wish.action, asked.actor, asked.received_at, asked.asked)


def _words(due: Due | None) -> str:
    if due is None:
        return ""
    return f"{due.clock}: {'reminder' if due.is_reminder else WHEN_DUE[due.clock]}"
