"""Requests on record: one key, one effect, one answer; nothing is lost while Temporal is away."""

import asyncio

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from domain.actors import Role
from persistence.tables.traffic import Request
from tests.support.market import Market, a_seller, an_order


@pytest.mark.case(68)
async def test_a_repeated_request_has_one_effect_and_the_same_answer(market: Market) -> None:
    """A client that lost the answer asks again, and must not register a second seller."""
    service = await market.service()

    first = await service.post("/v1/sellers", a_seller("s-twice"), "key-twice")
    again = await service.post("/v1/sellers", a_seller("s-twice"), "key-twice")

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()


@pytest.mark.case(68)
async def test_a_refusal_is_repeated_as_well(market: Market) -> None:
    """What was refused once stays refused under its key, whatever has changed since."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-taken"))

    first = await service.post("/v1/sellers", a_seller("s-taken", country="US"), "key-refused")
    again = await service.post("/v1/sellers", a_seller("s-taken", country="US"), "key-refused")

    assert first.status_code == again.status_code == 409
    assert again.json()["type"] == "/problems/already-exists"


@pytest.mark.case(68)
@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/sellers", a_seller("s-key"), a_seller("s-key", country="US")),
        ("/v1/sellers", a_seller("s-key-1"), a_seller("s-key-2")),
        ("/v1/orders", an_order("o-key", buyer="b-1"), an_order("o-key", buyer="b-2")),
        ("/v1/orders", an_order("o-key-1", buyer="b-1"), an_order("o-key-2", buyer="b-1")),
        ("/v1/orders", an_order(buyer="b-1"), an_order(buyer="b-1", currency="USD")),
    ],
)
async def test_a_key_with_another_body_is_refused(
    market: Market, path: str, body: object, other: object
) -> None:
    """Also where the other body names another object: the first answer would be a lie."""
    service = await market.service()
    key = f"key-of-{path}-{hash(str(body))}"
    await service.post(path, body, key)

    refused = await service.post(path, other, key)

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/idempotency-key-reused"


async def test_two_callers_may_choose_the_same_key(market: Market) -> None:
    """A key is its caller's own: nobody can take another's, or read the answer under it."""
    first = await (await market.caller(Role.BUYER, "b-same-1")).post(
        "/v1/orders", an_order(), "the-same"
    )
    second = await (await market.caller(Role.BUYER, "b-same-2")).post(
        "/v1/orders", an_order(), "the-same"
    )

    assert first.json()["request"] != second.json()["request"]


async def test_a_body_is_the_same_whatever_its_spaces(market: Market) -> None:
    """Libraries write JSON differently; the meaning decides."""
    service = await market.service()
    headers = {"Idempotency-Key": "key-spaces", "Content-Type": "application/json"}
    first = await service.client.post(
        "/v1/sellers", content='{"seller":"s-spaces","country":"CN"}', headers=headers
    )

    again = await service.client.post(
        "/v1/sellers", content='{ "country": "CN",  "seller": "s-spaces" }', headers=headers
    )

    assert first.json() == again.json()


@pytest.mark.case(68)
async def test_racing_repeats_leave_one_row(market: Market) -> None:
    """Two browsers' clicks, or a retry that overtakes its first attempt."""
    service = await market.service()

    answers = await asyncio.gather(
        *(service.post("/v1/sellers", a_seller("s-race"), "key-race") for _ in range(8))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await _rows(market, "key-race") == 1


async def test_while_temporal_is_away_a_request_is_kept_with_its_instant(market: Market) -> None:
    """The last day counts by the edge's clock, also when nobody can hear it before tomorrow."""
    buyer = await market.caller(Role.BUYER, "b-1")
    answer = await buyer.post("/v1/orders", an_order("o-away"), "key-away")

    asked = await buyer.get(answer.headers["Location"])

    assert answer.status_code == 202
    assert int(answer.headers["Retry-After"]) > 0
    assert asked.json()["state"] == "waiting"
    assert asked.json()["received_at"] == "2026-11-02T12:00:00+00:00"


async def test_an_order_can_be_read_before_any_process_has_written_it(market: Market) -> None:
    """The buyer's next page asks for the order at once."""
    buyer = await market.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-early"))

    order = (await buyer.get("/v1/orders/o-early")).json()

    assert order["status"] == "awaiting_payment"
    assert order["version"] == 0
    assert order["money"]["total"] == {"amount": 20400, "currency": "EUR"}


async def test_what_was_asked_of_one_object_waits_for_its_turn(market: Market) -> None:
    """A cancellation must not overtake the order that it cancels."""
    buyer = await market.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-line"))

    later = await buyer.post("/v1/orders/o-line/cancellation", {"reason": "twice"})

    assert later.status_code == 202
    asked = await buyer.get(later.headers["Location"])
    assert asked.json()["command"] == "order.cancel"
    async with market.services.engine.connect() as db:
        waiting = await db.execute(
            select(col(Request.attempts)).where(col(Request.object) == "order/o-line")
            .order_by(col(Request.seq))
        )  # fmt: skip
        assert [row[0] for row in waiting.all()] == [1, 0]


async def test_nobody_else_reads_a_request(market: Market) -> None:
    """Its id is no secret, and what it asked is nobody's business."""
    answer = await (await market.caller(Role.BUYER, "b-1")).post("/v1/orders", an_order())
    stranger = await market.caller(Role.BUYER, "b-2")

    assert (await stranger.get(answer.headers["Location"])).status_code == 404


async def test_a_command_is_sealed_while_it_waits(market: Market) -> None:
    """A row of requests is copied into backups: nobody's address may be read there."""
    buyer = await market.caller(Role.BUYER, "b-1")
    await buyer.post("/v1/orders", an_order("o-sealed"))

    async with market.services.engine.connect() as db:
        rows = await db.exec_driver_sql(
            "SELECT encode(sealed, 'escape') || encode((SELECT sealed FROM particulars"
            " WHERE subject = object), 'escape') FROM requests WHERE object = 'order/o-sealed'"
        )
        kept = rows.scalar_one()
    assert kept
    assert "Hamburg" not in kept
    assert "p-7" not in kept


async def test_an_order_id_belongs_to_the_first_who_asked(market: Market) -> None:
    """Another buyer's order of the same id must neither replace nor join it."""
    service = await market.service()
    await service.post("/v1/orders", an_order("o-mine", buyer="b-1"))
    request = (await service.post("/v1/orders", an_order("o-mine", buyer="b-2"))).headers[
        "Location"
    ]
    await market.services.desk.deliver(request.rpartition("/")[2])

    asked = (await service.get(request)).json()

    assert asked["status"] == 409
    assert asked["problem"]["code"] == "already-exists"


async def _rows(market: Market, key: str) -> int:
    async with market.services.engine.connect() as db:
        counted = await db.execute(
            select(func.count()).select_from(Request).where(col(Request.key) == key)
        )
        return int(counted.scalar_one())
