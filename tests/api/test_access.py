"""Who may do what: every route against every role, and nobody sees what is another's."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.app import create_app
from api.docs import body_of
from api.serving import codec_of
from domain.actors import STAFF, Role
from domain.chargeback.state import ChargebackState, Slice
from persistence.database import SqlDatabase
from runtime.settings import CodecSettings
from tests.domain.disputes import in_review
from tests.support.market import Market, Person, an_order

ALL: Final = frozenset(Role)
NOBODY_IN_PARTICULAR: Final = {
    ("POST", "/webhooks/stripe"),
    ("POST", "/webhooks/easypost"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/problems/{code}"),
}
MONEY_READERS: Final = STAFF | {Role.SERVICE, Role.SELLER}
KEEPERS: Final = frozenset({Role.SERVICE, Role.OPERATOR, Role.SELLER})
SIDES: Final = frozenset({Role.BUYER, Role.SELLER})
JUDGES: Final = frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD})
MAY: Final[dict[tuple[str, str], frozenset[Role]]] = {
    ("POST", "/v1/orders"): frozenset({Role.BUYER, Role.SERVICE}),
    ("GET", "/v1/orders"): ALL,
    ("GET", "/v1/orders/{order}"): ALL,
    ("GET", "/v1/orders/{order}/postings"): MONEY_READERS,
    ("GET", "/v1/orders/{order}/payment"): frozenset({Role.BUYER, Role.SERVICE}),
    ("GET", "/v1/orders/{order}/timeline"): ALL,
    ("POST", "/v1/orders/{order}/cancellation"): frozenset({Role.BUYER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/risk-decision"): frozenset({Role.COMPLIANCE}),
    ("POST", "/v1/orders/{order}/shipments"): frozenset({Role.SELLER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/receipt"): frozenset({Role.BUYER}),
    ("POST", "/v1/orders/{order}/non-receipt"): frozenset({Role.BUYER}),
    ("POST", "/v1/orders/{order}/refunds"): frozenset(
        {Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, Role.SERVICE}
    ),
    ("POST", "/v1/orders/{order}/holds"): frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE}),
    ("POST", "/v1/orders/{order}/holds/{hold}/lifting"): frozenset(
        {Role.SUPPORT_LEAD, Role.COMPLIANCE}
    ),
    ("POST", "/v1/orders/{order}/resolution"): frozenset({Role.OPERATOR}),
    ("GET", "/v1/orders/{order}/rates"): frozenset({Role.SELLER, Role.SERVICE}),
    ("GET", "/v1/orders/{order}/labels"): STAFF | {Role.SELLER, Role.SERVICE},
    ("POST", "/v1/orders/{order}/labels"): frozenset({Role.SELLER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/labels/voiding"): frozenset({Role.SELLER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/pickups"): frozenset({Role.SELLER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/payment-attempts"): frozenset({Role.BUYER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/repayment"): frozenset({Role.BUYER, Role.SERVICE}),
    ("GET", "/v1/orders/{order}/repayment"): ALL,
    ("GET", "/v1/orders/{order}/repayment/payment"): frozenset({Role.BUYER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/amount-decision"): frozenset(
        {Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}
    ),
    ("POST", "/v1/orders/{order}/fraud-reports"): frozenset({Role.COMPLIANCE}),
    ("POST", "/v1/orders/{order}/fraud-decision"): frozenset({Role.COMPLIANCE}),
    ("POST", "/v1/orders/{order}/shipments/number"): frozenset({Role.SELLER, Role.SERVICE}),
    ("POST", "/v1/orders/{order}/shipments/disowning"): frozenset({Role.BUYER}),
    ("POST", "/v1/orders/{order}/shipments/customs-ruling"): frozenset(
        {Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}
    ),
    ("POST", "/v1/orders/{order}/address"): frozenset({Role.BUYER}),
    ("POST", "/v1/orders/{order}/questions"): frozenset({Role.BUYER, Role.SELLER}),
    ("POST", "/v1/orders/{order}/questions/{topic}/answer"): frozenset(
        {Role.BUYER, Role.SELLER, Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}
    ),
    ("POST", "/v1/orders/{order}/questions/{topic}/withdrawal"): frozenset(
        {Role.BUYER, Role.SELLER}
    ),
    ("GET", "/v1/chargebacks"): STAFF | {Role.SERVICE, Role.SELLER},
    ("GET", "/v1/chargebacks/{chargeback}"): STAFF | {Role.SERVICE, Role.SELLER},
    ("GET", "/v1/chargebacks/{chargeback}/timeline"): STAFF | {Role.SERVICE},
    ("POST", "/v1/chargebacks/{chargeback}/statements"): frozenset(
        {Role.SELLER, Role.SERVICE, Role.SUPPORT_LEAD, Role.COMPLIANCE}
    ),
    ("POST", "/v1/chargebacks/{chargeback}/contest"): frozenset(
        {Role.SUPPORT_LEAD, Role.COMPLIANCE}
    ),
    ("POST", "/v1/chargebacks/{chargeback}/concession"): frozenset(
        {Role.SUPPORT_LEAD, Role.COMPLIANCE}
    ),
    ("POST", "/v1/purchases"): frozenset({Role.BUYER, Role.SERVICE}),
    ("GET", "/v1/purchases"): STAFF | {Role.SERVICE, Role.BUYER},
    ("GET", "/v1/purchases/{purchase}"): ALL,
    ("GET", "/v1/purchases/{purchase}/payment"): frozenset({Role.BUYER, Role.SERVICE}),
    ("GET", "/v1/purchases/{purchase}/timeline"): STAFF | {Role.SERVICE, Role.BUYER},
    ("POST", "/v1/purchases/{purchase}/cancellation"): frozenset({Role.BUYER, Role.SERVICE}),
    ("POST", "/v1/purchases/{purchase}/payment-attempts"): frozenset({Role.BUYER, Role.SERVICE}),
    ("POST", "/v1/purchases/{purchase}/amount-decision"): frozenset(
        {Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}
    ),
    ("POST", "/v1/purchases/{purchase}/resolution"): frozenset({Role.OPERATOR}),
    ("POST", "/v1/orders/{order}/disputes"): frozenset({Role.BUYER}),
    ("GET", "/v1/audit"): frozenset({Role.AUDITOR, Role.OPERATOR}),
    ("GET", "/v1/disputes"): ALL,
    ("GET", "/v1/disputes/{dispute}"): ALL,
    ("GET", "/v1/disputes/{dispute}/timeline"): ALL,
    ("GET", "/v1/disputes/{dispute}/log"): STAFF,
    ("POST", "/v1/disputes/{dispute}/proposals"): SIDES | JUDGES,
    ("POST", "/v1/disputes/{dispute}/acceptance"): SIDES,
    ("POST", "/v1/disputes/{dispute}/declination"): SIDES,
    ("POST", "/v1/disputes/{dispute}/escalation"): SIDES,
    ("POST", "/v1/disputes/{dispute}/evidence-extension"): SIDES | JUDGES,
    ("POST", "/v1/disputes/{dispute}/evidence"): SIDES | JUDGES,
    ("GET", "/v1/disputes/{dispute}/evidence"): ALL,
    ("GET", "/v1/disputes/{dispute}/evidence/{number}"): ALL,
    ("POST", "/v1/disputes/{dispute}/decision"): JUDGES,
    ("POST", "/v1/disputes/{dispute}/decision/approval"): JUDGES,
    ("POST", "/v1/disputes/{dispute}/decision/disapproval"): JUDGES,
    ("POST", "/v1/disputes/{dispute}/decision/taking-back"): JUDGES,
    ("GET", "/v1/absences"): STAFF,
    ("POST", "/v1/absences"): STAFF - {Role.AUDITOR},
    ("POST", "/v1/absences/{absence}/ending"): STAFF - {Role.AUDITOR},
    ("GET", "/v1/bulk-rulings"): STAFF,
    ("GET", "/v1/bulk-rulings/preview"): JUDGES,
    ("POST", "/v1/bulk-rulings"): JUDGES,
    ("GET", "/v1/bulk-rulings/{bulk_ruling}"): STAFF,
    ("POST", "/v1/bulk-rulings/{bulk_ruling}/approval"): JUDGES,
    ("POST", "/v1/bulk-rulings/{bulk_ruling}/disapproval"): JUDGES,
    ("POST", "/v1/bulk-rulings/{bulk_ruling}/taking-back"): JUDGES,
    ("POST", "/v1/disputes/{dispute}/assignment"): JUDGES,
    ("POST", "/v1/disputes/{dispute}/return/label"): frozenset({Role.BUYER}),
    ("POST", "/v1/disputes/{dispute}/return"): frozenset({Role.BUYER}),
    ("POST", "/v1/disputes/{dispute}/return/acceptance"): frozenset({Role.SELLER}),
    ("POST", "/v1/disputes/{dispute}/reshipment"): frozenset({Role.SELLER}),
    ("POST", "/v1/disputes/{dispute}/reshipment/acceptance"): frozenset({Role.BUYER}),
    ("POST", "/v1/disputes/{dispute}/objection"): SIDES,
    ("POST", "/v1/disputes/{dispute}/reason"): frozenset({Role.BUYER}),
    ("POST", "/v1/disputes/{dispute}/non-receipt"): frozenset({Role.BUYER}),
    ("POST", "/v1/disputes/{dispute}/withdrawal"): frozenset({Role.BUYER}),
    ("POST", "/v1/disputes/{dispute}/appeal"): SIDES,
    ("POST", "/v1/disputes/{dispute}/resolution"): frozenset({Role.OPERATOR}),
    ("POST", "/v1/sellers"): frozenset({Role.SERVICE, Role.OPERATOR}),
    ("GET", "/v1/sellers"): STAFF | {Role.SERVICE},
    ("GET", "/v1/sellers/{seller}"): MONEY_READERS,
    ("PATCH", "/v1/sellers/{seller}"): frozenset({Role.SERVICE, Role.OPERATOR}),
    ("GET", "/v1/sellers/{seller}/balance"): MONEY_READERS,
    ("POST", "/v1/sellers/{seller}/bank-changes"): frozenset(
        {Role.SERVICE, Role.SELLER, Role.OPERATOR}
    ),
    ("GET", "/v1/sellers/{seller}/bank-changes"): MONEY_READERS,
    ("POST", "/v1/sellers/{seller}/bank-changes/{change}/approval"): frozenset({Role.SELLER}),
    ("POST", "/v1/sellers/{seller}/bank-changes/{change}/confirmation"): frozenset(
        {Role.SELLER, Role.OPERATOR}
    ),
    ("POST", "/v1/sellers/{seller}/bank-changes/{change}/withdrawal"): frozenset(
        {Role.SELLER, Role.OPERATOR}
    ),
    ("POST", "/v1/sellers/{seller}/details-affirmation"): frozenset({Role.OPERATOR}),
    ("POST", "/v1/sellers/{seller}/deposit"): frozenset({Role.SERVICE, Role.OPERATOR}),
    ("POST", "/v1/sellers/{seller}/write-off"): frozenset({Role.OPERATOR}),
    ("GET", "/v1/sellers/{seller}/payouts"): MONEY_READERS,
    ("POST", "/v1/sellers/{seller}/payouts"): frozenset({Role.SERVICE, Role.SELLER, Role.OPERATOR}),
    ("GET", "/v1/payouts/{payout:path}"): MONEY_READERS,
    ("POST", "/v1/payouts/{payout:path}/resolution"): frozenset({Role.OPERATOR}),
    ("GET", "/v1/ledger/postings"): frozenset({Role.AUDITOR, Role.OPERATOR}),
    ("GET", "/v1/ledger/accounts"): frozenset({Role.AUDITOR, Role.OPERATOR}),
    ("POST", "/v1/ledger/conversions"): frozenset({Role.OPERATOR, Role.COMPLIANCE}),
    ("GET", "/v1/ledger/fx"): frozenset({Role.AUDITOR, Role.OPERATOR}),
    ("GET", "/v1/alarms"): frozenset(
        {Role.OPERATOR, Role.SUPPORT_LEAD, Role.COMPLIANCE, Role.AUDITOR}
    ),
    ("POST", "/v1/alarms/{alarm}/clearing"): frozenset({Role.OPERATOR}),
    ("POST", "/v1/alarms/{alarm}/retry"): frozenset({Role.OPERATOR}),
    ("GET", "/v1/work-items"): STAFF,
    ("GET", "/v1/work-items/loads"): STAFF,
    ("POST", "/v1/work-items/assignment"): STAFF - {Role.AUDITOR},
    ("GET", "/v1/policies"): ALL,
    ("POST", "/v1/policies"): frozenset({Role.OPERATOR}),
    ("GET", "/v1/policies/{name}/{version}"): ALL,
    ("GET", "/v1/requests/{request}"): ALL,
    ("POST", "/v1/webhook-endpoints"): KEEPERS,
    ("GET", "/v1/webhook-endpoints"): KEEPERS,
    ("GET", "/v1/webhook-endpoints/{endpoint}"): KEEPERS,
    ("PATCH", "/v1/webhook-endpoints/{endpoint}"): KEEPERS,
    ("DELETE", "/v1/webhook-endpoints/{endpoint}"): KEEPERS,
    ("POST", "/v1/webhook-endpoints/{endpoint}/secret"): KEEPERS,
    ("POST", "/v1/webhook-endpoints/{endpoint}/test"): KEEPERS,
    ("POST", "/v1/webhook-endpoints/{endpoint}/replay"): KEEPERS,
    ("GET", "/v1/webhook-endpoints/{endpoint}/deliveries"): KEEPERS,
    ("GET", "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}"): KEEPERS,
    ("POST", "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/replay"): KEEPERS,
}
NAMES: Final = {
    "{order}": "o-none",
    "{purchase}": "p-none",
    "{chargeback}": "du_none",
    "{dispute}": "d-none",
    "{hold}": "h-1",
    "{seller}": "s-none",
    "{payout:path}": "s-none/1-EUR",
    "{alarm}": "1",
    "{change}": "1",
    "{name}": "standard",
    "{version}": "1",
    "{request}": "r-" + "0" * 32,
    "{endpoint}": "we_" + "0" * 20,
    "{delivery}": "1",
    "{number}": "1",
}


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every route, also those that the description leaves out."""
    included = [route for part in app.routes for route in _inner(part)]
    return {
        (method, route.path)
        for route in included
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def _inner(part: object) -> list[object]:
    router = getattr(part, "original_router", None)
    return [part] if router is None else list(router.routes)


def test_every_route_is_in_the_table(market: Market) -> None:
    """A new route must say whom it serves before it serves anybody."""
    assert routes(market.app) == set(MAY) | NOBODY_IN_PARTICULAR


@pytest.mark.parametrize("role", sorted(ALL))
async def test_each_role_gets_what_the_table_says_and_no_more(market: Market, role: Role) -> None:
    """One wrong dependency on one route would be enough."""
    person = await market.caller(role, "somebody")
    person.client.headers["Idempotency-Key"] = f"table-{role}"
    refused = set[tuple[str, str]]()
    for method, path in MAY:
        address = path
        for placeholder, name in NAMES.items():
            address = address.replace(placeholder, name)
        answer = await person.client.request(method, address, json={} if method != "GET" else None)
        assert answer.status_code != 401
        assert answer.status_code < 500, (method, path)
        if answer.status_code == 403:
            refused.add((method, path))

    assert refused == {route for route, roles in MAY.items() if role not in roles}


async def test_only_operators_read_histories_in_clear(market: Market) -> None:
    """The codec's door opens what every process has ever said."""
    app = create_app(market.services, [codec_of(CodecSettings(), market.services)])
    place = replace(market, app=app)
    opened = {
        role: (await (await place.caller(role, "somebody")).post("/codec/decode", {"payloads": []}))
        for role in ALL
    }
    stranger = await (await place.anonymous()).post("/codec/decode", json={"payloads": []})

    assert stranger.status_code == 401
    assert {role for role, answer in opened.items() if answer.status_code == 200} == {Role.OPERATOR}
    assert {answer.status_code for answer in opened.values()} == {200, 403}


async def test_without_a_token_nothing_is_answered(market: Market) -> None:
    """Also not whether a thing exists."""
    stranger = await market.anonymous()

    for method, path in MAY:
        answer = await stranger.request(method, path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_what_is_anothers_does_not_exist(market: Market) -> None:
    """404 and not 403: an id must not tell a stranger that there is an order behind it."""
    owner = await market.caller(Role.BUYER, "b-owner")
    await owner.post("/v1/orders", an_order("o-owned"))
    strangers = [
        await market.caller(Role.BUYER, "b-other"),
        await market.caller(Role.SELLER, "s-2"),
    ]

    for path in ("", "/timeline"):
        assert (await owner.get(f"/v1/orders/o-owned{path}")).status_code == 200
        for stranger in strangers:
            assert (await stranger.get(f"/v1/orders/o-owned{path}")).status_code == 404
    denied = await strangers[0].post("/v1/orders/o-owned/cancellation", {})
    missing = await strangers[0].post("/v1/orders/o-absent/cancellation", {})
    assert denied.status_code == missing.status_code == 404
    assert denied.json()["title"] == missing.json()["title"]


_OWNED: Final = (
    *("{order}", "{purchase}", "{seller}", "{payout:path}", "{request}", "{endpoint}"),
    *("{dispute}", "{chargeback}"),
)
# What even its owner is told is not there, for nothing of the kind has happened to it.
_NOT_YET: Final = frozenset(
    {
        ("GET", "/v1/orders/{order}/repayment"),
        ("GET", "/v1/requests/{request}"),
        ("GET", "/v1/disputes/{dispute}/evidence/{number}"),
        ("GET", "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}"),
        ("POST", "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/replay"),
    }
)


async def owned(market: Market) -> dict[str, str]:
    """One object of each kind, of the buyer b-owner and the seller s-1."""
    buyer = await market.caller(Role.BUYER, "b-owner")
    seller = await market.caller(Role.SELLER, "m-1", "s-1")
    placed = await buyer.post("/v1/orders", an_order("o-owned-by-all-routes"))
    share = {"seller": "s-1", "lines": an_order()["lines"]}
    bought = {
        "purchase": "p-owned",
        "currency": "EUR",
        "orders": [share, share | {"seller": "s-2"}],
    }
    await buyer.post("/v1/purchases", bought | {"ship_to": an_order()["ship_to"]})
    asked = await seller.post("/v1/sellers/s-1/payouts", {"currency": "EUR"})
    sink = await seller.post("/v1/webhook-endpoints", {"url": "https://shop.example.com/hooks"})
    payout = (await seller.get(asked.headers["Location"])).json()["subject"]
    async with SqlDatabase(market.services.engine).transaction() as books:
        disputed = replace(
            in_review(),
            dispute="d-owned",
            order="o-owned-by-all-routes",
            buyer="b-owner",
            seller="s-1",
        )
        await books.story.tell_dispute(disputed)
        slices = (Slice("o-owned-by-all-routes", "s-1", 100),)
        claimed = ChargebackState("du_owned", disputed.opened_at, version=1, slices=slices)
        await books.story.tell_chargeback(claimed)
    return {
        "{dispute}": "d-owned",
        "{chargeback}": "du_owned",
        "{order}": "o-owned-by-all-routes",
        "{purchase}": "p-owned",
        "{seller}": "s-1",
        "{payout:path}": payout.removeprefix("payout/"),
        "{request}": placed.headers["Location"].rpartition("/")[2],
        "{endpoint}": sink.json()["id"],
        "{topic}": "cancellation",
    }


def _example(market: Market, method: str, path: str) -> dict[str, Any]:
    """What the description's examples send to a route."""
    described = market.app.openapi()
    operation = described["paths"][path.replace(":path", "")][method.lower()]
    query = {
        parameter["name"]: parameter["schema"].get("examples", ["1"])[0]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter["required"]
    }
    return {"params": query, "json": body_of(described, operation)}


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
async def test_on_no_route_a_stranger_meets_what_is_anothers(market: Market, role: Role) -> None:
    """One route that forgets to ask whose it is would be enough."""
    names = NAMES | await owned(market)
    routes = [
        route
        for route, roles in MAY.items()
        if role in roles and any(k in route[1] for k in _OWNED)
    ]
    stranger = await market.caller(role, "stranger", "s-3" if role is Role.SELLER else "")
    owner = await market.caller(role, "b-owner", "s-1" if role is Role.SELLER else "")

    async def met(caller: Person, route: tuple[str, str]) -> int:
        method, address = route
        for placeholder, name in names.items():
            address = address.replace(placeholder, name)
        caller.client.headers.update({"Idempotency-Key": "strange", "If-Match": '"1"'})
        sent = _example(market, *route)
        return (await caller.client.request(method, address, **sent)).status_code

    strange = {route: await met(stranger, route) for route in routes}
    # No process hears what it is asked here: each waits a second for it, and all do so together.
    asking = [route for route in routes if route[1].startswith(("/v1/orders", "/v1/disputes"))]
    found = await asyncio.gather(*(met(owner, route) for route in asking))
    own = dict(zip(asking, found, strict=True))
    # What is deleted is not there afterwards.
    others = sorted({*routes} - {*asking}, key=lambda route: (route[0] == "DELETE", route))
    own |= {route: await met(owner, route) for route in others}

    assert len(strange) > 10
    assert {route: status for route, status in strange.items() if status != 404} == {}
    # What nobody has would be 404 for strangers as well, and show nothing.
    assert {route for route, status in own.items() if status == 404} <= _NOT_YET


async def test_a_seller_sees_no_other_store(market: Market) -> None:
    """Balances and payouts are the store's own business."""
    seller = await market.caller(Role.SELLER, "s-1")

    for path in ("", "/balance", "/payouts"):
        assert (await seller.get(f"/v1/sellers/s-1{path}")).status_code == 200
        assert (await seller.get(f"/v1/sellers/s-2{path}")).status_code == 404
    assert (await seller.post("/v1/sellers/s-2/payouts", {"currency": "EUR"})).status_code == 404


async def test_a_buyer_orders_for_nobody_else(market: Market) -> None:
    """Only a service may say whose order it is, and it must."""
    buyer = await market.caller(Role.BUYER, "b-1")
    service = await market.service()

    assert (await buyer.post("/v1/orders", an_order(buyer="b-2"))).status_code == 403
    assert (await service.post("/v1/orders", an_order())).status_code == 422


async def test_a_list_shows_only_ones_own(market: Market) -> None:
    """Whatever the filter says."""
    buyer = await market.caller(Role.BUYER, "b-list")

    shown = await buyer.get("/v1/orders", buyer="b-1")

    assert shown.json()["items"] == []


async def test_a_service_is_known_by_the_hash_of_its_key(market: Market) -> None:
    """A key that is read in the settings opens nothing."""
    service = await market.service()
    hashed = await market.anonymous()
    hashed.headers["Authorization"] = (
        "Bearer csk_" + hashlib.sha256(b"csk_checkout_of_the_tests").hexdigest()
    )

    assert (await service.get("/v1/sellers")).status_code == 200
    assert (await hashed.get("/v1/sellers")).status_code == 401
