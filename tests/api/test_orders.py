"""An order over HTTP, with its process behind it: asked, refused, read, followed."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import TimeSkipper

from domain.actors import Role
from domain.ids import order_workflow_id
from runtime.embedded import LocalTemporal
from runtime.temporal import register_search_attributes
from tests.support.market import Json, Market, Person, a_seller, an_order, open_market
from tests.support.sandbox import SandboxWorld
from workflows.order.messages import PaymentChanged

NUMBER = "1Z999AA10123456784"


async def until(person: Person, order: str, happened: Callable[[Json], bool]) -> Json:
    """Read an order until something is true of it."""
    async with asyncio.timeout(20):
        while True:
            found: Json = (await person.get(f"/v1/orders/{order}")).json()
            if happened(found):
                return found
            await asyncio.sleep(0.05)


def is_at(status: str) -> Callable[[Json], bool]:
    return lambda order: bool(order["status"] == status)


async def paid_order(alive: Market, order: str, **changed: object) -> Person:
    """An order that waits for its seller; its buyer comes back."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    asked = an_order(order, payment={"method": "pm_card_visa"}, **changed)
    answer = await buyer.post("/v1/orders", asked)
    assert answer.status_code == 201, answer.text
    async with asyncio.timeout(20):
        while (await buyer.get(f"/v1/orders/{order}/payment")).status_code == 409:
            await asyncio.sleep(0.05)
    process = alive.services.temporal.get_workflow_handle(order_workflow_id(order))
    # What the relay says when the provider's message has come.
    await process.signal("payment_changed", PaymentChanged("evt-1", alive.clock.now(order)))
    await until(buyer, order, is_at("awaiting_shipment"))
    return buyer


async def test_an_order_is_placed_paid_shipped_and_confirmed(alive: Market) -> None:
    """The main path, as a marketplace's checkout and its two sides go it."""
    buyer = await paid_order(alive, "o-path")
    seller = await alive.caller(Role.SELLER, "s-1")

    shipped = await seller.post("/v1/orders/o-path/shipments", {"carrier": "UPS", "number": NUMBER})
    received = await buyer.post("/v1/orders/o-path/receipt")

    assert shipped.status_code == 200, shipped.text
    assert shipped.json()["status"] == "declared"
    assert shipped.headers["ETag"] == f'"{shipped.json()["version"]}"'
    assert received.json()["axes"]["fulfilment"] == "received"
    assert received.json()["next"]["what"] == "the money goes to the seller"


async def test_placing_answers_with_the_order_and_its_address(alive: Market) -> None:
    """A checkout shows the order at once, without asking again."""
    buyer = await alive.caller(Role.BUYER, "b-1")

    answer = await buyer.post("/v1/orders", an_order(), "key-placed")
    again = await buyer.post("/v1/orders", an_order(), "key-placed")

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/orders/{answer.json()['id']}"
    assert again.json() == answer.json()


async def test_a_refusal_of_the_process_is_a_problem_with_its_facts(alive: Market) -> None:
    """The caller must learn what stands in the way without reading code."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-refused"))

    refused = await buyer.post("/v1/orders/o-refused/receipt", key="key-too-soon")
    again = await buyer.post("/v1/orders/o-refused/receipt", key="key-too-soon")

    problem = refused.json()
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/illegal-transition"
    assert problem["action"] == "confirm_receipt"
    assert again.json()["detail"] == problem["detail"]


async def test_more_than_there_is_cannot_be_refunded(alive: Market) -> None:
    """The answer says how much there is."""
    await paid_order(alive, "o-much")
    agent = await alive.caller(Role.SUPPORT_AGENT)

    refused = await agent.post(
        "/v1/orders/o-much/refunds", {"amount": 20401, "reason": "all of it"}
    )

    assert refused.status_code == 422
    assert refused.json()["available"] == 20400


async def test_a_part_is_refunded_and_shown(alive: Market) -> None:
    """Support gives some of the money back; the buyer sees where the rest is."""
    buyer = await paid_order(alive, "o-part")
    agent = await alive.caller(Role.SUPPORT_AGENT)

    answer = await agent.post("/v1/orders/o-part/refunds", {"amount": 400, "reason": "scratched"})

    money = (await buyer.get("/v1/orders/o-part")).json()["money"]
    assert answer.status_code == 200, answer.text
    assert money["refunded"]["amount"] == 400
    assert money["in_escrow"]["amount"] == 20000


async def test_what_ended_hears_nothing_more(alive: Market) -> None:
    """A request for an order that is over gets an answer, not a wait."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-over"))
    cancelled = await buyer.post("/v1/orders/o-over/cancellation", {"reason": "twice"})
    await until(buyer, "o-over", lambda order: order["ended_at"] is not None)

    late = await buyer.post("/v1/orders/o-over/cancellation", {"reason": "once more"})

    assert cancelled.status_code == 200, cancelled.text
    assert late.status_code == 409
    assert late.json()["type"] == "/problems/illegal-transition"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"currency": "XTS"}, 422, "currency-unknown"),
        ({"seller": "s-nobody"}, 404, "not-found"),
    ],
)
async def test_what_no_process_could_do_is_refused_at_once(
    alive: Market, changed: dict[str, Any], status: int, code: str
) -> None:
    """A buyer must not pay for what cannot be sold; nothing was started."""
    buyer = await alive.caller(Role.BUYER, "b-1")

    refused = await buyer.post("/v1/orders", an_order(**changed))

    assert refused.status_code == status
    assert refused.json()["type"] == f"/problems/{code}"


async def test_a_suspended_seller_takes_no_orders(alive: Market) -> None:
    """Whoever may not sell must not be paid for it first."""
    service = await alive.service()
    await service.post("/v1/sellers", {"seller": "s-out", "country": "CN", "standing": "suspended"})

    refused = await service.post("/v1/orders", an_order(buyer="b-1", seller="s-out"))

    assert refused.status_code == 409
    assert refused.json()["standing"] == "suspended"


@pytest.mark.case(32)
async def test_what_was_asked_in_time_counts_however_late_it_is_heard(alive: Market) -> None:
    """The buyer cancels on the last day, while Temporal is down until after the deadline."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-last-day"))
    await until(buyer, "o-last-day", lambda order: bool(order["clocks"]))
    down = await (await alive.without_temporal()).caller(Role.BUYER, "b-1")
    asked = await down.post("/v1/orders/o-last-day/cancellation", {"reason": "twice"})
    process = alive.services.temporal.get_workflow_handle("order/o-last-day")

    await TimeSkipper(alive.services.temporal).fast_forward(process, timedelta(days=3, hours=1))
    waiting = (await buyer.get("/v1/orders/o-last-day")).json()
    await alive.services.desk.deliver(asked.headers["Location"].rpartition("/")[2])
    heard = await until(buyer, "o-last-day", lambda order: order["ended_at"] is not None)

    assert asked.status_code == 202
    assert waiting["outcome"] == "open"
    assert heard["outcome"] == "cancelled_by_buyer"
    assert (await buyer.get(asked.headers["Location"])).json()["status"] == 200


@pytest.mark.case(32)
async def test_what_was_asked_too_late_is_told_so(alive: Market) -> None:
    """The instant of the edge counts on both sides of the deadline."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-too-late"))
    placed = await until(buyer, "o-too-late", lambda order: bool(order["clocks"]))
    due = datetime.fromisoformat(placed["clocks"][0]["due_at"])
    alive.clock.at = due + timedelta(seconds=1)

    late = await buyer.post("/v1/orders/o-too-late/cancellation", {"reason": "twice"})
    alive.clock.at = due
    in_time = await buyer.post("/v1/orders/o-too-late/cancellation", {"reason": "twice"})
    alive.clock.at = None

    assert late.json()["type"] == "/problems/deadline-passed"
    assert in_time.status_code == 200, in_time.text


async def test_each_caller_sees_what_they_may_do(alive: Market) -> None:
    """The same order shows each side its own next step, and staff's to nobody else."""
    buyer = await paid_order(alive, "o-allowed")
    seller = await alive.caller(Role.SELLER, "s-1")
    agent = await alive.caller(Role.SUPPORT_AGENT)

    seen = [
        {entry["action"] for entry in (await who.get("/v1/orders/o-allowed")).json()["allowed"]}
        for who in (buyer, seller, agent)
    ]

    assert seen == [
        {"ask_consent", "change_address"},
        {"ask_consent", "buy_label", "declare_shipment"},
        {"refund"},
    ]
    for who in (buyer, seller, agent):
        links = (await who.get("/v1/orders/o-allowed")).json()["links"].values()
        assert {(await who.get(link)).status_code for link in links} == {200}


async def test_the_buyer_gets_what_their_browser_pays_with(
    alive: Market, sandbox: SandboxWorld
) -> None:
    """The secret comes from the provider each time; it is nowhere in our tables."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-pay"))
    await until(buyer, "o-pay", lambda order: bool(order["clocks"]))
    async with asyncio.timeout(20):
        while (payment := await buyer.get("/v1/orders/o-pay/payment")).status_code == 409:
            await asyncio.sleep(0.05)

    assert payment.json()["amount"] == {"amount": 20400, "currency": "EUR"}
    assert payment.json()["client_secret"].startswith(payment.json()["reference"])


async def test_the_orders_postings_sum_to_zero(alive: Market) -> None:
    """What the books say of an order can be checked by whoever reads it."""
    await paid_order(alive, "o-books")
    seller = await alive.caller(Role.SELLER, "s-1")
    auditor = await alive.caller(Role.AUDITOR)

    entries = (await seller.get("/v1/orders/o-books/postings")).json()["items"]
    accounts = (await auditor.get("/v1/ledger/accounts", limit=100)).json()["items"]

    assert entries
    assert all(sum(leg["amount"] for leg in entry["legs"]) == 0 for entry in entries)
    assert {
        "account": "escrow",
        "owner": "o-books",
        "currency": "EUR",
        "amount": -20400,
    } in accounts


async def test_a_payout_on_demand_says_why_nothing_is_paid(alive: Market) -> None:
    """A seller without a balance is told so, and keeps it."""
    seller = await alive.caller(Role.SELLER, "s-1")

    answer = await seller.post("/v1/sellers/s-1/payouts", {"currency": "USD"})
    where = answer.headers["Location"]
    async with asyncio.timeout(20):
        while (found := await seller.get(where)).json()["stage"] == "due":
            await asyncio.sleep(0.05)

    assert answer.status_code == 201, answer.text
    assert found.json()["stage"] == "withheld"
    assert found.json()["reason"] == "below_minimum"


async def test_what_no_worker_heard_is_heard_once_when_one_comes(
    database_url: str, temporal: LocalTemporal, sandbox: SandboxWorld, tmp_path: Path
) -> None:
    """Temporal takes the question, nobody answers; asked again, it must not count twice."""
    async with open_market(database_url, tmp_path, temporal.address, sandbox.place) as idle:
        await register_search_attributes(await idle.temporal())
        await (await idle.service()).post("/v1/sellers", a_seller("s-1"))
        buyer = await idle.caller(Role.BUYER, "b-1")
        placed = await buyer.post("/v1/orders", an_order("o-idle"))
        unheard = await buyer.post("/v1/orders/o-idle/cancellation", {"reason": "twice"})
        request = unheard.headers["Location"].rpartition("/")[2]
        async with idle.working():
            heard = await idle.services.desk.deliver(request)
            again = await idle.services.desk.deliver(request)

    assert placed.status_code == 201
    assert unheard.status_code == 202
    assert heard.status == 200
    assert heard.body["outcome"] == "cancelled_by_buyer"
    assert again == heard
