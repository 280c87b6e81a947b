"""Lists, books, sellers, policies and alarms as people read and change them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.actors import Role
from domain.ids import order_workflow_id
from domain.ledger import Account, AccountKind, Leg, Posting
from domain.order.state import OrderState
from persistence.database import SqlDatabase
from persistence.port import Event
from runtime.policies import shipped
from tests.support.market import Json, Market, Person, a_seller

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


async def tell(engine: AsyncEngine, *states: OrderState) -> None:
    """Write orders' views, as their processes do."""
    async with SqlDatabase(engine).transaction() as books:
        for state in states:
            await books.story.tell(state, Event("order.placed", state.placed_at))


def order(name: str, seller: str, hour: int = 0) -> OrderState:
    placed = NOON + timedelta(hours=hour)
    return OrderState(name, "b-1", seller, "EUR", 1000, placed, version=1)


async def pages(person: Person, path: str, **query: str | int) -> list[Json]:
    """Everything of a list, page after page."""
    found: list[Json] = []
    cursor = ""
    while True:
        answer = (await person.get(path, cursor=cursor, **query)).json()
        found += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            return found


async def test_pages_lose_and_repeat_nothing_while_orders_come_in(market: Market) -> None:
    """Whoever exports a list while the shop is open must get each order once."""
    engine, auditor = market.services.engine, await market.caller(Role.AUDITOR)
    await tell(engine, *(order(f"o-page-{number}", "s-page") for number in range(7)))

    first = (await auditor.get("/v1/orders", seller="s-page", limit=3)).json()
    await tell(engine, order("o-page-late", "s-page"))
    rest = (
        await auditor.get("/v1/orders", seller="s-page", limit=100, cursor=first["next"])
    ).json()

    names = [item["id"] for item in first["items"] + rest["items"]]
    assert names == [f"o-page-{number}" for number in reversed(range(7))]
    assert rest["next"] is None


async def test_orders_are_found_by_what_people_ask(market: Market) -> None:
    """By seller and time, with the end not included: days that meet share no order."""
    await tell(market.services.engine, *(order(f"o-hour-{h}", "s-hour", h) for h in range(4)))
    agent = await market.caller(Role.SUPPORT_AGENT)

    found = await pages(
        agent,
        "/v1/orders",
        seller="s-hour",
        placed_from="2026-11-02T13:00:00Z",
        placed_to="2026-11-02T15:00:00Z",
        limit=1,
    )

    assert [item["id"] for item in found] == ["o-hour-2", "o-hour-1"]
    assert await pages(agent, "/v1/orders", seller="s-hour", status="delivered") == []


async def test_the_ledger_is_read_by_account_process_key_and_time(market: Market) -> None:
    """An auditor follows one order's money, and one account over many orders."""
    legs = (
        Leg(Account(AccountKind.ESCROW, "o-led"), -900),
        Leg(Account(AccountKind.CLEARING, "stripe"), 900),
    )
    async with SqlDatabase(market.services.engine).transaction() as books:
        for number in range(3):
            at = NOON + timedelta(days=number)
            key = f"order/o-led/take/{number}"
            await books.ledger.post(Posting(key, "taken", "order/o-led", "EUR", at, legs))
    auditor = await market.caller(Role.AUDITOR)

    by_key = await pages(auditor, "/v1/ledger/postings", key="order/o-led/take/", limit=2)
    by_owner = await pages(auditor, "/v1/ledger/postings", account="escrow", owner="o-led")
    by_time = await pages(
        auditor,
        "/v1/ledger/postings",
        process="order/o-led",
        effective_from="2026-11-03T12:00:00Z",
        effective_to="2026-11-04T12:00:00Z",
    )
    sums = await pages(auditor, "/v1/ledger/accounts", limit=1)

    assert [item["key"][-1] for item in by_key] == ["0", "1", "2"]
    assert len(by_owner) == 3
    assert [item["key"][-1] for item in by_time] == ["1"]
    assert sum(item["amount"] for item in sums if item["currency"] == "EUR") == 0
    assert {item["amount"] for item in sums if item["owner"] == "o-led"} == {-2700}
    assert await pages(auditor, "/v1/ledger/postings", key="order/o_led") == []


async def test_a_balance_is_what_is_the_sellers(market: Market) -> None:
    """Credit is theirs; a debt is shown as what they owe."""
    legs = (
        Leg(Account(AccountKind.PAYABLE, "s-2"), -700),
        Leg(Account(AccountKind.DEBT, "s-2"), 200),
        Leg(Account(AccountKind.COMMISSION), 500),
    )
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.ledger.post(Posting("opening", "opened", "t", "EUR", NOON, legs))
    seller = await market.caller(Role.SELLER, "s-2")

    (euro,) = (await seller.get("/v1/sellers/s-2/balance")).json()

    assert euro["payable"] == {"amount": 700, "currency": "EUR"}
    assert euro["debt"] == {"amount": 200, "currency": "EUR"}


async def test_a_seller_is_changed_by_whoever_has_seen_the_last_version(market: Market) -> None:
    """Two people who edit one seller: the second is told, and nothing is overwritten."""
    service = await market.service()
    made = await service.post("/v1/sellers", a_seller("s-edit", email="seller@example.com"))

    first = await service.patch("/v1/sellers/s-edit", {"level": "early"}, 1)
    second = await service.patch("/v1/sellers/s-edit", {"standing": "suspended"}, 1)

    assert made.headers["ETag"] == '"1"'
    assert "example.com" not in made.text
    assert first.headers["ETag"] == '"2"'
    assert second.status_code == 412
    found = (await service.get("/v1/sellers/s-edit")).json()
    assert (found["level"], found["standing"]) == ("early", "active")


@pytest.mark.case(58)
async def test_only_another_account_waits_for_the_seller_s_word(market: Market) -> None:
    """New bank details are watched; the same ones sent again are not new."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-bank"))

    same = await service.patch("/v1/sellers/s-bank", {"account": "acct_1"}, 1)
    other = await service.patch("/v1/sellers/s-bank", {"account": "acct_2"}, 2)

    assert same.json()["bank_changed_at"] is None
    assert (other.json()["account"], other.json()["bank_changed_at"]) == ("acct_1", None)
    (change,) = (await service.get("/v1/sellers/s-bank/bank-changes")).json()["items"]
    assert (change["account"], change["state"]) == ("acct_2", "awaiting_code")


@pytest.mark.case(58)
async def test_an_account_is_not_taken_away_to_name_a_first_one(market: Market) -> None:
    """Two steps must not do what one may not: the code would never be asked for."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-two-steps"))

    removed = await service.patch("/v1/sellers/s-two-steps", {"account": ""}, 1)

    assert removed.status_code == 409
    assert (await service.get("/v1/sellers/s-two-steps")).json()["account"] == "acct_1"


async def test_a_first_account_counts_after_its_cool_down(market: Market) -> None:
    """There are no old details that somebody could be robbed of."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-first", account=""))

    first = await service.patch("/v1/sellers/s-first", {"account": "acct_9"}, 1)

    assert first.json()["account"] == "acct_9"
    assert datetime.fromisoformat(first.json()["bank_changed_at"]) == NOON


async def test_a_policy_is_published_as_the_next_version(market: Market) -> None:
    """What runs keeps its version, so an old one stays readable for ever."""
    operator = await market.caller(Role.OPERATOR)
    document = next(policy for policy in shipped() if policy["name"] == "standard")
    changed = {**document, "order": {**document["order"], "confirm_within": "5d"}}

    published = await operator.post("/v1/policies", changed)
    old = (await operator.get("/v1/policies/standard/1")).json()
    again = await operator.post("/v1/policies", changed)

    assert published.json()["version"] == 2
    assert published.json()["document"]["order"]["confirm_within"] == "5d"
    assert old["document"]["order"]["confirm_within"] == "7d"
    assert "2026-12-25" in old["holidays"]
    assert again.json()["version"] == 2
    newest = {item["name"]: item["version"] for item in await _policies(operator)}
    assert newest["standard"] == 2


async def _policies(person: Person) -> list[Json]:
    found: list[Json] = (await person.get("/v1/policies")).json()["items"]
    return found


async def test_a_policy_that_contradicts_itself_is_refused_with_the_key(market: Market) -> None:
    """Whoever edits a document is told where, not that it failed."""
    operator = await market.caller(Role.OPERATOR)
    document = {**shipped()[0], "order": {"ship_wihtin": "7d"}}

    refused = await operator.post("/v1/policies", document)

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/policy-invalid"
    assert refused.json()["key"] == "order.ship_wihtin"


async def test_racing_publications_get_different_numbers(market: Market) -> None:
    """A version, once given, must mean one document."""
    operator = await market.caller(Role.OPERATOR)
    document = next(policy for policy in shipped() if policy["name"] == "demo")

    answers = await asyncio.gather(
        *(operator.post("/v1/policies", {**document, "about": f"try {n}"}) for n in range(4))
    )

    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5]


async def test_an_alarm_is_cleared_once(market: Market) -> None:
    """Who cleared it and when is on record; a second clearing changes nothing."""
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.alarm("books.differ", "stripe", "off by 1", NOON, {"key": "k"})
    operator = await market.caller(Role.OPERATOR)
    (alarm,) = (await operator.get("/v1/alarms", open="true")).json()["items"]
    address = f"/v1/alarms/{alarm['id']}/clearing"

    cleared = await operator.post(address, {"note": "a fee"})
    again = await operator.post(address, {"note": "a fee"})

    assert cleared.json()["cleared_at"] is not None
    assert again.status_code == 409
    assert (await operator.get("/v1/alarms", open="true")).json()["items"] == []


async def test_a_timeline_tells_each_side_only_what_concerns_it(market: Market) -> None:
    """What a seller earns is not the buyer's to read, nor why compliance doubted them."""
    state = order("o-discreet", "s-1")
    await tell(market.services.engine, state)
    released: dict[str, str | int] = {
        "amount": 10_000,
        "currency": "EUR",
        "payable": 8_200,
        "commission": 800,
    }
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.tell(
            state,
            Event("order.released", NOON, facts=released),
            Event("order.fraud_cleared", NOON, "compliance:c-1", {"reason": "a stolen wallet"}),
        )
    seen = [
        [entry["facts"] for entry in await pages(person, "/v1/orders/o-discreet/timeline", limit=9)]
        for person in (
            await market.caller(Role.BUYER, "b-1"),
            await market.caller(Role.SELLER, "s-1"),
            await market.caller(Role.COMPLIANCE),
        )
    ]

    assert [facts[-2:] for facts in seen] == [
        [{"amount": 10_000, "currency": "EUR"}, {}],
        [released, {}],
        [released, {"reason": "a stolen wallet"}],
    ]


async def test_a_timeline_hides_which_of_the_staff_acted(market: Market) -> None:
    """The buyer learns that support acted; the agent's name is the staff's business."""
    state = order("o-staff", "s-1")
    await tell(market.services.engine, state)
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.tell(state, Event("order.refund_sent", NOON, "support-agent:anna"))
    seen = [
        [entry["actor"] for entry in await pages(person, "/v1/orders/o-staff/timeline", limit=1)]
        for person in (
            await market.caller(Role.BUYER, "b-1"),
            await market.caller(Role.SUPPORT_LEAD),
        )
    ]

    assert seen == [["", "support-agent"], ["", "support-agent:anna"]]
    assert order_workflow_id("o-staff") == "order/o-staff"
