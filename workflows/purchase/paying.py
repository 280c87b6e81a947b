"""What a purchase does about its payment where one step is not enough."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import purchase_requests as steps
    from domain.errors import IllegalTransition
    from domain.order.paying import AmountDecision
    from domain.order.state import ClockName
    from domain.purchase import rules
    from domain.purchase.state import PurchaseEvent, PurchaseState, Stage
    from workflows.order.messages import DecideAmount, PayAnotherWay
    from workflows.purchase import tasks
    from workflows.purchase.messages import CancelPurchase
    from workflows.purchase.stepper import Stepper


async def settle(purchase: Stepper, at: datetime) -> None:
    """See whether the purchase is paid."""
    await purchase.do(tasks.SETTLE, steps.PurchaseStep(purchase.state, at))
    await _close_what_is_beside(purchase, at)


async def close_others(purchase: Stepper, at: datetime) -> None:
    """Close what could be paid a second time, once one payment counts."""
    if purchase.state.others:
        await purchase.do(tasks.CLOSE_OTHERS, steps.PurchaseStep(purchase.state, at))


async def _close_what_is_beside(purchase: Stepper, at: datetime) -> None:
    """While somebody decides about another amount; what is paid lets its orders hear first."""
    if purchase.state.stage is Stage.AMOUNT_DIFFERS:
        await close_others(purchase, at)


async def pay_another_way(purchase: Stepper, request: PayAnotherWay) -> None:
    """Open a further payment, unless one that is out was paid meanwhile."""
    await settle(purchase, request.received_at)
    if purchase.state.stage is not Stage.AWAITING_PAYMENT:
        raise _paid_first(purchase.state, "there is nothing left to pay")
    asking = steps.AskForAll(
        purchase.state, request.received_at, request.method, actor=str(request.actor)
    )
    await purchase.do(tasks.ASK_AGAIN, asking)


async def decide_amount(purchase: Stepper, request: DecideAmount) -> None:
    """Do what support has decided about another amount."""
    deciding = steps.DecideExcess(
        purchase.state,
        request.received_at,
        request.decision,
        str(request.actor),
        request.reason,
        request.borne_by,
    )
    await purchase.do(tasks.DECIDE_AMOUNT, deciding)


async def cancel(purchase: Stepper, request: CancelPurchase) -> None:
    """Close the purchase before it is paid; what came in another amount goes back."""
    at, actor, event = request.received_at, str(request.actor), PurchaseEvent.CANCELLED
    if purchase.state.stage is Stage.AMOUNT_DIFFERS:
        back = steps.DecideExcess(
            purchase.state,
            at,
            AmountDecision.REFUND_AND_CLOSE,
            actor,
            request.reason,
            event=event,
        )
        await purchase.do(tasks.DECIDE_AMOUNT, back)
        return
    closing = steps.ClosePurchase(purchase.state, at, event, actor=actor)
    await purchase.do(tasks.CLOSE, closing)
    if purchase.state.stage is not Stage.CANCELLED_BY_BUYER:
        await _close_what_is_beside(purchase, at)
        raise _paid_first(purchase.state, "the purchase is not cancelled")


async def window_closes(purchase: Stepper, at: datetime) -> None:
    """A window's end: paid all the same, waited for once more, sent back, or over."""
    state = purchase.state
    if state.clock is not None and state.clock.name is ClockName.AMOUNT:
        back = steps.DecideExcess(state, at, AmountDecision.REFUND_AND_CLOSE, by_deadline=True)
        await purchase.in_time(tasks.DECIDE_AMOUNT, back)
        return
    closing = steps.ClosePurchase(state, at, PurchaseEvent.WINDOW_CLOSED, by_deadline=True)
    await purchase.in_time(tasks.CLOSE, closing)
    await _close_what_is_beside(purchase, at)


def _paid_first(state: PurchaseState, so: str) -> IllegalTransition:
    return IllegalTransition(
        f"the payment arrived first: {so}",
        purchase=state.purchase,
        status=rules.headline(state),
    )
