"""Paying again over HTTP for goods that came after their refund."""

import asyncio

import pytest
from sqlalchemy import text

from domain.actors import Role
from tests.support.market import Json, Market, Person
from tests.support.pages import visit
from tests.support.sandbox import SandboxWorld
from tests.support.scenes import Scenes
from workflows.aftercare.messages import LateFact
from workflows.order.messages import ParcelMoved, PaymentChanged


@pytest.fixture(scope="module")
async def scenes(alive: Market, sandbox: SandboxWorld) -> Scenes:
    """Hands that bring orders where goods come late."""
    return Scenes(alive, sandbox)


async def scanned(market: Market, order: str, milestone: str) -> None:
    """What a carrier has seen of the order's parcel."""
    row = (
        "INSERT INTO scans (parcel, milestone, at, received_at, message, city, country,"
        " is_withdrawn) VALUES (:parcel, :milestone, :at, :at, '', '', 'DE', false)"
    )
    values = {"parcel": f"{order}/1", "milestone": milestone, "at": market.clock.now(order)}
    async with market.services.engine.begin() as db:
        await db.execute(text(row), values)


async def came_anyway(scenes: Scenes, order: str, number: str) -> Person:
    """Lost, refunded, over; and then the parcel was delivered."""
    market = scenes.market
    buyer = await scenes.shipped(order, number)
    await scanned(market, order, "lost")
    process = market.services.temporal.get_workflow_handle(f"order/{order}")
    moved = ParcelMoved("evt-lost", market.clock.now(order), "lost")
    await process.signal("parcel_moved", moved)
    await process.result()
    await scanned(market, order, "delivered")
    subject = f"order/{order}"
    fact = LateFact("evt-came", "tracker.updated", subject, "", market.clock.now(order))
    cared = await market.services.temporal.start_workflow(
        "aftercare",
        subject,
        id=f"aftercare/{subject}",
        task_queue=market.task_queue,
        start_signal="fact_arrived",
        start_signal_args=[fact],
    )
    await cared.result()
    return buyer


async def until(person: Person, path: str, status: str) -> Json:
    async with asyncio.timeout(20):
        while True:
            found: Json = (await person.get(path)).json()
            if found.get("status") == status:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.case(25)
async def test_a_buyer_pays_again_of_their_own_will(scenes: Scenes) -> None:
    """What may be paid is shown, asked for once, paid in the browser, and over after that."""
    buyer = await came_anyway(scenes, "o-again", "1Z999AA10123456784")
    here = "/v1/orders/o-again/repayment"
    offered = (await buyer.get(here)).json()
    early = await buyer.get(f"{here}/payment")
    asked = await buyer.post(here, {})
    await until(buyer, here, "awaiting_payment")
    once_more = await buyer.post(here, {})
    payment = (await buyer.get(f"{here}/payment")).json()
    await scenes.world.pay(payment["reference"])
    process = scenes.market.services.temporal.get_workflow_handle("repayment/o-again")
    news = PaymentChanged("evt-1", scenes.market.clock.now("o-again"))
    await process.signal("payment_changed", news)
    paid = await until(buyer, here, "paid")
    nothing = await buyer.post(here, {})

    assert (offered["status"], offered["amount"]["amount"]) == ("opening", 20_400)
    assert (early.status_code, asked.status_code) == (409, 201)
    assert (once_more.status_code, once_more.json()["status"]) == (201, "awaiting_payment")
    assert payment["client_secret"]
    assert (paid["attempt"], paid["amount"]["amount"]) == (1, 20_400)
    assert (nothing.status_code, nothing.json()["type"].rpartition("/")[2]) == (
        409,
        "illegal-transition",
    )


async def test_who_may_and_what_is_not_there(scenes: Scenes) -> None:
    """Another buyer sees no order; an order whose goods came in time owes nothing."""
    buyer = await scenes.shipped("o-in-time", "1Z5R89390357567127")
    other = await scenes.market.caller(Role.BUYER, "b-2")
    seller = await scenes.market.caller(Role.SELLER, "s-1")
    here = "/v1/orders/o-in-time/repayment"

    assert (await other.post(here, {})).status_code == 404
    assert (await seller.post(here, {})).status_code == 403
    assert (await buyer.get(here)).status_code == 404
    assert (await buyer.post(here, {})).status_code == 409
    assert (await buyer.post(here, {"amount": 5})).status_code == 422
    assert (await buyer.post(here, {"method": "4242424242424242"})).status_code == 422


async def test_the_console_says_what_may_be_paid_again(scenes: Scenes) -> None:
    """Whoever looks at the order sees it, until it is paid."""
    await came_anyway(scenes, "o-shown", "1ZW4F5810390310136")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    page = await agent.client.get("/console/orders/o-shown")

    assert "EUR 204.00 may be paid again" in page.text
