"""Messages of providers at the door: genuine ones are kept once, all others are turned away."""

import hashlib
import hmac
import json
import time

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from persistence.tables.traffic import Fact
from tests.support.market import Market
from tests.support.sandbox import STRIPE_SECRET

EVENT = {
    "id": "evt_door",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": 1_793_620_800,
    "data": {
        "object": {
            "id": "pi_1",
            "object": "payment_intent",
            "metadata": {"subject": "order/o-door", "key": "order/o-door/take/1"},
        }
    },
}


def signed(body: bytes, at: int) -> dict[str, str]:
    mac = hmac.new(STRIPE_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={mac}", "Content-Type": "application/json"}


async def facts(market: Market, event: str) -> int:
    async with market.services.engine.connect() as db:
        counted = await db.execute(
            select(func.count()).select_from(Fact).where(col(Fact.event_id) == event)
        )
        return int(counted.scalar_one())


@pytest.mark.case(1)
async def test_a_genuine_message_is_kept_once_and_acknowledged_each_time(market: Market) -> None:
    """Providers repeat themselves until they hear us; a second copy must not act again."""
    provider = await market.anonymous()
    body = json.dumps(EVENT).encode()
    now = int(time.time())

    answers = [
        await provider.post("/webhooks/stripe", content=body, headers=signed(body, now))
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert await facts(market, "evt_door") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Stripe-Signature": "t=1,v1=00"},
        signed(b"another body", int(time.time())),
        signed(json.dumps(EVENT | {"id": "evt_forged"}).encode(), int(time.time()) - 3600),
    ],
)
async def test_what_is_not_genuine_leaves_nothing_behind(
    market: Market, headers: dict[str, str]
) -> None:
    """Anybody can post to a webhook's address: unsigned, altered, or replayed an hour later."""
    provider = await market.anonymous()
    body = json.dumps(EVENT | {"id": "evt_forged"}).encode()

    answer = await provider.post("/webhooks/stripe", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/not-genuine"
    assert await facts(market, "evt_forged") == 0


async def test_a_tracking_message_needs_its_signature_too(market: Market) -> None:
    """Otherwise anybody could deliver anybody's parcel."""
    provider = await market.anonymous()

    answer = await provider.post("/webhooks/easypost", content=b"{}")

    assert answer.status_code == 400
