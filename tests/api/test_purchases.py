"""A purchase over several sellers over HTTP: placed, refused, read, cancelled."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from domain.actors import Role
from domain.ids import purchase_workflow_id
from tests.support.market import Json, Market, Person, a_seller, an_order
from workflows.order.messages import PaymentChanged


def a_purchase(purchase: str | None = None, *sellers: str, **changed: object) -> Json:
    """The body of a purchase: 200.00 of each seller."""
    body: Json = {
        "currency": "EUR",
        "orders": [
            {"seller": seller, "lines": [{"product": "p-7", "price": 19_500, "freight": 500}]}
            for seller in sellers or ("s-1", "s-2")
        ],
        "ship_to": {"country": "DE", "city": "Hamburg", "name": "A. Buyer", "street": "Kai 4"},
    }
    if purchase is not None:
        body["purchase"] = purchase
    return body | changed


async def until(person: Person, path: str, happened: Callable[[Json], bool]) -> Json:
    """Read until something is true of it."""
    async with asyncio.timeout(30):
        while True:
            answer = await person.get(path)
            found: Json = answer.json()
            if answer.status_code == 200 and happened(found):
                return found
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def two(alive: Market) -> Market:
    """The living market, with a second seller."""
    service = await alive.service()
    await service.post("/v1/sellers", a_seller("s-2"))
    return alive


async def paid(two: Market, purchase: str) -> Person:
    """A purchase whose orders wait for their sellers; its buyer comes back."""
    buyer = await two.caller(Role.BUYER, "b-1")
    body = a_purchase(purchase, payment={"method": "pm_card_visa"})
    answer = await buyer.post("/v1/purchases", body)
    assert answer.status_code == 201, answer.text
    await until(buyer, f"/v1/purchases/{purchase}/payment", lambda found: True)
    process = two.services.temporal.get_workflow_handle(purchase_workflow_id(purchase))
    # What the relay says when the provider's message has come.
    await process.signal("payment_changed", PaymentChanged("evt-1", two.clock.now(purchase)))
    await until(buyer, f"/v1/orders/{purchase}-2", lambda order: bool(order["paid_at"]))
    await until(buyer, f"/v1/orders/{purchase}-1", lambda order: bool(order["paid_at"]))
    return buyer


async def test_one_payment_and_an_order_for_each_seller(two: Market) -> None:
    """What a checkout over two shops needs: one sum, two orders, and where each stands."""
    buyer = await paid(two, "p-both")
    found = (await buyer.get("/v1/purchases/p-both")).json()

    assert found["status"] == "paid"
    assert found["payment"]["captured"] == {"amount": 40_000, "currency": "EUR"}
    assert [(one["order"], one["status"]) for one in found["orders"]] == [
        ("p-both-1", "awaiting_shipment"),
        ("p-both-2", "awaiting_shipment"),
    ]
    for link in found["links"].values():
        assert (await buyer.get(link)).status_code == 200
    order = (await buyer.get("/v1/orders/p-both-1")).json()
    assert order["purchase"] == "p-both"
    assert order["money"]["captured"]["amount"] == 20_000
    for link in order["links"].values():
        assert (await buyer.get(link)).status_code == 200


async def test_placing_answers_with_the_purchase_and_its_address(two: Market) -> None:
    """A checkout shows it at once; a repeat of the call shows the same."""
    buyer = await two.caller(Role.BUYER, "b-1")
    answer = await buyer.post("/v1/purchases", a_purchase(), "key-bundle")
    again = await buyer.post("/v1/purchases", a_purchase(), "key-bundle")
    other = await buyer.post("/v1/purchases", a_purchase(None, "s-2"), "key-bundle")

    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/purchases/{answer.json()['id']}"
    assert again.json() == answer.json()
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_a_purchase_from_one_seller_is_just_its_order(two: Market) -> None:
    """No process, no row and no step more than an order that was placed as one."""
    buyer = await two.caller(Role.BUYER, "b-1")
    answer = await buyer.post("/v1/purchases", a_purchase("p-single", "s-1"))

    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == "/v1/orders/p-single"
    assert (answer.json()["id"], answer.json()["purchase"]) == ("p-single", None)
    assert (await buyer.get("/v1/purchases/p-single")).status_code == 404


async def test_a_seller_sees_their_own_order_and_nothing_of_the_others(two: Market) -> None:
    """What a buyer bought elsewhere, and for how much, is nobody's business but theirs."""
    await paid(two, "p-seen")
    seller = await two.caller(Role.SELLER, "s-2")
    stranger = await two.caller(Role.SELLER, "s-3")
    found = (await seller.get("/v1/purchases/p-seen")).json()

    assert [one["order"] for one in found["orders"]] == ["p-seen-2"]
    assert found["payment"]["total"]["amount"] == 20_000
    assert list(found["links"]) == ["self"]
    assert (await stranger.get("/v1/purchases/p-seen")).status_code == 404
    assert (await seller.get("/v1/orders/p-seen-1")).status_code == 404
    entries = (await seller.get("/v1/orders/p-seen-2/postings")).json()["items"]
    assert entries
    assert "p-seen-1" not in str(entries)


async def test_the_buyer_cancels_every_order_at_once(two: Market) -> None:
    """Before it is paid; a part of it cannot be called off alone, and says where to go."""
    buyer = await two.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/purchases", a_purchase("p-off"))
    order = await until(buyer, "/v1/orders/p-off-1", lambda order: order["version"] > 0)
    alone = await buyer.post("/v1/orders/p-off-1/cancellation", {"reason": "twice"})
    whole = await buyer.post("/v1/purchases/p-off/cancellation", {"reason": "twice"})
    again = await buyer.post("/v1/purchases/p-off/cancellation", {"reason": "twice"})
    ended = await until(buyer, "/v1/orders/p-off-2", lambda order: bool(order["ended_at"]))

    assert order["allowed"] == []
    assert alone.json()["type"] == "/problems/illegal-transition"
    assert (whole.status_code, whole.json()["status"]) == (200, "cancelled_by_buyer")
    assert again.status_code == 409
    assert ended["outcome"] == "cancelled_by_buyer"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"currency": "XTS"}, 422, "currency-unknown"),
        ({"orders": a_purchase(None, "s-1", "s-nobody")["orders"]}, 404, "not-found"),
        ({"orders": a_purchase(None, "s-1", "s-1")["orders"]}, 422, "request-invalid"),
        ({"orders": []}, 422, "request-invalid"),
        ({"buyer": "b-2"}, 403, "not-allowed"),
    ],
)
async def test_one_part_that_cannot_be_refuses_the_whole(
    two: Market, changed: dict[str, Any], status: int, code: str
) -> None:
    """Nobody must pay for half of what they wanted."""
    buyer = await two.caller(Role.BUYER, "b-1")
    refused = await buyer.post("/v1/purchases", a_purchase(**changed))

    assert refused.status_code == status, refused.text
    assert refused.json()["type"] == f"/problems/{code}"


async def test_an_id_is_one_order_s_whoever_names_it(two: Market) -> None:
    """An order of its own and a part of a purchase must never share their money's name."""
    buyer = await two.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-mine"))
    taken = a_purchase("p-taken")
    taken["orders"][1]["order"] = "o-mine"
    refused = await buyer.post("/v1/purchases", taken)
    await buyer.post("/v1/purchases", a_purchase("p-named"))
    await until(buyer, "/v1/orders/p-named-1", lambda order: order["version"] > 0)
    part = await buyer.post("/v1/orders", an_order("p-named-1"))
    twice = await buyer.post("/v1/purchases", a_purchase("p-named"))

    assert [one.json()["type"] for one in (refused, part, twice)] == [
        "/problems/already-exists"
    ] * 3
    assert refused.json()["order"] == "o-mine"


async def test_two_orders_of_a_purchase_never_get_the_same_id(two: Market) -> None:
    """A chosen id can be the one that another part is given: nobody could open both orders."""
    buyer = await two.caller(Role.BUYER, "b-1")
    body = a_purchase("p-double")
    body["orders"][0]["order"] = "p-double-2"
    refused = await buyer.post("/v1/purchases", body)

    assert refused.status_code == 409, refused.text
    assert refused.json()["order"] == "p-double-2"


async def test_purchases_are_listed_for_whoever_may_see_them(two: Market) -> None:
    """A buyer sees their own, and no other's."""
    await paid(two, "p-listed")
    buyer = await two.caller(Role.BUYER, "b-1")
    other = await two.caller(Role.BUYER, "b-else")
    mine = (await buyer.get("/v1/purchases", status="paid")).json()["items"]

    assert "p-listed" in [one["id"] for one in mine]
    assert (await other.get("/v1/purchases")).json()["items"] == []
    assert (await other.get("/v1/purchases/p-listed")).status_code == 404


async def test_what_is_asked_while_temporal_is_away_is_on_record(two: Market) -> None:
    """The checkout is told where to ask, and sees its purchase meanwhile."""
    down = await (await two.without_temporal()).caller(Role.BUYER, "b-1")
    put_off = await down.post("/v1/purchases", a_purchase("p-dark"))
    seen = await down.get("/v1/purchases/p-dark")
    request = put_off.headers["Location"]
    await two.services.desk.deliver(request.rpartition("/")[2])
    answered = (await down.get(request)).json()

    assert put_off.status_code == 202
    assert seen.json()["status"] == "awaiting_payment"
    assert (answered["status"], answered["location"]) == (201, "/v1/purchases/p-dark")
