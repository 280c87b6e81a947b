"""The branches of an order over HTTP: parcels, questions, a new address, a suspended seller."""

import asyncio

from sqlalchemy import text

from domain.actors import Actor, Role
from persistence import idempotency
from runtime.commands import COMMANDS, Delivery
from runtime.hearing import hearing
from tests.api.test_orders import is_at, paid_order, until
from tests.support.market import Market, a_seller, an_order
from tests.support.marketplace import dhl_number
from workflows.order.messages import CancelOrder, PaymentChanged

_TWO_LINES = [
    {"product": "p-1", "price": 6_000},
    {"product": "p-2", "price": 4_000},
]


async def subjects(market: Market) -> list[str]:
    """Whose personal words are kept."""
    async with market.services.engine.connect() as db:
        query = text("SELECT subject FROM particulars WHERE subject LIKE 'order/%' ORDER BY 1")
        return list((await db.execute(query)).scalars())


async def test_an_order_is_shipped_in_parts(alive: Market) -> None:
    """Each parcel is shown with its lines, and what still waits for one is said."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    seller = await alive.caller(Role.SELLER, "s-1")
    body = an_order("o-parts", lines=_TWO_LINES, payment={"method": "pm_card_visa"})
    await buyer.post("/v1/orders", body)
    await until(buyer, "o-parts", lambda order: order["version"] > 1)
    process = alive.services.temporal.get_workflow_handle("order/o-parts")
    await process.signal("payment_changed", PaymentChanged("evt-1", alive.clock.now("o-parts")))
    await until(buyer, "o-parts", is_at("awaiting_shipment"))

    first = {"carrier": "DHLExpress", "number": dhl_number(), "lines": ["2"]}
    part = (await seller.post("/v1/orders/o-parts/shipments", first)).json()
    again = await seller.post("/v1/orders/o-parts/shipments", first | {"number": dhl_number()})
    right = await seller.post("/v1/orders/o-parts/shipments/number", {"number": dhl_number()})

    assert (part["status"], part["unshipped"]) == ("partly_shipped", ["1"])
    assert part["parcels"][0]["lines"] == ["2"]
    assert part["parcels"][0]["amount"] == {"amount": 4_000, "currency": "EUR"}
    assert again.status_code == 404
    assert right.json()["parcels"][0]["number"] != part["parcels"][0]["number"]


async def test_each_side_sees_the_question_that_is_theirs(alive: Market) -> None:
    """The buyer asks to cancel: only the seller is shown where to answer."""
    buyer = await paid_order(alive, "o-question")
    seller = await alive.caller(Role.SELLER, "s-1")
    asked = await buyer.post("/v1/orders/o-question/questions", {"topic": "cancellation"})
    shown = (await seller.get("/v1/orders/o-question")).json()
    mine = {one["action"]: one["href"] for one in asked.json()["allowed"]}
    theirs = {one["action"]: one["href"] for one in shown["allowed"]}
    wrong = await buyer.post(
        "/v1/orders/o-question/questions/cancellation/answer", {"agreed": True}
    )
    agreed = await seller.post(
        "/v1/orders/o-question/questions/cancellation/answer",
        {"agreed": True, "reason": "of course"},
    )

    here = "/v1/orders/o-question/questions/cancellation"
    assert (mine.get("withdraw_question"), mine.get("answer_consent")) == (
        f"{here}/withdrawal",
        None,
    )
    assert (theirs.get("answer_consent"), theirs.get("withdraw_question")) == (
        f"{here}/answer",
        None,
    )
    assert wrong.status_code == 403
    assert agreed.json()["outcome"] == "cancelled_by_agreement"


async def test_an_extension_says_how_long(alive: Market) -> None:
    """Without a number of days there is nothing to agree on."""
    await paid_order(alive, "o-longer")
    seller = await alive.caller(Role.SELLER, "s-1")
    vague = await seller.post("/v1/orders/o-longer/questions", {"topic": "extension"})
    clear = await seller.post("/v1/orders/o-longer/questions", {"topic": "extension", "days": 3})

    assert vague.status_code == 422
    assert clear.json()["questions"][0]["days"] == 3


async def test_an_address_that_is_refused_is_not_kept(alive: Market) -> None:
    """A draft in another country leaves nothing behind; an accepted one replaces the old."""
    buyer = await paid_order(alive, "o-moving")
    abroad = {"country": "FR", "city": "Lyon", "street": "Quai 3"}
    home = {"country": "DE", "city": "Bremen", "street": "Am Markt 1"}
    refused = await buyer.post("/v1/orders/o-moving/address", abroad)
    left = await subjects(alive)
    taken = await buyer.post("/v1/orders/o-moving/address", home)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/address-fixed")
    assert taken.status_code == 200, taken.text
    assert left == await subjects(alive)
    assert [one for one in left if "o-moving" in one] == ["order/o-moving"]


async def test_suspending_a_seller_is_told_to_every_open_order(alive: Market) -> None:
    """In the same transaction: no order is forgotten, and none is told twice."""
    service = await alive.service()
    await service.post("/v1/sellers", a_seller("s-told"))
    buyer = await alive.caller(Role.BUYER, "b-1")
    for order in ("o-told-1", "o-told-2"):
        await buyer.post("/v1/orders", an_order(order, seller="s-told"))
        await until(buyer, order, lambda found: found["version"] > 0)
    changed = await service.patch("/v1/sellers/s-told", {"standing": "suspended"}, 1)
    async with alive.services.engine.connect() as db:
        query = text(
            "SELECT subject, reference FROM inbox WHERE kind = 'seller.standing' ORDER BY subject"
        )
        told = [tuple(row) for row in await db.execute(query)]

    assert changed.status_code == 200, changed.text
    assert told == [("order/o-told-1", "suspended"), ("order/o-told-2", "suspended")]


async def test_an_answer_that_was_lost_with_the_end_of_its_order_is_still_a_yes(
    alive: Market,
) -> None:
    """The request that ends an order may be delivered again: the order is gone, its answer not."""
    buyer = await alive.caller(Role.BUYER, "b-lost")
    await buyer.post("/v1/orders", an_order("o-lost-answer"))
    here = "/v1/orders/o-lost-answer"
    async with asyncio.timeout(30):
        while (await buyer.get(here)).json()["version"] < 2:
            await asyncio.sleep(0.05)
    first = await buyer.post(f"{here}/cancellation", {"reason": "second thoughts"}, "lost")
    async with asyncio.timeout(30):
        while (await buyer.get(here)).json()["ended_at"] is None:
            await asyncio.sleep(0.05)
    handle = (await alive.temporal()).get_workflow_handle("order/o-lost-answer")
    await handle.result()
    async with alive.services.engine.connect() as db:
        query = "SELECT id FROM requests WHERE object = 'order/o-lost-answer' AND key = 'lost'"
        row = await idempotency.found(db, (await db.execute(text(query))).scalar_one())
    assert row is not None
    message = CancelOrder(Actor(Role.BUYER, "b-lost"), row.received_at, "second thoughts")
    delivery = Delivery(
        alive.services.temporal, alive.task_queue, alive.services.engine, alive.services.vault
    )
    with hearing(row.object):
        status, _ = await COMMANDS[row.command].deliver(delivery, row, message)

    assert first.status_code == 200
    assert status == 200
