"""Online shipping over HTTP: rates, labels, couriers; and what is personal stays sealed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import text

from api.schemas.online import LabelIn
from api.schemas.orders import ShipmentIn
from domain.actors import Role
from tests.api.test_orders import paid_order
from tests.support.market import Market, Person, a_seller

SHIP_FROM = {"city": "Hamburg", "street": "Kaistrasse 4", "postcode": "20457", "name": "Shop"}
BOX = {"grams": 900, "length_mm": 300, "width_mm": 200, "height_mm": 100}
TOMORROW = datetime.now(UTC) + timedelta(days=1)
WINDOW = {
    "fetch_from": TOMORROW.isoformat(),
    "fetch_until": (TOMORROW + timedelta(hours=8)).isoformat(),
}


@pytest.fixture
async def seller(alive: Market) -> Person:
    """A seller whose parcels can be fetched."""
    service = await alive.service()
    wanted = a_seller("s-online", country="DE", ship_from=SHIP_FROM)
    await service.post("/v1/sellers", wanted, key="s-online")
    return await alive.caller(Role.SELLER, "s-online")


async def paid(alive: Market, order: str) -> None:
    await paid_order(alive, order, seller="s-online")


async def cheapest(seller: Person, order: str) -> dict[str, Any]:
    """The body of a purchase at the price that is shown."""
    rates = (await seller.get(f"/v1/orders/{order}/rates", **BOX)).json()
    first = rates["items"][0]
    wanted = {name: first[name] for name in ("carrier", "service")}
    price = {"most": first["price"]["amount"], "currency": first["price"]["currency"]}
    return BOX | wanted | price


async def test_a_seller_sees_rates_buys_a_label_and_prints_it(
    alive: Market, seller: Person
) -> None:
    """From the price to the print, and the parcel is declared on the way."""
    await paid(alive, "o-online")
    body = await cheapest(seller, "o-online")
    bought = await seller.post("/v1/orders/o-online/labels", body | {"courier": WINDOW}, key="k-1")
    again = await seller.post("/v1/orders/o-online/labels", body | {"courier": WINDOW}, key="k-1")
    [label] = (await seller.get("/v1/orders/o-online/labels")).json()["items"]

    assert bought.status_code == 200, bought.text
    assert again.json()["version"] == bought.json()["version"]
    [parcel] = bought.json()["parcels"]
    assert (label["number"], label["cost"]["amount"]) == (parcel["number"], body["most"])
    assert label["url"].endswith(".pdf")
    assert (label["borne_by"], label["courier"]["status"]) == ("seller", "scheduled")
    effects = await _effects(alive, "o-online")
    assert effects == [("postage", -body["most"])]


async def _effects(alive: Market, order: str) -> list[tuple[str, int]]:
    async with alive.services.engine.connect() as db:
        query = "SELECT amount FROM effects WHERE kind = 'label' AND subject = :subject"
        rows = await db.execute(text(query), {"subject": f"order/{order}"})
        return [("postage", -row.amount) for row in rows]


async def test_a_label_is_given_back_over_http(alive: Market, seller: Person) -> None:
    """And a used word is a refusal, not an error."""
    await paid(alive, "o-void")
    body = await cheapest(seller, "o-void")
    early = await seller.post("/v1/orders/o-void/labels/voiding", {})
    await seller.post("/v1/orders/o-void/labels", body)
    done = await seller.post("/v1/orders/o-void/labels/voiding", {})
    [label] = (await seller.get("/v1/orders/o-void/labels")).json()["items"]

    assert (early.status_code, done.status_code) == (409, 200)
    assert label["status"] == "void_asked"


async def test_no_label_is_bought_for_a_courier_who_cannot_come(
    alive: Market, seller: Person
) -> None:
    """It would be paid for, and the attempt in vain before it began."""
    await paid(alive, "o-late")
    body = await cheapest(seller, "o-late")
    past = {"fetch_from": "2020-01-01T09:00:00Z", "fetch_until": "2020-01-01T17:00:00Z"}
    never = {"fetch_from": "9999-12-31T00:00:00Z", "fetch_until": "9999-12-31T23:59:59Z"}
    refused = [
        await seller.post("/v1/orders/o-late/labels", body | {"courier": window})
        for window in (past, never)
    ]
    labels = (await seller.get("/v1/orders/o-late/labels")).json()["items"]

    assert [one.status_code for one in refused] == [409, 409]
    assert labels == []


async def test_without_an_address_there_are_no_rates(alive: Market) -> None:
    """The seller is told what is missing."""
    await paid_order(alive, "o-homeless")
    seller = await alive.caller(Role.SELLER, "s-1")
    refused = await seller.get("/v1/orders/o-homeless/rates", **BOX)

    assert refused.status_code == 409, refused.text
    assert refused.json()["type"] == "/problems/address-missing"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("labels", {}),
        ("labels", BOX | {"carrier": "UPS", "service": "Ground", "most": 0, "currency": "USD"}),
        ("pickups", {"fetch_from": WINDOW["fetch_until"], "fetch_until": WINDOW["fetch_from"]}),
        ("pickups", {"fetch_from": "tomorrow", "fetch_until": "later"}),
    ],
)
async def test_what_makes_no_sense_is_not_accepted(
    alive: Market, seller: Person, path: str, body: dict[str, Any]
) -> None:
    """At the edge, before anybody is asked."""
    refused = await seller.post(f"/v1/orders/o-any/{path}", body)

    assert refused.status_code == 422


async def test_a_buyer_sees_no_label(alive: Market, seller: Person) -> None:
    """What it cost, and who bore it, is the seller's business."""
    await paid(alive, "o-theirs")
    buyer = await alive.caller(Role.BUYER, "b-1")

    assert (await buyer.get("/v1/orders/o-theirs/labels")).status_code == 403
    assert (await buyer.get("/v1/orders/o-theirs/rates", **BOX)).status_code == 403


async def test_the_sellers_door_is_kept_sealed(alive: Market, seller: Person) -> None:
    """An address stands nowhere in clear."""
    del seller
    async with alive.services.engine.connect() as db:
        found = await db.exec_driver_sql(
            "SELECT encode(sealed, 'escape') FROM particulars WHERE subject = 'seller/s-online'"
        )
        words = found.scalar_one()

    assert "Kaistrasse" not in words


@pytest.mark.parametrize("form", [ShipmentIn, LabelIn])
def test_a_line_is_in_a_parcel_once(form: type[BaseModel]) -> None:
    """Named twice it would be there twice wherever the parcel is shown."""
    with pytest.raises(ValidationError) as refused:
        form.model_validate_json('{"lines": ["1", "1"]}')

    assert "each line is named once" in str(refused.value)
