"""Foreign exchange over HTTP: in what a seller settles, what an order keeps, what is open."""

import asyncio
from datetime import date, datetime, timedelta

import pytest

from domain.actors import Role
from domain.fx.rates import Publication
from domain.ledger import AccountKind, Posting, move
from persistence.database import SqlDatabase
from tests.api.conftest import NOON
from tests.support.market import Json, Market, Person, a_seller, an_order

pytestmark = pytest.mark.case(9)


def a_conversion(reference: str, sold: int = 10_000, bought: int = 82_000) -> Json:
    return {
        "reference": reference,
        "sold": {"amount": sold, "currency": "EUR", "line": f"txn_{reference}_s"},
        "bought": {"amount": bought, "currency": "CNY", "line": f"txn_{reference}_b"},
    }


async def published(market: Market, day: date, **quotes: str) -> None:
    async with SqlDatabase(market.services.engine).transaction() as tx:
        await tx.rates.publish(Publication(day, quotes))


async def exchanged(market: Market, order: str, euros: int, yuan: int, at: datetime) -> None:
    """What a release leaves in the ledger: euros for the platform, yuan for the seller."""
    key, process = f"order/{order}/release/5", f"order/{order}"
    fx, owed = AccountKind.FX_RESULT, AccountKind.PAYABLE
    async with SqlDatabase(market.services.engine).transaction() as tx:
        legs = move([(AccountKind.CLEARING, "stripe", euros), (fx, "", -euros)])
        await tx.ledger.post(Posting(key, "release", process, "EUR", at, legs))
        legs = move([(fx, "", yuan), (owed, "s-fx", -yuan)])
        await tx.ledger.post(Posting(f"{key}/exchange", "exchange", process, "CNY", at, legs))


async def test_a_seller_says_in_what_to_be_paid(market: Market) -> None:
    """At the registration or later; only in a currency for which their policy has figures."""
    service = await market.service()
    made = await service.post("/v1/sellers", a_seller("s-cny", settles_in="CNY"))
    odd = await service.post("/v1/sellers", a_seller("s-odd", settles_in="XTS"))
    unread = await service.post("/v1/sellers", a_seller("s-odd", settles_in="yuan"))
    changed = await service.patch("/v1/sellers/s-cny", {"settles_in": "JPY"}, 1)
    undone = await service.patch("/v1/sellers/s-cny", {"settles_in": ""}, 2)
    refused = await service.patch("/v1/sellers/s-cny", {"settles_in": "XTS"}, 3)

    assert made.json()["settles_in"] == "CNY"
    assert (odd.status_code, odd.json()["type"]) == (422, "/problems/currency-unknown")
    assert unread.status_code == 422
    assert [one.json()["settles_in"] for one in (changed, undone)] == ["JPY", ""]
    assert refused.json()["type"] == "/problems/currency-unknown"


async def test_a_conversion_is_recorded_once_under_its_key(market: Market) -> None:
    """A dashboard's lost answer must not sell the platform's euros twice in the books."""
    operator = await market.caller(Role.OPERATOR)
    body = a_conversion("fxc_once")
    first = await operator.post("/v1/ledger/conversions", body, key="conv-1")
    again = await operator.post("/v1/ledger/conversions", body, key="conv-1")
    other_key = await operator.post("/v1/ledger/conversions", body, key="conv-2")
    changed = await operator.post(
        "/v1/ledger/conversions", a_conversion("fxc_once", bought=82_001), key="conv-3"
    )
    found = (await operator.get("/v1/ledger/postings", process="conversion/fxc_once")).json()

    assert first.status_code == 201, first.text
    assert first.json()["bought"] == {"amount": 82_000, "currency": "CNY"}
    assert again.json() == first.json()
    assert other_key.json()["reference"] == "fxc_once"
    assert (changed.status_code, changed.json()["type"]) == (409, "/problems/already-exists")
    assert [
        (entry["currency"], [(leg["account"], leg["amount"]) for leg in entry["legs"]])
        for entry in found["items"]
    ] == [
        ("EUR", [("provider_clearing", -10_000), ("fx_result", 10_000)]),
        ("CNY", [("provider_clearing", 82_000), ("fx_result", -82_000)]),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sold": {"amount": 0, "currency": "EUR", "line": "txn_1"}},
        {"sold": {"amount": -1, "currency": "EUR", "line": "txn_1"}},
        {"sold": {"amount": 1, "currency": "CNY", "line": "txn_1"}},
        {"sold": {"amount": 1, "currency": "EUR", "line": "txn_odd_b"}},
        {"sold": {"amount": 1, "currency": "EUR", "line": "a/b"}},
        {"reference": "a/b"},
        {"converted_at": "0001-01-01T00:00:00Z"},
        {"converted_at": "9999-12-31T23:59:59Z"},
        {"converted_at": "2026-11-02T12:00:00"},
        {"rate": 8.2},
    ],
)
async def test_a_conversion_that_cannot_be_is_refused(market: Market, wrong: Json) -> None:
    """What is posted stays for ever; a slip is caught at the door."""
    compliance = await market.caller(Role.COMPLIANCE)
    answer = await compliance.post("/v1/ledger/conversions", a_conversion("odd") | wrong)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/request-invalid")


async def test_the_report_says_what_is_open_and_what_it_brought(market: Market) -> None:
    """Sold CNY 8,200 for EUR 1,000, bought half of it for EUR 490: ten euros were made."""
    at = NOON - timedelta(days=200)
    await published(market, date(2026, 4, 15), CNY="8.2000", USD="1.1000")
    await exchanged(market, "o-fx-1", 100_000, 820_000, at)
    operator = await market.caller(Role.OPERATOR)
    bought = a_conversion("fxc_half", 49_000, 410_000)
    bought["converted_at"] = (at + timedelta(hours=1)).isoformat()
    await operator.post("/v1/ledger/conversions", bought)
    until = (at + timedelta(days=1)).isoformat()
    euros = (await operator.get("/v1/ledger/fx", at=until)).json()
    dollars = (await operator.get("/v1/ledger/fx", at=until, base="USD")).json()
    await published(market, date(2026, 4, 16), CNY="8.0000")
    later = (await operator.get("/v1/ledger/fx", at=(at + timedelta(days=2)).isoformat())).json()

    yuan, _ = euros["positions"]
    assert yuan["open"] == {"amount": -410_000, "currency": "CNY"}
    assert yuan["cost"] == {"amount": -50_000, "currency": "EUR"}
    assert (yuan["rates_of"], yuan["worth"]["amount"]) == ("2026-04-15", -50_000)
    assert euros["realised"] == {"amount": 1_000, "currency": "EUR"}
    assert euros["unrealised"]["amount"] == 0
    assert dollars["realised"]["amount"] + dollars["unrealised"]["amount"] == 1_100
    assert later["unrealised"]["amount"] == -1_250, "yuan that are owed have become dearer"


async def test_a_report_without_rates_says_so(market: Market) -> None:
    """A base that was never quoted, or a time without rates: told, never guessed."""
    auditor = await market.caller(Role.AUDITOR)
    await exchanged(market, "o-fx-2", 100, 820, NOON - timedelta(days=300))
    unknown = await auditor.get("/v1/ledger/fx", base="XTS")
    early = await auditor.get("/v1/ledger/fx", at=(NOON - timedelta(days=290)).isoformat())
    beyond = await auditor.get("/v1/ledger/fx", at="9999-12-31T23:59:59Z")

    assert (unknown.status_code, unknown.json()["type"]) == (422, "/problems/fx-rate-unknown")
    assert early.json()["unrealised"] is None
    assert early.json()["positions"][0]["worth"] is None
    assert beyond.status_code == 422


async def test_an_order_shows_its_rate_to_all_but_the_buyer(alive: Market) -> None:
    """The seller can do the sum again; what the seller earns is none of the buyer's business."""
    service = await alive.service()
    await service.post("/v1/sellers", a_seller("s-shows", settles_in="CNY"))
    body = an_order("o-shows", seller="s-shows", buyer="b-1")
    placed = await service.post("/v1/orders", body)
    shown = await _opened(service, "o-shows")
    buyer = await (await alive.caller(Role.BUYER, "b-1")).get("/v1/orders/o-shows")

    kept = shown["settlement"]["exchange"]
    assert placed.status_code == 201, placed.text
    assert shown["settlement"]["currency"] == "CNY"
    assert kept["per_euro"]["EUR"] == "1"
    assert kept["rate"].startswith(kept["per_euro"]["CNY"].rstrip("0"))
    assert kept["estimate"]["currency"] == "CNY"
    assert buyer.json()["settlement"] is None


async def test_a_currency_without_a_quote_is_refused_at_the_checkout(alive: Market) -> None:
    """The dinar has no reference rate: the buyer hears it at once, and nothing is charged."""
    service = await alive.service()
    await service.post("/v1/sellers", a_seller("s-quoted", settles_in="CNY"))
    await service.post("/v1/orders", an_order("o-quoted", seller="s-quoted", buyer="b-1"))
    await _opened(service, "o-quoted")
    body = an_order("o-dinar", seller="s-quoted", buyer="b-1", currency="KWD")
    refused = await service.post("/v1/orders", body)

    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/fx-rate-unknown")
    assert (refused.json()["sold"], refused.json()["bought"]) == ("KWD", "CNY")


async def _opened(service: Person, order: str) -> Json:
    """An order once its process has written its first state."""
    for _ in range(200):
        shown: Json = (await service.get(f"/v1/orders/{order}")).json()
        if shown["version"]:
            return shown
        await asyncio.sleep(0.05)
    raise AssertionError(f"{order} was not opened")
