"""Payments over HTTP: another way to pay, decisions about amounts and fraud, subsidies."""

import pytest

from domain.actors import Role
from tests.api.test_orders import is_at, paid_order, until
from tests.support.market import Market, an_order


@pytest.mark.case(12)
async def test_only_a_service_gives_a_subsidy(alive: Market) -> None:
    """A buyer who could name one would choose their own price."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    refused = await buyer.post("/v1/orders", an_order("o-sub-1", subsidy=1_500))
    service = await alive.service()
    placed = await service.post("/v1/orders", an_order("o-sub-2", buyer="b-1", subsidy=1_500))
    found = await until(service, "o-sub-2", lambda order: bool(order["clocks"]))

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert placed.status_code == 201
    assert found["money"]["subsidy"] == {"amount": 1_500, "currency": "EUR"}


@pytest.mark.case(12)
@pytest.mark.parametrize("subsidy", [20_400, -1, "half"])
async def test_a_subsidy_is_a_part_of_the_price(alive: Market, subsidy: object) -> None:
    """All of it, or less than nothing, is no part."""
    service = await alive.service()
    refused = await service.post("/v1/orders", an_order(buyer="b-1", subsidy=subsidy))

    assert refused.status_code == 422


@pytest.mark.case(2)
async def test_a_buyer_pays_another_way(alive: Market) -> None:
    """The page that the buyer pays on is the newest attempt's."""
    buyer = await alive.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-way"))
    await until(
        buyer,
        "o-way",
        lambda order: any(it["action"] == "pay_another_way" for it in order["allowed"]),
    )
    first = (await buyer.get("/v1/orders/o-way/payment")).json()
    asked = await buyer.post("/v1/orders/o-way/payment-attempts", {})
    second = (await buyer.get("/v1/orders/o-way/payment")).json()

    assert asked.status_code == 200, asked.text
    assert second["reference"] != first["reference"]
    assert second["amount"] == first["amount"]


@pytest.mark.case(8)
async def test_compliance_reports_fraud_and_decides(alive: Market) -> None:
    """Staff see why money is frozen; the buyer and the seller see only that it is."""
    buyer = await paid_order(alive, "o-fraud")
    compliance = await alive.caller(Role.COMPLIANCE)
    path = "/v1/orders/o-fraud"
    reported = await compliance.post(f"{path}/fraud-reports", {"reason": "the holder denies it"})
    seen = (await buyer.get(path)).json()
    again = await compliance.post(f"{path}/fraud-reports", {"reason": "the holder denies it"})
    decided = await compliance.post(
        f"{path}/fraud-decision", {"verdict": "cleared", "reason": "recognised after all"}
    )

    assert reported.status_code == 200, reported.text
    assert (reported.json()["fraud"], seen["fraud"]) == ("suspected", None)
    assert seen["status"] == "held"
    assert again.status_code == 409
    assert decided.json()["fraud"] == "cleared"


async def test_amounts_are_decided_by_support_and_only_where_one_differs(alive: Market) -> None:
    """Nobody else, and never of a payment that was right."""
    buyer = await paid_order(alive, "o-amount")
    support = await alive.caller(Role.SUPPORT_AGENT)
    body = {"decision": "accept", "reason": "a bank's fee"}
    theirs = await buyer.post("/v1/orders/o-amount/amount-decision", body)
    refused = await support.post("/v1/orders/o-amount/amount-decision", body)
    found = await until(buyer, "o-amount", is_at("awaiting_shipment"))

    assert theirs.status_code == 403
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/illegal-transition")
    assert found["money"]["kept_apart"]["amount"] == 0
