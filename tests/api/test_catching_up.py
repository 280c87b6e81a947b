"""What a step has written is shown before its process has heard that the step ran."""

import asyncio

import pytest
from sqlalchemy import text

from domain.actors import Role
from domain.ids import order_workflow_id
from tests.support.market import Market, Person, an_order
from tests.support.marketplace import dhl_number
from tests.support.sandbox import SandboxWorld
from tests.support.scenes import Scenes
from workflows.order.messages import PaymentChanged

# A step may leave the status as it is: a parcel that is doubted leaves its order declared.
_AHEAD = ("status = 'awaiting_shipment'", "version = version + 1")


async def _shown_ahead(alive: Market, order: str, ahead_by: str) -> Person:
    """An order that is shown as it will be, and whose process has not heard of it; its seller."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    placed = await buyer.post("/v1/orders", an_order(order, payment={"method": "pm_card_visa"}))
    assert placed.status_code == 201, placed.text
    async with asyncio.timeout(20):
        while (await buyer.get(f"/v1/orders/{order}/payment")).status_code == 409:
            await asyncio.sleep(0.05)
    ahead = text(f'UPDATE order_views SET {ahead_by} WHERE "order" = :order')  # noqa: S608 - ours
    async with alive.services.engine.begin() as db:
        await db.execute(ahead, {"order": order})
    return await alive.caller(Role.SELLER, "s-1")


@pytest.mark.parametrize("number", range(len(_AHEAD)))
async def test_who_acts_by_what_is_shown_is_not_refused_for_what_was(
    alive: Market, number: int
) -> None:
    """A seller's program waits for the status that lets it ship, and ships in that moment."""
    order = f"o-ahead-{number}"
    seller = await _shown_ahead(alive, order, _AHEAD[number])
    process = alive.services.temporal.get_workflow_handle(order_workflow_id(order))

    async def catch_up() -> None:
        await asyncio.sleep(0.3)
        news = PaymentChanged(f"evt-{order}", alive.clock.now(order))
        await process.signal("payment_changed", news)

    parcel = {"carrier": "DHLExpress", "number": dhl_number()}
    shipped, _ = await asyncio.gather(
        seller.post(f"/v1/orders/{order}/shipments", parcel), catch_up()
    )

    assert shipped.status_code == 200, shipped.text


async def test_a_process_that_does_not_catch_up_is_asked_again_and_then_believed(
    alive: Market,
) -> None:
    """Its worker may stand still; but nobody waits for ever, and the answer says how it stands."""
    seller = await _shown_ahead(alive, "o-behind", _AHEAD[0])
    parcel = {"carrier": "DHLExpress", "number": dhl_number()}
    async with asyncio.timeout(10):
        put_off = await seller.post("/v1/orders/o-behind/shipments", parcel)
        request = put_off.headers["Location"].rpartition("/")[2]
        outages = text("UPDATE requests SET attempts = 100 WHERE id = :request")
        async with alive.services.engine.begin() as db:
            await db.execute(outages, {"request": request})
        after_outages = await alive.services.desk.deliver(request)
        often = text("UPDATE requests SET defects = 8 WHERE id = :request")
        async with alive.services.engine.begin() as db:
            await db.execute(often, {"request": request})
        refused = await alive.services.desk.deliver(request)

    assert put_off.status_code == 202
    assert after_outages.status == 202, "outages say nothing about being behind"
    assert refused.status == 409
    assert "awaiting_payment" in refused.body["detail"]


async def test_what_is_shown_of_a_chargeback_counts_as_well(
    alive: Market, sandbox: SandboxWorld
) -> None:
    """Who answers the bank as soon as the claim is shown is not told that it is late."""
    path = await Scenes(alive, sandbox).claimed("o-claim-shown")
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    answered = await lead.post(f"{path}/contest", {"why": "it was delivered"})
    late = await lead.post(f"{path}/contest", {"why": "it was signed for"})
    ahead = text("UPDATE chargebacks SET status = 'needs_response' WHERE chargeback = :name")
    async with alive.services.engine.begin() as db:
        await db.execute(ahead, {"name": path.rpartition("/")[2]})
    put_off = await lead.post(f"{path}/contest", {"why": "it was signed for"})

    assert (answered.status_code, late.status_code, put_off.status_code) == (200, 409, 202)
