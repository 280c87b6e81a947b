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
    from domain.purchase.state import PurchaseEvent, PurchaseState, Stage
    from workflows._kit import attributes
    from workflows._kit.alarm_clock import AlarmClock
    from workflows._kit.insistence import insisting
    from workflows._kit.mailbox import Letter, Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows._kit.refusal import refusing
    from workflows.order.messages import PaymentChanged, PlaceOrder, Resolve
    from workflows.order.workflow import OrderWorkflow
    from workflows.purchase import tasks
    from workflows.purchase.messages import CancelPurchase, PlacePurchase, SellerPart
    from workflows.purchase.stepper import Stepper

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

    @workflow.run
    async def run(self, placed: PlacePurchase) -> PurchaseState:
        """Open all orders, let the buyer pay once, tell every order how it came out."""
        await self._open(placed)
        while self._is_open:
            await self._turn()
        await self._orders_hear()
        await self._nothing_is_kept()
        await self._last_words()
        return self._steps.state

    @property
    def _is_open(self) -> bool:
        return self._steps.state.stage is Stage.AWAITING_PAYMENT

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
            paid_by=placed.purchase,
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
        what = "" if due is None else "reminder" if due.is_reminder else rules.WHEN_DUE
        self._clock.set(due.at if due else None, what)
        if self._mail:
            await self._hear(self._mail.next())
        elif due is not None and self._clock.has_rung:
            self._steps.now = max(self._steps.now, due.at)
            state = self._steps.state
            if due.is_reminder:
                await self._steps.do(tasks.REMIND, steps.PurchaseStep(state, due.at))
            else:
                closed = PurchaseEvent.WINDOW_CLOSED
                closing = steps.ClosePurchase(state, due.at, closed, by_deadline=True)
                await self._steps.in_time(closing)
        else:
            await workflow.wait_condition(lambda: bool(self._mail) or self._clock.has_rung)

    async def _orders_hear(self) -> None:
        """Tell every order that the payment is final; each looks at what is its own."""
        state = self._steps.state
        news = PaymentChanged(
            f"{purchase_workflow_id(state.purchase)}/{state.version}", self._steps.now
        )
        for order in self._orders:
            try:
                await order.signal(OrderWorkflow.payment_changed, news)
            except FailureError:
                # Somebody has ended it by hand: whoever did so looks after its share.
                workflow.logger.warning("order.not_told", extra={"order": order.id})

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
        state = self._steps.state
        match message:
            case CancelPurchase():
                rules.check(state, Action.CANCEL, message.actor, message.received_at)
                await self._cancel(message)
            case PaymentChanged() if self._is_open:
                await self._steps.do(tasks.SETTLE, steps.PurchaseStep(state, message.received_at))
            case PaymentChanged() if state.stage is not Stage.PAID:
                await insisting(self._care, self._call)
            case _:
                return

    async def _cancel(self, request: CancelPurchase) -> None:
        closing = steps.ClosePurchase(
            self._steps.state,
            request.received_at,
            PurchaseEvent.CANCELLED,
            actor=str(request.actor),
        )
        await self._steps.do(tasks.CLOSE, closing)
        if self._steps.state.stage is not Stage.CANCELLED_BY_BUYER:
            raise IllegalTransition(
                "the payment arrived first: the purchase is not cancelled",
                purchase=self._steps.state.purchase,
                status=rules.headline(self._steps.state),
            )

    @workflow.signal(description="The provider says that the payment has news.")
    def payment_changed(self, fact: PaymentChanged) -> None:
        """Written down, and applied when its turn comes: the provider's truth is read again."""
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
            rules.check(self._steps.state, Action.CANCEL, request.actor, request.received_at)

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
