"""The desk when delivery fails: what is nobody's fault waits, what is ours is given up loudly."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from domain.actors import Role
from persistence import idempotency
from persistence.tables.business import Alarm
from persistence.tables.traffic import Request
from tests.support.market import Market, a_seller, an_order, open_market


@pytest.fixture
async def market(database_url: str, tmp_path: Path) -> AsyncIterator[Market]:
    """An API whose Temporal is away, with one seller."""
    async with open_market(database_url, tmp_path) as opened:
        await (await opened.service()).post("/v1/sellers", a_seller("s-1"))
        yield opened


async def asked(market: Market, order: str) -> str:
    """The id of a request that could not be delivered."""
    buyer = await market.caller(Role.BUYER, "b-1")
    answer = await buyer.post("/v1/orders", an_order(order))
    return answer.headers["Location"].rpartition("/")[2]


async def age(market: Market, request: str, attempts: int, defects: int = 0) -> None:
    """Let a request have failed so many times, *defects* of them by us, and its lease be over."""
    async with market.services.engine.begin() as db:
        await db.execute(
            update(Request)
            .where(col(Request.id) == request)
            .values(attempts=attempts, defects=defects, due_at=col(Request.received_at))
        )


async def state(market: Market, request: str) -> tuple[str, int, str]:
    async with market.services.engine.connect() as db:
        row = await db.execute(
            select(col(Request.state), col(Request.attempts), col(Request.last_error)).where(
                col(Request.id) == request
            )
        )
        found = row.one()
        return found[0], found[1], found[2]


async def test_an_outage_never_gives_a_request_up(market: Market) -> None:
    """Temporal may be away for a day; what was asked in time must still be heard."""
    request = await asked(market, "o-1")
    await age(market, request, attempts=500)

    answer = await market.services.desk.deliver(request)

    assert not answer.is_final
    assert (await state(market, request))[:2] == ("waiting", 501)


async def open_alarms(market: Market) -> list[tuple[str, str]]:
    async with market.services.engine.connect() as db:
        open_ones = select(col(Alarm.kind), col(Alarm.subject)).where(
            col(Alarm.cleared_at).is_(None)
        )
        return [(row[0], row[1]) for row in (await db.execute(open_ones)).all()]


async def test_one_alarm_says_that_requests_wait_for_an_hour_until_none_does(
    market: Market,
) -> None:
    """Waiting without end must not mean without anybody's knowledge; nor one alarm for each."""
    requests = [await asked(market, f"o-{number}") for number in (1, 2, 3)]
    told: list[list[tuple[str, str]]] = []
    for request, attempts in zip(requests, (5, 119, 119), strict=True):
        await age(market, request, attempts=attempts)
        await market.services.desk.deliver(request)
        told.append(await open_alarms(market))
    for request in requests[1:]:
        async with market.services.engine.begin() as db:
            await idempotency.answered(db, request, 200, {})
        told.append(await open_alarms(market))

    late = [("delivery_late", "relay/requests")]
    assert told == [[], late, late, late, []]


async def spoilt(market: Market, request: str) -> None:
    """As after a deployment that cannot read what an older one wrote."""
    async with market.services.engine.begin() as db:
        await db.execute(
            update(Request).where(col(Request.id) == request).values(sealed=b"\x01unreadable")
        )


async def test_a_defect_after_many_outages_is_the_first(market: Market) -> None:
    """A night without Temporal must not leave one try between a request and an operator."""
    request = await asked(market, "o-1")
    await age(market, request, attempts=500)
    await spoilt(market, request)
    await market.services.desk.deliver(request)

    assert (await state(market, request))[:2] == ("waiting", 501)


async def test_a_defect_is_parked_with_an_alarm_after_twenty_attempts(market: Market) -> None:
    """A row that can never be delivered must not be tried for ever, nor be forgotten."""
    request = await asked(market, "o-1")
    await spoilt(market, request)
    await age(market, request, attempts=18, defects=18)

    await market.services.desk.deliver(request)
    before = await state(market, request)
    await market.services.desk.deliver(request)
    after = await state(market, request)

    assert before[:2] == ("waiting", 19)
    assert after[:2] == ("parked", 20)
    async with market.services.engine.connect() as db:
        alarms = (await db.execute(select(col(Alarm.kind), col(Alarm.subject)))).all()
    assert [tuple(alarm) for alarm in alarms] == [("request.parked", "order/o-1")]


async def test_the_oldest_request_of_each_object_is_taken_and_by_one_alone(
    market: Market,
) -> None:
    """Two relays share the work and never hear one order's requests in the wrong order."""
    first, other = await asked(market, "o-1"), await asked(market, "o-2")
    buyer = await market.caller(Role.BUYER, "b-1")
    later = await buyer.post("/v1/orders/o-1/cancellation", {})
    for request in (first, other, later.headers["Location"].rpartition("/")[2]):
        await age(market, request, attempts=1)

    taken = await market.services.desk.claim(10)
    again = await market.services.desk.claim(10)

    assert taken == [first, other]
    assert again == []


async def test_a_forgotten_persons_request_ends(market: Market) -> None:
    """Erasure must not leave a row behind that fails for ever."""
    request = await asked(market, "o-1")
    await market.services.vault.erase("b-1")

    answer = await market.services.desk.deliver(request)

    assert answer.status == 404
    assert "b-1" not in str(answer.body)


async def test_nobody_asks_for_a_person_who_was_forgotten(market: Market) -> None:
    """A message that comes after the erasure makes no new key."""
    await market.services.vault.erase("b-1")
    buyer = await market.caller(Role.BUYER, "b-1")

    refused = await buyer.post("/v1/orders", an_order("o-1"))

    assert refused.status_code == 410
    assert refused.json()["type"] == "/problems/person-erased"


async def test_the_word_of_an_operator_overtakes_what_waits_for_it(market: Market) -> None:
    """A parked order hears nobody else: behind the buyer's question the answer would never come."""
    placed = await asked(market, "o-1")
    operator = await market.caller(Role.OPERATOR, "op-1")
    told = [
        await operator.post("/v1/orders/o-1/resolution", {"resolution": "retry", "note": note})
        for note in ("mended", "mended indeed")
    ]
    first, second = [one.json()["request"] for one in told]
    for request in (placed, first, second):
        await age(market, request, attempts=1)

    assert await market.services.desk.claim(10) == [placed, first]
    assert await market.services.desk.claim(10) == []
