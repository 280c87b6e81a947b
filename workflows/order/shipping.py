"""Shipping in the life of an order, where one step is not enough: declared, or bought online."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities import requests as steps
    from domain.ids import dispute_workflow_id
    from domain.order import online_moves
    from domain.order.parcels import ParcelStage
    from domain.order.rules import Due
    from domain.order.state import ClockName, OrderState
    from workflows.dispute.messages import GoodsArrived
    from workflows.order import messages as said
    from workflows.order import paying, tasks
    from workflows.order.hearing import step_of
    from workflows.order.stepper import Stepper


async def ship(
    order: Stepper, request: said.DeclareShipment | said.BuyLabel | said.SchedulePickup
) -> None:
    """Declare what the seller has shipped, or buy what it takes."""
    if isinstance(request, said.DeclareShipment):
        await paying.ship(order, request)
    else:
        await _buy(order, request)


async def _buy(order: Stepper, request: said.BuyLabel | said.SchedulePickup) -> None:
    """Buy, or refuse: a purchase that came to nothing is on record, and nothing else is."""
    if isinstance(request, said.BuyLabel):
        await paying.secure(order, request)
    before = order.state
    await order.do(*step_of(before, request))
    online_moves.must_have_bought(before, order.state)


async def labels_go_back(order: Stepper) -> None:
    """What was bought for goods that will not travel is given back, unless they have left."""
    await order.do(tasks.VOID_LABEL, steps.OfLabel(order.state, order.now))


async def look_after_courier(order: Stepper, due: Due) -> None:
    """The courier's window is over, or the warehouse's time is."""
    label = online_moves.label_of(order.state, due.parcel)
    task = tasks.LOOK_FOR_COURIER if due.clock is ClockName.PICKUP else tasks.CHECK_IN
    if label is not None:
        await order.do(task, steps.OfLabel(order.state, due.at, label.key))


async def tell_of_arrivals(before: OrderState, after: OrderState, news: said.ParcelMoved) -> None:
    """Goods that are called missing were delivered: their disputes hear of it."""
    known = {parcel.name for parcel in before.parcels if parcel.stage is ParcelStage.DELIVERED}
    arrived = {parcel.name for parcel in after.parcels if parcel.stage is ParcelStage.DELIVERED}
    for disputed in after.disputes:
        if not (arrived - known) & set(disputed.parcels):
            continue
        dispute = workflow.get_external_workflow_handle(dispute_workflow_id(disputed.dispute))
        try:
            await dispute.signal("goods_arrived", GoodsArrived(news.event_id, news.received_at))
        except FailureError:
            workflow.logger.info("dispute.not_told", extra={"dispute": disputed.dispute})
