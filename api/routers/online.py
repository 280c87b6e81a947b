"""Online shipping: what carriers ask, labels, couriers at the door."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.asking import READ, Asked, problems, visible_order
from api.auth import Caller
from api.deps import Staff, Use, only
from api.paging import Page
from api.routers.order_requests import asks_for
from api.routers.orders import OrderId
from api.schemas.online import (
    BoxQuery,
    LabelIn,
    LabelView,
    PickupIn,
    RatesView,
    RateView,
    VoidIn,
)
from domain.actors import Role
from domain.ids import order_workflow_id
from domain.order.rules import Action
from domain.shipment.labels import Box
from persistence.database import SqlDatabase
from workflows.order import messages as said

router = APIRouter(prefix="/v1/orders/{order}", tags=["online shipping"])
Shipper = Annotated[Caller, Depends(only(Role.SELLER, Role.SERVICE))]
Reader = Annotated[Caller, Depends(only(Role.SELLER, Role.SERVICE, *Staff))]


@router.get("/rates", responses={**READ, **problems(409)})
async def read_rates(
    order: OrderId, caller: Shipper, use: Use, box: Annotated[BoxQuery, Query()]
) -> RatesView:
    """Ask the carriers what a parcel of the order would cost. Nothing is bought."""
    state = await visible_order(use, caller, order)
    packed = Box(box.grams, box.length_mm, box.width_mm, box.height_mm)
    rates = await use.rates.of(state, packed)
    async with SqlDatabase(use.engine).transaction() as tx:
        terms = (await tx.orders.get(order)).terms
    return RatesView(items=[RateView.of(rate) for rate in rates], borne_by=terms.online_cost)


@router.get("/labels", responses=READ)
async def list_labels(order: OrderId, caller: Reader, use: Use) -> Page[LabelView]:
    """Read the labels that were bought for an order, with their couriers."""
    await visible_order(use, caller, order)
    async with SqlDatabase(use.engine).transaction() as tx:
        # The label of a return is its dispute's, and shown there.
        own = f"{order_workflow_id(order)}/"
        labels = [each for each in await tx.labels.of(order) if each.key.startswith(own)]
        items = [LabelView.of(label, await tx.labels.pickup(label.key)) for label in labels]
    return Page(items=items, next=None)


@asks_for(router, Action.BUY_LABEL)
async def buy_label(order: OrderId, body: LabelIn, asked: Asked) -> Response:
    """Buy a label, at no more than the price that was seen; its parcel is declared by it."""
    window = body.courier
    return await asked.order(
        order,
        "order.buy_label",
        body,
        lambda actor, at: said.BuyLabel(
            actor,
            at,
            carrier=body.carrier,
            service=body.service,
            most=body.most,
            currency=body.currency,
            grams=body.grams,
            length_mm=body.length_mm,
            width_mm=body.width_mm,
            height_mm=body.height_mm,
            lines=body.lines,
            fetch_from=window.fetch_from if window else None,
            fetch_until=window.fetch_until if window else None,
        ),
    )


@asks_for(router, Action.VOID_LABEL)
async def void_label(order: OrderId, body: VoidIn, asked: Asked) -> Response:
    """Give an unused label back; its carrier judges that within weeks."""
    return await asked.order(
        order,
        "order.void_label",
        body,
        lambda actor, at: said.VoidLabel(actor, at, body.parcel),
    )


@asks_for(router, Action.SCHEDULE_PICKUP)
async def schedule_pickup(order: OrderId, body: PickupIn, asked: Asked) -> Response:
    """Let a courier fetch a parcel at the seller's door."""
    return await asked.order(
        order,
        "order.schedule_pickup",
        body,
        lambda actor, at: said.SchedulePickup(
            actor, at, body.fetch_from, body.fetch_until, body.parcel
        ),
    )
