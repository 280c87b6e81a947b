"""Messages of providers at the door: genuine ones are kept once, all others are turned away."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from api.problems import KINDS
from persistence.tables.traffic import Fact
from sandbox.courier import easypost_signature
from tests.support.market import Market
from tests.support.sandbox import EASYPOST_SECRET, STRIPE_SECRET

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


def signed(body: bytes, at: int, secret: str = STRIPE_SECRET) -> dict[str, str]:
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
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
    forged = {"X-Hmac-Signature": easypost_signature(b"{}", "a secret of somebody else's")}

    for headers in ({}, forged):
        answer = await provider.post("/webhooks/easypost", content=b"{}", headers=headers)
        assert answer.status_code == 400


MALFORMED: Final = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"event"',
    b"{}",
    b"[" * 100_000,
    b'{"id": 1e999}',
    json.dumps(EVENT | {"id": "evt\0"}).encode(),
    json.dumps(EVENT | {"id": "e" * 501}).encode(),
    json.dumps(EVENT | {"id": None}).encode(),
    json.dumps(EVENT | {"created": 10**30}).encode(),
    json.dumps(EVENT | {"data": {"object": []}}).encode(),
)


async def kept(market: Market) -> int:
    async with market.services.engine.connect() as db:
        return int((await db.execute(select(func.count()).select_from(Fact))).scalar_one())


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_signed_and_no_message_is_turned_away_and_the_next_one_is_heard(
    market: Market, body: bytes
) -> None:
    """A signature says who wrote it, not that it can be read; nothing of it is said back."""
    provider = await market.anonymous()
    real = json.dumps(EVENT | {"id": f"evt_after_{hash(body)}"}).encode()
    now = int(time.time())
    tracked = {"X-Hmac-Signature": easypost_signature(body, EASYPOST_SECRET)}
    before = await kept(market)

    answers = [
        await provider.post("/webhooks/stripe", content=body, headers=signed(body, now)),
        await provider.post("/webhooks/easypost", content=body, headers=tracked),
    ]
    left = await kept(market) - before
    heard = await provider.post("/webhooks/stripe", content=real, headers=signed(real, now))

    assert [answer.status_code for answer in answers] == [400, 400]
    assert {answer.json()["detail"] for answer in answers} == {KINDS["not-genuine"].help}
    assert left == 0
    assert heard.status_code == 204


TRACKED: Final = {
    "id": "evt_door",
    "description": "tracker.updated",
    "result": {"object": "Tracker", "id": "trk_1", "carrier": "UPS", "tracking_code": "1Z"},
    "created_at": "2026-11-20T10:00:00Z",
}
HOUR: Final = 3_600


def by_stripe(body: bytes, at: int, secret: str = STRIPE_SECRET) -> dict[str, str]:
    return signed(body, at, secret)


def by_easypost(body: bytes, _: int, secret: str = EASYPOST_SECRET) -> dict[str, str]:
    return {"X-Hmac-Signature": easypost_signature(body, secret)}


# Which message is posted, what is said to have been signed, when, and with which secret.
Sign = Callable[..., dict[str, str]]
ABUSES: Final[dict[str, Callable[[Sign, bytes, int], tuple[bytes, dict[str, str]]]]] = {
    "unsigned": lambda sign, body, now: (body, {}),
    "signed by somebody else": lambda sign, body, now: (body, sign(body, now, "another secret")),
    "altered": lambda sign, body, now: (body, sign(body.replace(b"evt_", b"evt-"), now)),
    "huge": lambda sign, body, now: (body + b" " * 300_000, sign(body + b" " * 300_000, now)),
    "an hour old": lambda sign, body, now: (body, sign(body, now - HOUR)),
}
DOORS: Final[dict[str, tuple[Sign, dict[str, Any]]]] = {
    "stripe": (by_stripe, EVENT),
    "easypost": (by_easypost, TRACKED),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("abuse", ABUSES)
async def test_after_whatever_was_tried_at_a_door_a_genuine_message_is_heard(
    market: Market, door: str, abuse: str
) -> None:
    """Nothing of it is kept, and it does not stand in the way of what has the same name."""
    sign, message = DOORS[door]
    provider, now = await market.anonymous(), int(time.time())
    name = f"evt_{door}_{abuse.replace(' ', '_')}"
    body = json.dumps(message | {"id": name}).encode()
    tried, headers = ABUSES[abuse](sign, body, now)

    answer = await provider.post(f"/webhooks/{door}", content=tried, headers=headers)
    left = await facts(market, name)
    genuine = [
        await provider.post(f"/webhooks/{door}", content=body, headers=sign(body, now))
        for _ in range(2)
    ]

    # EasyPost signs no time: an old message of it is told by its event, which is kept once.
    is_no_abuse = (door, abuse) == ("easypost", "an hour old")
    assert answer.status_code == (204 if is_no_abuse else 413 if abuse == "huge" else 400)
    assert left == is_no_abuse
    assert [each.status_code for each in genuine] == [204, 204]
    assert await facts(market, name) == 1


async def test_a_message_that_is_too_large_is_not_even_read(market: Market) -> None:
    """Whoever knows the address could fill our memory, signature or not."""
    provider = await market.anonymous()
    body = json.dumps(EVENT | {"id": "evt_huge", "padding": "x" * 300_000}).encode()

    answer = await provider.post(
        "/webhooks/stripe", content=body, headers=signed(body, int(time.time()))
    )

    assert answer.status_code == 413
    assert await facts(market, "evt_huge") == 0


async def test_a_kind_that_we_do_not_know_is_kept_and_acted_on_by_nobody(market: Market) -> None:
    """Providers invent new ones, and repeat for days what is not acknowledged."""
    provider = await market.anonymous()
    body = json.dumps(EVENT | {"id": "evt_new_kind", "type": "payment_intent.levitated"}).encode()

    answer = await provider.post(
        "/webhooks/stripe", content=body, headers=signed(body, int(time.time()))
    )

    async with market.services.engine.connect() as db:
        states = await db.execute(
            select(col(Fact.state)).where(col(Fact.event_id) == "evt_new_kind")
        )
    assert answer.status_code == 204
    assert list(states.scalars()) == ["done"]
