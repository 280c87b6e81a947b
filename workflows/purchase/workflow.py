"""The life of one purchase over several sellers, until its one payment is final."""

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities import purchase_requests as steps
    from activities.aftercare import AftercareActivities
    from activities.purchase_care import PurchaseCareActivities
    from activities.requests import CallOperator, CareForPayment
    from domain.errors import AlreadyExists, IllegalTransition
    from domain.ids import order_workflow_id, purchase_workflow_id
    from domain.money import Money
    from domain.order.state import OrderState
    from domain.purchase import rules
    from domain.purchase.rules import Action
    from domain.purchase.state import PurchaseState, Stage
    from workflows._kit import attributes
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.insistence import insisting
    from workflows._kit.mailbox import Letter, Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows._kit.refusal import refusing
    from workflows.order.messages import (
        DecideAmount,
        FraudWarned,
        PayAnotherWay,
        PaymentChanged,
        PlaceOrder,
        Resolve,
    )
    from workflows.order.workflow import OrderWorkflow
    from workflows.purchase import paying, tasks
    from workflows.purchase.messages import CancelPurchase, PlacePurchase, SellerPart
    from workflows.purchase.stepper import Stepper

_Request = CancelPurchase | PayAnotherWay | DecideAmount
_OrderHandle = workflow.ChildWorkflowHandle[OrderWorkflow, OrderState]


@workflow.defn(name="purchase")
class PurchaseWorkflow:
    """One payment of several orders.

    Every order is opened before anything is asked of the buyer. They then wait for this process to
    say how the payment stands, and go on by themselves; it ends when the payment is final.
    """

    @workflow.init
    def __init__(self, placed: PlacePurchase) -> None:
        """Begin with what was asked; everything else is resolved by the first step."""
        self._placed = placed
        self._mail: Mailbox[PurchaseState] = Mailbox()
        self._steps = Stepper(placed.first_state(), self._mail)
        self._clock = AlarmClock()
        self._orders: list[_OrderHandle] = []
        self._reports: list[FraudWarned] = []

    @workflow.run
    async def run(self, placed: PlacePurchase) -> PurchaseState:
        """Open all orders, let the buyer pay once, tell every order how it came out."""
        await self._open(placed)
        while self._is_open:
            await self._turn()
        await self._orders_hear()
        await self._one_payment_stays()
        await self._nothing_is_kept()
        await self._last_words()
        return self._steps.state

    @property
    def _is_open(self) -> bool:
        return self._steps.state.is_open

    async def _open(self, placed: PlacePurchase) -> None:
        """All orders or none: nothing is charged before the last of them has begun."""
        lines = tuple(part.lines for part in placed.parts)
        state, at = self._steps.state, self._steps.now
        await self._steps.do(tasks.OPEN, steps.OpenPurchase(state, at, lines, placed.ship_to))
        if not self._is_open:
            return
        try:
            for part in placed.parts:
                self._orders.append(await self._started(part))
        except WorkflowAlreadyStartedError:
            refused = steps.PurchaseStep(self._steps.state, at, reason=AlreadyExists.code)
            await self._steps.do(tasks.REFUSE, refused)
            return
        await self._steps.do(tasks.ASK, steps.AskForAll(self._steps.state, at, placed.method))

    async def _started(self, part: SellerPart) -> _OrderHandle:
        """Start the order of one seller; it outlives this process."""
        placed = self._placed
        asked = PlaceOrder(
            order=part.order,
            buyer=placed.buyer,
            seller=part.seller,
            currency=placed.currency,
            lines=part.lines,
            ship_to=placed.ship_to,
            received_at=placed.received_at,
            subsidy=part.subsidy,
            paid_by=placed.purchase,
            edition=placed.edition,
        )
        return await workflow.start_child_workflow(
            OrderWorkflow.run,
            asked,
            id=order_workflow_id(part.order),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=attributes.at_start(
                "order", "awaiting_payment", part.seller, part.order
            ),
            static_summary=f"{Money(part.total, placed.currency)} from {part.seller} to "
            f"{placed.ship_to}, a part of purchase {placed.purchase}",
        )

    async def _turn(self) -> None:
        """Hear the oldest message; else do what is due; else wait for either."""
        due = rules.next_due(self._steps.state)
        what = rules.what_is_due(self._steps.state)
        self._clock.set(due.at if due else None, what)
        if self._mail:
            await self._hear(self._mail.next())
        elif due is not None and self._clock.has_rung:
            self._steps.now = max(self._steps.now, due.at)
            if due.is_reminder:
                await self._steps.do(tasks.REMIND, steps.PurchaseStep(self._steps.state, due.at))
            else:
                await paying.window_closes(self._steps, due.at)
        else:
            await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)

    async def _orders_hear(self) -> None:
        """Tell every order that the payment is final; each looks at what is its own."""
        state = self._steps.state
        name = f"{purchase_workflow_id(state.purchase)}/{state.version}"
        for order in self._orders:
            await self._hears(order, "payment_changed", PaymentChanged(name, self._steps.now))
        await self._pass_reports_on()

    async def _pass_reports_on(self) -> None:
        """Of a payment that is thought to be fraudulent, each order freezes what is its own."""
        while self._reports:
            report = self._reports.pop(0)
            for order in self._orders if self._steps.state.stage is Stage.PAID else ():
                await self._hears(order, "fraud_warned", report)

    async def _hears(
        self, order: _OrderHandle, signal: str, news: PaymentChanged | FraudWarned
    ) -> None:
        try:
            await order.signal(signal, news)
        except FailureError:
            # Somebody has ended it by hand: whoever did so looks after its share.
            workflow.logger.warning("order.not_told", extra={"order": order.id})

    async def _one_payment_stays(self) -> None:
        """What was paid, or could be, beside the payment that counts is closed or goes back."""
        if self._steps.state.stage is Stage.PAID:
            await paying.close_others(self._steps, self._steps.now)

    async def _nothing_is_kept(self) -> None:
        """Money of another amount than was asked goes back in full once nobody waits for more."""
        if self._steps.state.excess and self._steps.state.stage is not Stage.PAID:
            await insisting(self._care, self._call)

    async def _care(self) -> str:
        late = CareForPayment(self._steps.state.purchase, self._steps.now)
        cared = await workflow.execute_activity_method(
            PurchaseCareActivities.care,
            late,
            **summed_up(PROVIDER, "News of the payment after its window"),
        )
        return cared.done

    async def _call(self, reason: str) -> None:
        subject = purchase_workflow_id(self._steps.state.purchase)
        await workflow.execute_activity_method(
            AftercareActivities.call_operator,
            CallOperator(subject, self._steps.now, reason),
            **summed_up(RECORD, "Show that an operator is needed"),
        )

    async def _last_words(self) -> None:
        """Nothing said to the purchase goes unanswered: what came too late is told so."""
        while self._mail or not workflow.all_handlers_finished():
            await workflow.wait_condition(
                lambda: bool(self._mail) or workflow.all_handlers_finished()
            )
            if self._mail:
                await self._hear(self._mail.next())

    async def _hear(self, letter: Letter[PurchaseState]) -> None:
        self._steps.now = max(self._steps.now, letter.received_at)
        try:
            with refusing():
                await self._apply(letter.message)
        except ApplicationError as no:
            letter.refusal = no
        else:
            letter.answer = self._steps.state

    async def _apply(self, message: object) -> None:
        """One message, one step. A request is judged again: the purchase may have moved on."""
        match message:
            case CancelPurchase():
                self._judge(Action.CANCEL, message)
                await paying.cancel(self._steps, message)
            case PayAnotherWay():
                self._judge(Action.PAY_ANOTHER_WAY, message)
                await paying.pay_another_way(self._steps, message)
            case DecideAmount():
                self._judge(Action.DECIDE_AMOUNT, message)
                await paying.decide_amount(self._steps, message)
            case PaymentChanged() if self._is_open:
                await paying.settle(self._steps, message.received_at)
            case PaymentChanged() if self._steps.state.stage is not Stage.PAID:
                await insisting(self._care, self._call)
            case FraudWarned():
                await self._doubted(message)
            case _:
                return

    async def _doubted(self, report: FraudWarned) -> None:
        """A report can overtake the payment; every order hears it after that."""
        self._reports.append(report)
        if self._is_open:
            await paying.settle(self._steps, report.received_at)
        else:
            await self._pass_reports_on()

    def _judge(self, action: Action, request: _Request) -> None:
        rules.check(self._steps.state, action, request.actor, request.received_at)

    @workflow.signal(description="The provider says that the payment has news.")
    def payment_changed(self, fact: PaymentChanged) -> None:
        """Written down, and applied when its turn comes: the provider's truth is read again."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.signal(description="The provider reports the payment as fraudulent.")
    def fraud_warned(self, fact: FraudWarned) -> None:
        """Written down, and passed on to every order: each freezes what is its own."""
        self._mail.note(fact.event_id, fact, fact.received_at)

    @workflow.query(description="Where the purchase stands.")
    def snapshot(self) -> PurchaseState:
        """Its state, for those who speak to Temporal directly."""
        return self._steps.state

    @workflow.update(description="Close the purchase, with all its orders, before it is paid.")
    async def cancel(self, request: CancelPurchase) -> PurchaseState:
        """Refused once the money is there."""
        return await self._mail.hear(request, request.received_at)

    @cancel.validator
    def _may_cancel(self, request: CancelPurchase) -> None:
        with refusing():
            self._judge(Action.CANCEL, request)

    @workflow.update(description="Pay another way: a further payment, of which one counts.")
    async def pay_another_way(self, request: PayAnotherWay) -> PurchaseState:
        """Refused once the money is there."""
        return await self._mail.hear(request, request.received_at)

    @pay_another_way.validator
    def _may_pay_another_way(self, request: PayAnotherWay) -> None:
        with refusing():
            self._judge(Action.PAY_ANOTHER_WAY, request)

    @workflow.update(description="Decide about a payment of another amount than was asked.")
    async def decide_amount(self, request: DecideAmount) -> PurchaseState:
        """Refused unless there is such a payment, and nobody has decided about it."""
        return await self._mail.hear(request, request.received_at)

    @decide_amount.validator
    def _may_decide_amount(self, request: DecideAmount) -> None:
        with refusing():
            self._judge(Action.DECIDE_AMOUNT, request)

    @workflow.update(description="An operator lets a parked purchase go on.")
    async def resolve(self, request: Resolve) -> PurchaseState:
        """Try the parked step again. Refused unless parked."""
        self._steps.resolution = request
        await workflow.wait_condition(lambda: self._steps.state.parked is None)
        return self._steps.state

    @resolve.validator
    def _may_resolve(self, request: Resolve) -> None:
        with refusing():
            rules.check(self._steps.state, Action.RESOLVE, request.actor, request.received_at)
            parked = self._steps.state.parked
            if parked is not None and request.resolution not in parked.may:
                raise IllegalTransition(
                    f"{parked.step} may only be: {', '.join(parked.may)}", step=parked.step
                )
