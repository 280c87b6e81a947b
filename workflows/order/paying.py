"""What an order does about its payment where one step is not enough."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import requests as steps
    from domain.errors import IllegalTransition
    from domain.order.headlines import headline
    from domain.order.paying import AmountDecision
    from domain.order.state import ClockName, OrderState, Outcome, Payment
    from domain.shipment.numbers import check
    from workflows.order import messages as said
    from workflows.order import tasks
    from workflows.order.hearing import step_of
    from workflows.order.stepper import Stepper

# Lives that shipped before there was a look at the shipment take the money first.
_LOOK_FIRST: Final = "shipment-checked-before-capture"
_CHECKS: Final[Mapping[type, tasks.Task[Any]]] = MappingProxyType(
    {said.DeclareShipment: tasks.CHECK_SHIPMENT, said.BuyLabel: tasks.CHECK_LABEL}
)


async def settle(order: Stepper, at: datetime) -> None:
    """See whether the order is paid; of several payments, the others are closed at once."""
    await order.do(tasks.SETTLE, steps.Step(order.state, at))
    await close_others(order, at)


async def close_others(order: Stepper, at: datetime) -> None:
    """Close what could be paid a second time, once the order waits for no payment any more."""
    state = order.state
    waits = state.payment is Payment.AWAITING or state.ended_at is not None
    if state.others and not waits:
        await order.do(tasks.CLOSE_OTHERS, steps.Step(state, at))


async def heard_of(order: Stepper, at: datetime) -> None:
    """News of an order that is paid, or nearly: its authorisation, or what it gave back."""
    if order.state.authorised:
        await order.do(tasks.FOLLOW_AUTHORISATION, steps.Step(order.state, at))
    elif order.state.others or order.state.returns:
        await order.do(tasks.CLOSE_OTHERS, steps.Step(order.state, at))


async def pay_another_way(order: Stepper, request: said.PayAnotherWay) -> None:
    """Open a further payment, unless one that is out was paid meanwhile."""
    await settle(order, request.received_at)
    if order.state.payment is not Payment.AWAITING:
        raise _paid_first(order.state)
    asking = steps.AskPayment(
        order.state, request.received_at, request.method, actor=str(request.actor)
    )
    await order.do(tasks.ASK_AGAIN, asking)


async def ship(order: Stepper, request: said.DeclareShipment) -> None:
    """Take the money, then the parcel: nothing is shipped for a bank's word that has run out."""
    if order.state.authorised:
        check(request.carrier, request.number)
    await secure(order, request)
    await order.do(*step_of(order.state, request))


async def secure(order: Stepper, request: said.DeclareShipment | said.BuyLabel) -> None:
    """Take what was authorised, or refuse to ship: a bank's word may have run out.

    What would be refused with the money taken is refused before, and changes nothing.
    """
    if not order.state.authorised:
        return
    if workflow.patched(_LOOK_FIRST):
        _, shipment = step_of(order.state, request)
        await order.do(_CHECKS[type(request)], shipment)
    await order.do(tasks.CAPTURE, steps.Step(order.state, request.received_at))
    if not order.state.captured:
        raise IllegalTransition(
            "the buyer's bank no longer agrees to the payment: do not ship",
            order=order.state.order,
            status=headline(order.state),
        )


async def cancel(order: Stepper, request: said.CancelOrder) -> None:
    """Close the order before it is paid; what came in another amount goes back."""
    if order.state.payment is Payment.AMOUNT_DIFFERS:
        await order.do(tasks.DECIDE_AMOUNT, _silence(order.state, request))
        return
    closing = steps.ClosePayment(
        order.state,
        request.received_at,
        Outcome.CANCELLED_BY_BUYER,
        actor=str(request.actor),
    )
    await order.do(tasks.CLOSE, closing)
    if order.state.payment is not Payment.NEVER_PAID:
        await close_others(order, request.received_at)
        raise IllegalTransition(
            "the payment arrived first: the order is not cancelled",
            order=order.state.order,
            status=headline(order.state),
        )


async def seller_gone(order: Stepper, at: datetime) -> None:
    """Ask nothing more of the buyer of a seller who may not go on; what came goes back."""
    if order.state.payment is Payment.AWAITING and not order.state.paid_by:
        closing = steps.ClosePayment(order.state, at, Outcome.SELLER_SUSPENDED)
        await order.do(tasks.CLOSE, closing)
    if order.state.payment is Payment.AMOUNT_DIFFERS:
        back = steps.DecideAmount(
            order.state, at, AmountDecision.REFUND_AND_CLOSE, outcome=Outcome.SELLER_SUSPENDED
        )
        await order.do(tasks.DECIDE_AMOUNT, back)


async def window_closes(order: Stepper, at: datetime) -> None:
    """The payment window's end: paid all the same, waited for once more, or over."""
    closing = steps.ClosePayment(order.state, at, Outcome.NEVER_PAID, by_deadline=True)
    await order.in_time(tasks.CLOSE, closing)
    await close_others(order, at)


async def word_runs_out(order: Stepper, at: datetime) -> None:
    """The money is taken while the buyer's bank still agrees to it."""
    await order.do(tasks.CAPTURE, steps.Step(order.state, at))


async def refund_is_late(order: Stepper, at: datetime) -> None:
    """A person is told of a refund that should be with the buyer by now."""
    late = steps.Record(order.state, at, steps.Move.REFUND_LATE)
    await order.do(tasks.RECORD_MOVE, late)


async def nobody_decides(order: Stepper, at: datetime) -> None:
    """Silence about another amount sends all of it back."""
    closing = steps.DecideAmount(order.state, at, AmountDecision.REFUND_AND_CLOSE, by_deadline=True)
    await order.in_time(tasks.DECIDE_AMOUNT, closing)


def _silence(state: OrderState, request: said.CancelOrder) -> steps.DecideAmount:
    return steps.DecideAmount(
        state,
        request.received_at,
        AmountDecision.REFUND_AND_CLOSE,
        str(request.actor),
        request.reason,
        outcome=Outcome.CANCELLED_BY_BUYER,
    )


def _paid_first(state: OrderState) -> IllegalTransition:
    return IllegalTransition(
        "the payment arrived first: there is nothing left to pay",
        order=state.order,
        status=headline(state),
    )


# What each clock of a payment does when it ends.
WHEN_DUE: Final[Mapping[ClockName, Callable[[Stepper, datetime], Awaitable[None]]]] = (
    MappingProxyType(
        {
            ClockName.PAYMENT: window_closes,
            ClockName.AMOUNT: nobody_decides,
            ClockName.AUTHORISATION: word_runs_out,
            ClockName.REFUND: refund_is_late,
        }
    )
)
