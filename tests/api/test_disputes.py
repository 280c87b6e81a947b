"""A dispute over HTTP: opened, answered, decided, read; and who is shown what."""

import asyncio

import pytest

from api.schemas.disputes import ParcelIn
from domain.actors import Role
from domain.shipment.numbers import CARRIERS
from tests.api.test_online import SHIP_FROM
from tests.api.test_orders import paid_order
from tests.support.market import Json, Market, Person, a_seller
from tests.support.marketplace import dhl_number

_BROKEN = {"lines": ["1"], "category": "received", "reason": "damaged", "amount": 99_000}


async def received(alive: Market, order: str) -> Person:
    """An order that its buyer has received; its buyer."""
    buyer = await paid_order(alive, order)
    seller = await alive.caller(Role.SELLER, "s-1")
    parcel = {"carrier": "DHLExpress", "number": dhl_number()}
    assert (await seller.post(f"/v1/orders/{order}/shipments", parcel)).status_code == 200
    assert (await buyer.post(f"/v1/orders/{order}/receipt")).status_code == 200
    return buyer


async def settled(person: Person, path: str) -> Json:
    """The dispute once nothing of it is open."""
    async with asyncio.timeout(30):
        while True:
            found: Json = (await person.get(path)).json()
            if found["outcome"] != "open" and not found["money"]["to_pay"]["amount"]:
                return found
            await asyncio.sleep(0.05)


def may(view: Json) -> set[str]:
    return {one["action"] for one in view["allowed"]}


@pytest.mark.case(36, 68)
async def test_a_dispute_from_its_opening_to_its_ruling(alive: Market) -> None:
    """What buyer, seller and support do over HTTP, and what each is shown of it."""
    buyer = await received(alive, "o-disputed")
    seller = await alive.caller(Role.SELLER, "clerk-7", seller="s-1")
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    opened = await buyer.post("/v1/orders/o-disputed/disputes", _BROKEN, key="k-1")
    again = await buyer.post("/v1/orders/o-disputed/disputes", _BROKEN, key="k-1")
    path = opened.headers["Location"]
    offered = await seller.post(f"{path}/proposals", {"amount": 1_000})
    better = await seller.post(f"{path}/proposals", {"amount": 2_000})
    stale = await buyer.post(f"{path}/acceptance", {"version": 2})
    escalated = await buyer.post(f"{path}/escalation", {})
    early = await lead.post(f"{path}/decision", {"revision": 3, "amount": 9, "why": "photos"})
    accepted = await buyer.post(f"{path}/acceptance", {"version": 3})
    ended = await settled(buyer, path)
    log = (await lead.get(f"{path}/log")).json()["items"]

    assert opened.status_code == again.status_code == 201
    assert opened.json()["id"] == again.json()["id"]
    assert opened.json()["money"]["held"] == {"amount": 20_400, "currency": "EUR"}
    assert opened.json()["proposals"][0]["amount"]["amount"] == 20_400
    assert "accept" in may(offered.json())
    assert "withdraw" not in may(offered.json())
    assert (stale.status_code, stale.json()["type"].rpartition("/")[2]) == (412, "version-conflict")
    assert escalated.json()["status"] == "evidence"
    assert early.status_code == 409
    assert (better.status_code, accepted.status_code) == (200, 200)
    assert ended["money"]["given"]["amount"] == 2_000
    assert (await buyer.get(f"{path}/timeline")).status_code == 200
    assert (await buyer.get(f"{path}/log")).status_code == 403
    assert [(one["action"], one["actor"]) for one in log] == [
        ("propose", "seller:s-1"),
        ("propose", "seller:s-1"),
        ("escalate", "buyer:b-1"),
        ("accept", "buyer:b-1"),
    ]


async def test_who_has_acted_for_a_seller_decides_nothing(alive: Market) -> None:
    """The clerk who answered for the store has joined support since."""
    buyer = await received(alive, "o-clerk")
    clerk = await alive.caller(Role.SELLER, "p-9", seller="s-1")
    turned = await alive.caller(Role.SUPPORT_LEAD, "p-9")
    path = (await buyer.post("/v1/orders/o-clerk/disputes", _BROKEN)).headers["Location"]
    await clerk.post(f"{path}/proposals", {"amount": 1_000})
    refused = await turned.post(f"{path}/assignment", {"to": "p-9"})

    assert refused.status_code == 403
    assert "acted for a side" in refused.json()["detail"]


async def test_a_dispute_of_somebody_else_does_not_exist(alive: Market) -> None:
    """404 and not 403, for the order as for the dispute; and a list shows only one's own."""
    buyer = await received(alive, "o-dispute-theirs")
    path = (await buyer.post("/v1/orders/o-dispute-theirs/disputes", _BROKEN)).headers["Location"]
    strangers = [
        await alive.caller(Role.BUYER, "b-2"),
        await alive.caller(Role.SELLER, "s-2"),
    ]

    for stranger in strangers:
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.get(f"{path}/timeline")).status_code == 404
        assert (await stranger.get("/v1/disputes")).json()["items"] == []
        asked = await stranger.post("/v1/orders/o-dispute-theirs/disputes", _BROKEN)
        assert asked.status_code in {403, 404}
    mine = (await buyer.get("/v1/disputes", order="o-dispute-theirs")).json()["items"]
    assert [one["href"] for one in mine] == [path]


@pytest.mark.parametrize(
    ("carrier", "number"),
    [
        ("DHLExpress", "1234567891"),
        ("UPS", "1Z999AA10123456784"),
        ("ChinaEMS", "EE123456785CN"),
        ("Cainiao", "LP12345678901234"),
    ],
)
def test_goods_that_go_back_travel_with_the_carriers_that_we_know(
    carrier: str, number: str
) -> None:
    """What the rules take as a parcel has to be possible to say."""
    parcel = ParcelIn(carrier=carrier, number=number)

    assert CARRIERS[parcel.carrier].is_valid(parcel.number)


async def test_a_return_goes_by_a_label_that_the_buyer_asks_for(alive: Market) -> None:
    """They say what it weighs, print it, and type no number; the seller does not get the print."""
    service = await alive.service()
    shop = a_seller("s-back", country="DE", ship_from=SHIP_FROM)
    await service.post("/v1/sellers", shop, key="s-back")
    buyer = await paid_order(alive, "o-back", seller="s-back")
    seller = await alive.caller(Role.SELLER, "s-back")
    parcel = {"carrier": "DHLExpress", "number": dhl_number()}
    await seller.post("/v1/orders/o-back/shipments", parcel)
    await buyer.post("/v1/orders/o-back/receipt")
    asked = _BROKEN | {"remedy": "return_and_refund"}
    path = (await buyer.post("/v1/orders/o-back/disputes", asked)).headers["Location"]
    early = await buyer.post(f"{path}/return/label", {"grams": 900})
    await seller.post(f"{path}/acceptance", {"version": 1})
    unsaid = await buyer.post(f"{path}/return", {})
    half = await buyer.post(f"{path}/return", {"carrier": "UPS"})
    weightless = await buyer.post(f"{path}/return/label", {"grams": 0})
    bought = await buyer.post(f"{path}/return/label", {"grams": 900}, key="label-1")
    again = await buyer.post(f"{path}/return/label", {"grams": 900}, key="label-1")
    second = await buyer.post(f"{path}/return/label", {"grams": 900})
    theirs = (await seller.get(path)).json()["parcel"]
    own = (await seller.get("/v1/orders/o-back/labels")).json()["items"]
    sent = await buyer.post(f"{path}/return", {})

    assert (early.status_code, unsaid.status_code, second.status_code) == (409, 409, 409)
    assert (half.status_code, weightless.status_code) == (422, 422)
    assert bought.status_code == 200, bought.text
    assert bought.json() == again.json()
    assert bought.json()["parcel"]["label"].startswith("https://")
    assert theirs == {**bought.json()["parcel"], "label": ""}
    assert own == []
    assert sent.json()["status"] == "return_declared"
