"""What a step has written is shown before its process has heard that the step ran."""

import asyncio

from sqlalchemy import text

from domain.actors import Role
from domain.ids import order_workflow_id
from tests.support.market import Market, Person, an_order
from tests.support.marketplace import dhl_number
from workflows.order.messages import PaymentChanged


async def _shown_ahead(alive: Market, order: str) -> Person:
    """An order that is shown as paid, and whose process has not heard of it; its seller."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    placed = await buyer.post("/v1/orders", an_order(order, payment={"method": "pm_card_visa"}))
    assert placed.status_code == 201, placed.text
    async with asyncio.timeout(20):
        while (await buyer.get(f"/v1/orders/{order}/payment")).status_code == 409:
            await asyncio.sleep(0.05)
    ahead = text("UPDATE order_views SET status = 'awaiting_shipment' WHERE \"order\" = :order")
    async with alive.services.engine.begin() as db:
        await db.execute(ahead, {"order": order})
    return await alive.caller(Role.SELLER, "s-1")


async def test_who_acts_by_what_is_shown_is_not_refused_for_what_was(alive: Market) -> None:
    """A seller's program waits for the status that lets it ship, and ships in that moment."""
    seller = await _shown_ahead(alive, "o-ahead")
    process = alive.services.temporal.get_workflow_handle(order_workflow_id("o-ahead"))

    async def catch_up() -> None:
        await asyncio.sleep(0.3)
        await process.signal("payment_changed", PaymentChanged("evt-1", alive.clock.now("o-ahead")))

    parcel = {"carrier": "DHLExpress", "number": dhl_number()}
    shipped, _ = await asyncio.gather(
        seller.post("/v1/orders/o-ahead/shipments", parcel), catch_up()
    )

    assert shipped.status_code == 200, shipped.text


async def test_a_process_that_does_not_catch_up_is_asked_again_and_then_believed(
    alive: Market,
) -> None:
    """Its worker may stand still; but nobody waits for ever, and the answer says how it stands."""
    seller = await _shown_ahead(alive, "o-behind")
    parcel = {"carrier": "DHLExpress", "number": dhl_number()}
    async with asyncio.timeout(10):
        put_off = await seller.post("/v1/orders/o-behind/shipments", parcel)
        request = put_off.headers["Location"].rpartition("/")[2]
        often = text("UPDATE requests SET attempts = 8 WHERE id = :request")
        async with alive.services.engine.begin() as db:
            await db.execute(often, {"request": request})
        refused = await alive.services.desk.deliver(request)

    assert put_off.status_code == 202
    assert refused.status == 409
    assert "awaiting_payment" in refused.body["detail"]
