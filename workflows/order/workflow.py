"""The life of one order, from checkout until nothing of its money is open."""

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Final, cast

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities import requests as steps
    from activities.aftercare import AftercareActivities
    from activities.dispute_requests import HeedDisputes
    from activities.requests import Move
    from domain.errors import IllegalTransition
    from domain.order import facts, online_moves, rules
    from domain.order.consent import TOPIC_OF
    from domain.order.headlines import headline
    from domain.order.rules import WHEN_DUE, Action, Due
    from domain.order.state import ClockName, Fulfilment, OrderState, Outcome, Payment
    from domain.payout.rules import Standing
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.insistence import insisting
    from workflows._kit.mailbox import Letter, Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows._kit.refusal import refusing
    from workflows.dispute.messages import DisputesChanged
    from workflows.order import messages as said
    from workflows.order import paying, shipping, tasks
    from workflows.order.editions import must_be_known
    from workflows.order.hearing import judge, step_of
    from workflows.order.requests import Conversation
    from workflows.order.stepper import Stepper

_WHEN_SILENT: Final = MappingProxyType(
    {
        ClockName.DELIVERY: Move.BUYER_ASKED,
        ClockName.ANSWER: Move.NEVER_RECEIVED,
        ClockName.CONFIRMATION: Move.RECEIVED_BY_SILENCE,
        ClockName.FIRST_SCAN: Move.SHIPMENT_DOUBTED,
        ClockName.PROOF: Move.SHIPMENT_FALSE,
        ClockName.RETURN: Move.RETURN_OVERDUE,
    }
)

# Where the buyer's money is waited for, and where the goods are; a lapsed authorisation leads back.
_UNPAID: Final = frozenset({Payment.AWAITING, Payment.AMOUNT_DIFFERS})
_UNSHIPPED: Final = frozenset({Fulfilment.NOT_STARTED, Fulfilment.AWAITING_SHIPMENT})


@workflow.defn(name="order")
class OrderWorkflow(Conversation):
    """One order.

    `run` reads as the life of an order and is the only place that moves money. What is said to
    it waits in its mailbox and is heard in turn: a fact (signal) is never refused or lost, a
    request (update) is judged at once by the state's table and answered when its turn has come.
    """

    @workflow.init
    def __init__(self, placed: said.PlaceOrder) -> None:
        """Begin with what was asked; everything else is resolved by the first step."""
        state = OrderState(
            order=placed.order,
            buyer=placed.buyer,
            seller=placed.seller,
            currency=placed.currency,
            total=placed.total,
            placed_at=placed.received_at,
            subsidy=placed.subsidy,
            paid_by=placed.paid_by,
        )
        self._mail: Mailbox[OrderState] = Mailbox()
        self._order = Stepper(state, self._mail, placed.edition)
        self._clock = AlarmClock()

    @workflow.run
    async def run(self, placed: said.PlaceOrder) -> OrderState:
        """Buyer pays, seller ships, buyer receives, seller is paid; or the buyer is refunded."""
        must_be_known(placed.edition)
        await self._open(placed)
        if await self._buyer_pays():
            if (
                await self._risk_is_accepted()
                and await self._seller_ships()
                and await self._buyer_receives()
            ):
                await self._seller_is_paid()
            await self._buyer_is_refunded()
        await self._last_words()
        return self._order.state

    async def _open(self, placed: said.PlaceOrder) -> None:
        opening = steps.OpenOrder(self._order.state, placed.lines, placed.ship_to)
        await self._order.do(tasks.OPEN, opening)
        if self._order.state.ended_at is None and not placed.paid_by:
            await self._order.do(
                tasks.ASK, steps.AskPayment(self._order.state, self._order.now, placed.method)
            )

    async def _buyer_pays(self) -> bool:
        await self._until(lambda state: state.payment not in _UNPAID)
        return self._order.state.payment is not Payment.NEVER_PAID

    async def _risk_is_accepted(self) -> bool:
        await self._until(lambda state: state.payment is not Payment.IN_RISK_CHECK)
        return self._goes_on

    async def _seller_ships(self) -> bool:
        await self._until(lambda state: state.fulfilment not in _UNSHIPPED)
        return self._goes_on

    async def _buyer_receives(self) -> bool:
        await self._until(lambda state: state.fulfilment is Fulfilment.RECEIVED)
        return self._goes_on

    async def _seller_is_paid(self) -> None:
        """Wait out protection, holds and reserve; the last release ends the order."""
        await self._until(lambda _: False)

    async def _buyer_is_refunded(self) -> None:
        """Give back all that is left of an order that was called off, and see it arrive."""
        while self._order.state.ended_at is None:
            if rules.is_refund_due(self._order.state):
                left, why = facts.refundable(self._order.state), str(self._order.state.outcome)
                await self._order.by_itself(self._order.refund(left, reason=why))
            elif rules.is_void_due(self._order.state):
                await self._order.do(tasks.VOID, steps.Step(self._order.state, self._order.now))
            elif online_moves.to_void(self._order.state):
                await shipping.labels_go_back(self._order)
            elif rules.is_settled(self._order.state):
                await self._ends()
            else:
                await self._turn()

    async def _ends(self) -> None:
        ended = steps.Record(self._order.state, self._order.now, Move.ENDED)
        await self._order.do(tasks.RECORD_MOVE, ended)

    async def _last_words(self) -> None:
        """Nothing said to the order goes unanswered: what came too late is told so."""
        while self._mail or not workflow.all_handlers_finished():
            await workflow.wait_condition(
                lambda: bool(self._mail) or workflow.all_handlers_finished()
            )
            if self._mail:
                await self._hear(self._mail.next())

    @property
    def _goes_on(self) -> bool:
        return self._order.state.outcome is Outcome.OPEN and self._order.state.ended_at is None

    async def _until(self, happened: Callable[[OrderState], bool]) -> None:
        """Take turns until it has happened, or the order is called off or over."""
        while self._goes_on and not happened(self._order.state):
            await self._turn()

    async def _turn(self) -> None:
        """Hear the oldest message; else do what is due; else wait for either."""
        due = rules.next_due(self._order.state)
        self._clock.set(due.at if due else None, due.words if due else "")
        if self._mail:
            await self._hear(self._mail.next())
        else:
            await self._order.by_itself(self._unasked(due))

    async def _unasked(self, due: Due | None) -> None:
        if self._order.state.owed and facts.is_owed_payable(self._order.state):
            await self._pay_what_is_owed()
        elif online_moves.to_void(self._order.state):
            await shipping.labels_go_back(self._order)
        elif rules.is_release_due(self._order.state):
            await self._order.in_time(tasks.RELEASE, steps.Step(self._order.state, self._order.now))
        elif rules.is_end_due(self._order.state):
            await self._ends()
        elif due is not None and self._clock.has_rung:
            self._order.now = max(self._order.now, due.at)
            await self._act_on(due)
        else:
            await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)

    async def _pay_what_is_owed(self) -> None:
        """A part of the goods will not come: its money goes back, and the order goes on."""
        owed = facts.owed_now(self._order.state)
        if owed is None:
            void = steps.Record(self._order.state, self._order.now, Move.NOTHING_OWED)
            await self._order.do(tasks.RECORD_MOVE, void)
        else:
            await self._order.refund(owed.amount, reason=owed.reason, owed=owed.name)

    async def _act_on(self, due: Due) -> None:
        """Do what a clock's end means; business time is the instant at which it ended."""
        state, at = self._order.state, due.at
        if due.is_reminder:
            await self._order.do(tasks.REMIND, steps.Remind(state, at, due.clock, due.parcel))
            return
        match due.clock:
            case _ if due.clock in paying.WHEN_DUE:
                await paying.WHEN_DUE[due.clock](self._order, at)
            case ClockName.RISK:
                clock = facts.clock_of(state, ClockName.RISK)
                move = Move.RISK_REFUSED if clock and clock.reminded else Move.RISK_EXTENDED
                await self._order.in_time(
                    tasks.RECORD_MOVE, steps.Record(state, at, move, by_deadline=True)
                )
            case ClockName.EARLY_RELEASE | ClockName.RELEASE:
                await self._order.in_time(tasks.RELEASE, steps.Step(state, at))
            case ClockName.RESERVE:
                await self._order.in_time(tasks.RELEASE_RESERVE, steps.Step(state, at))
            case ClockName.SHIPMENT:
                is_part = state.fulfilment is Fulfilment.PARTLY_SHIPPED
                move = Move.NOT_ALL_SHIPPED if is_part else Move.NEVER_SHIPPED
                await self._order.in_time(
                    tasks.RECORD_MOVE, steps.Record(state, at, move, by_deadline=True)
                )
            case ClockName.PICKUP | ClockName.CHECK_IN:
                await shipping.look_after_courier(self._order, due)
            case _ if due.clock in TOPIC_OF:
                await self._order.in_time(
                    tasks.SETTLE_CONSENT,
                    steps.Consent(state, at, TOPIC_OF[due.clock], by_deadline=True),
                )
            case _:
                silence = steps.Record(
                    state, at, _WHEN_SILENT[due.clock], by_deadline=True, parcel=due.parcel
                )
                await self._order.in_time(tasks.RECORD_MOVE, silence)

    async def _hear(self, letter: Letter[OrderState]) -> None:
        self._order.now = max(self._order.now, letter.received_at)
        try:
            with refusing():
                await self._apply(letter.message)
        except ApplicationError as no:
            letter.refusal = no
        else:
            letter.answer = self._order.state

    async def _apply(self, message: object) -> None:
        """One message, one step. A request is judged again: the order may have moved on."""
        if isinstance(message, said.Fact):
            await self._learn(message)
            return
        match message:
            case said.RefundOrder():
                judge(self._order.state, message)
                await self._order.refund(message.amount, str(message.actor), message.reason)
            case said.CancelOrder():
                judge(self._order.state, message)
                await paying.cancel(self._order, message)
            case said.PayAnotherWay():
                judge(self._order.state, message)
                await paying.pay_another_way(self._order, message)
            case said.DeclareShipment() | said.BuyLabel() | said.SchedulePickup():
                judge(self._order.state, message)
                await shipping.ship(self._order, message)
            case _:
                request = cast("said.Request", message)
                judge(self._order.state, request)
                await self._order.do(*step_of(self._order.state, request))

    async def _learn(self, fact: said.Fact) -> None:
        """What is only told: the truth about it is read again."""
        state, at = self._order.state, fact.received_at
        match fact:
            case said.PaymentChanged():
                await self._payment_changed(fact)
            case said.ParcelMoved():
                if self._goes_on or state.parcels:
                    await self._order.do(tasks.FOLLOW, steps.Step(state, at))
                    await shipping.tell_of_arrivals(state, self._order.state, fact)
            case said.SellerChanged():
                await self._seller_changed(fact)
            case said.FraudWarned():
                await self._order.do(tasks.HEED_FRAUD, steps.Step(state, at, "provider"))
            case DisputesChanged():
                if state.ended_at is None:
                    await self._order.do(tasks.HEED_DISPUTES, HeedDisputes(state, at))

    async def _payment_changed(self, news: said.PaymentChanged) -> None:
        at = news.received_at
        if self._order.state.ended_at is not None:
            await insisting(lambda: self._care_for(at), lambda why: self._call(at, why))
        elif self._order.state.payment is Payment.AWAITING:
            await paying.settle(self._order, at)
        else:
            await paying.heard_of(self._order, at)
            await self._follow_refunds(at)

    async def _follow_refunds(self, at: datetime) -> None:
        if self._order.state.refunds:
            sent = self._order.state.refunded
            await self._order.do(tasks.FOLLOW_REFUNDS, steps.Step(self._order.state, at))
            if self._order.state.parked is not None:
                resolution = await self._order.operator()
                await self._order.refund(sent - self._order.state.refunded, resolved=resolution)

    async def _seller_changed(self, news: said.SellerChanged) -> None:
        """What has not left is called off; what is on its way goes on, its money kept.

        A part of a purchase waits for the one payment, and is called off when it has its share.
        """
        at = news.received_at
        if self._goes_on and news.standing is not Standing.ACTIVE:
            await paying.seller_gone(self._order, at)
        state = self._order.state
        is_kept = state.frozen and state.ended_at is None
        if self._goes_on or (is_kept and news.standing is not Standing.SUSPENDED):
            heeding = steps.HeedStanding(self._order.state, at, news.standing)
            await self._order.do(tasks.HEED_STANDING, heeding)

    async def _care_for(self, at: datetime) -> str:
        return await workflow.execute_activity_method(
            AftercareActivities.payment,
            steps.CareForPayment(self._order.state.order, at),
            **summed_up(PROVIDER, "News of the payment after the order's end"),
        )

    async def _call(self, at: datetime, reason: str) -> None:
        await workflow.execute_activity_method(
            AftercareActivities.call_operator,
            steps.CallOperator(f"order/{self._order.state.order}", at, reason),
            **summed_up(RECORD, "Show that an operator is needed"),
        )

    def noted(self, fact: said.Fact) -> None:
        """A fact is written down, once per event, and applied when its turn comes."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.query(description="Where every axis stands, what is allowed, what comes next.")
    def snapshot(self) -> said.OrderSnapshot:
        """Everything there is to know, for those who speak to Temporal directly."""
        due = rules.next_due(self._order.state)
        return said.OrderSnapshot(
            state=self._order.state,
            status=headline(self._order.state),
            allowed={
                str(name): tuple(who) for name, who in rules.allowed(self._order.state).items()
            },
            next=WHEN_DUE[due.clock] if due else "",
            next_at=due.at if due else None,
        )

    async def asked(self, request: said.Request) -> OrderState:
        """A request waits for its turn, and is answered with how the order stands after it."""
        return await self._mail.hear(request, request.received_at)

    def judge(self, request: said.Request) -> None:
        """What the table does not allow is refused before it is written down."""
        with refusing():
            judge(self._order.state, request)

    @workflow.update(description="An operator lets a parked order go on.")
    async def resolve(self, request: said.Resolve) -> OrderState:
        """Try the parked step again, or take it as settled by hand. Refused unless parked."""
        self._order.resolution = request
        await workflow.wait_condition(lambda: self._order.state.parked is None)
        return self._order.state

    @resolve.validator
    def _may_resolve(self, request: said.Resolve) -> None:
        with refusing():
            rules.check(self._order.state, Action.RESOLVE, request.actor, request.received_at)
            parked = self._order.state.parked
            if parked is not None and request.resolution not in parked.may:
                may = ", ".join(parked.may)
                raise IllegalTransition(f"{parked.step} may only be: {may}", step=parked.step)
