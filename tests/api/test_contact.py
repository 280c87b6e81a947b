"""Who is written to, in which language and by whose clock: taken, sealed, and never shown."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from domain.actors import Role
from persistence import outbox
from tests.support.market import Market, a_seller, an_order

_PERSON = {
    "email": "orders@example.com",
    "name": "Example Trading",
    "language": "zh-CN",
    "zone": "Asia/Shanghai",
}


async def _told(market: Market, subject: str) -> dict[str, Any]:
    """The words on file about whom *subject* concerns."""
    async with market.services.engine.connect() as db:
        found = await outbox.particulars_of(db, subject)
    assert found is not None
    told: dict[str, Any] = json.loads(await market.services.vault.open(*found))
    return told


async def test_a_seller_is_written_to_as_they_asked(market: Market) -> None:
    """A seller's letters had no address before anybody could give one."""
    service = await market.service()
    made = await service.post("/v1/sellers", a_seller("s-contact", **_PERSON))

    assert made.status_code == 201
    assert await _told(market, "seller/s-contact") == _PERSON
    assert _PERSON["email"] not in made.text


async def test_a_change_of_contact_leaves_the_rest_as_it_was(market: Market) -> None:
    """Whoever moves to another zone has not changed their name."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-moved", **_PERSON))
    changed = await service.patch("/v1/sellers/s-moved", {"zone": "Europe/Berlin"}, 1)

    assert changed.status_code == 200
    assert changed.json()["version"] == 2
    assert await _told(market, "seller/s-moved") == _PERSON | {"zone": "Europe/Berlin"}


async def test_a_seller_moves_house(market: Market) -> None:
    """Parcels are fetched where they are now; an address that is none changes nothing."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-house", **_PERSON))
    door = {"city": "Bonn", "street": "Kai 4", "postcode": "53111", "phone": "", "name": ""}
    wrong = await service.patch("/v1/sellers/s-house", {"ship_from": {"street": "Kai 4"}}, 1)
    changed = await service.patch("/v1/sellers/s-house", {"ship_from": door}, 1)

    assert (wrong.status_code, changed.status_code) == (422, 200)
    assert "Kai 4" not in changed.text
    assert await _told(market, "seller/s-house") == _PERSON | {"ship_from": door}


async def test_a_seller_without_a_contact_can_be_given_one(market: Market) -> None:
    """Everybody who registered before there were contacts."""
    service = await market.service()
    changed = await service.patch("/v1/sellers/s-2", {"email": "late@example.com"}, 1)

    assert changed.status_code == 200
    assert (await _told(market, "seller/s-2"))["email"] == "late@example.com"


async def test_an_orders_letters_follow_its_buyer(market: Market) -> None:
    """The buyer's language comes with the checkout."""
    service = await market.service()
    to = {"country": "CN", "city": "Suzhou", "language": "zh", "zone": "Asia/Shanghai"}
    await service.post("/v1/orders", an_order("o-zh", buyer="b-zh", ship_to=to))
    told = await _told(market, "order/o-zh")

    assert (told["language"], told["zone"]) == ("zh", "Asia/Shanghai")


async def test_whoever_moves_keeps_their_language(market: Market) -> None:
    """A form that asks for the new street alone must not turn the letters into English."""
    service, buyer = await market.service(), await market.caller(Role.BUYER, "b-mv")
    to = {"country": "CN", "city": "Suzhou", "street": "1", "email": "b@example.com"}
    await service.post(
        "/v1/orders", an_order("o-mv", buyer="b-mv", ship_to=to | {"language": "zh-CN"})
    )
    await buyer.post("/v1/orders/o-mv/address", {"country": "CN", "city": "Wuxi"})
    async with market.services.engine.connect() as db:
        draft = await db.scalar(
            text("SELECT subject FROM particulars WHERE subject LIKE 'order/o-mv/address/%'")
        )
    told = await _told(market, draft or "")

    assert (told["city"], told["street"]) == ("Wuxi", "")
    assert (told["language"], told["email"]) == ("zh-CN", "b@example.com")


async def test_saying_the_default_is_saying_nothing(market: Market) -> None:
    """A checkout that is repeated across an upgrade must not be told that it is another one."""
    service = await market.service()
    silent = a_seller("s-default", email="x@example.com")
    spoken = silent | {"language": "en", "zone": "", "name": ""}
    first = await service.post("/v1/sellers", silent, "key-default")
    second = await service.post("/v1/sellers", spoken, "key-default")

    assert (first.status_code, second.json()) == (201, first.json())


@pytest.mark.parametrize(
    "wrong",
    [{"language": "Chinese please"}, {"language": ""}, {"zone": "CET-ish"}, {"email": "nobody"}],
)
async def test_what_nobody_could_write_by_is_refused(market: Market, wrong: dict[str, str]) -> None:
    """A mistyped zone would tell every deadline by another clock, without a word."""
    service = await market.service()
    seller = await service.post("/v1/sellers", a_seller("s-wrong", **wrong))

    assert seller.status_code == 422
