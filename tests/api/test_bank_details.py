"""New bank details count once their owner has said so on the channel that was there before."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from domain.actors import Role
from tests.api.conftest import NOON
from tests.support.market import Json, Market, Person, a_seller

pytestmark = pytest.mark.case(58)


@pytest.fixture(autouse=True)
async def _noon_again(market: Market) -> AsyncIterator[None]:
    """Each test begins at noon, whatever another did to the clock."""
    yield
    market.clock.at = NOON


async def store(market: Market, name: str) -> Person:
    """The owner of a new store that has an account."""
    service = await market.service()
    made = await service.post("/v1/sellers", a_seller(name, email=f"{name}@example.com"))
    assert made.status_code == 201, made.text
    return await market.caller(Role.SELLER, name)


async def asked(person: Person, name: str, account: str = "acct_2") -> Json:
    answer = await person.post(f"/v1/sellers/{name}/bank-changes", {"account": account})
    assert answer.status_code == 201, answer.text
    change: Json = answer.json()
    return change


async def code_for(market: Market, name: str) -> str:
    """What the newest letter to the seller holds, opened with their key as the relay does."""
    row = (
        "SELECT sealed, facts FROM outbox WHERE recipient = :name AND sealed IS NOT NULL"
        " ORDER BY seq DESC LIMIT 1"
    )
    async with market.services.engine.connect() as db:
        sealed, facts = (await db.execute(text(row), {"name": name})).one()
    clear: Json = json.loads(await market.services.vault.open(name, sealed))
    assert "code" not in facts
    return str(clear["code"])


async def account_of(person: Person, name: str) -> tuple[str, str | None]:
    seller = (await person.get(f"/v1/sellers/{name}")).json()
    return seller["account"], seller["bank_changed_at"]


async def test_the_code_of_the_letter_makes_the_account_the_new_one(market: Market) -> None:
    """Whoever has only the password has not the letter; then the cool-down runs."""
    owner = await store(market, "s-owner")
    change = await asked(owner, "s-owner")
    before = await account_of(owner, "s-owner")
    market.clock.at = NOON + timedelta(hours=1)
    body = {"code": await code_for(market, "s-owner")}
    confirmed = await owner.post(change["links"]["confirmation"], body)
    balance = await owner.get("/v1/sellers/s-owner/balance")

    assert (change["state"], before) == ("awaiting_code", ("acct_1", None))
    assert confirmed.json()["state"] == "confirmed"
    account, changed_at = await account_of(owner, "s-owner")
    assert account == "acct_2"
    assert datetime.fromisoformat(changed_at or "") == market.clock.at
    assert balance.status_code == 200


async def test_five_wrong_codes_end_a_change(market: Market) -> None:
    """A code must not be found by trying; each miss is counted although it is refused."""
    owner = await store(market, "s-guess")
    change = await asked(owner, "s-guess")
    where = change["links"]["confirmation"]
    missed = [(await owner.post(where, {"code": "0" * 16})).json() for _ in range(5)]
    late = await owner.post(where, {"code": await code_for(market, "s-guess")})

    assert [answer["left"] for answer in missed] == [4, 3, 2, 1, 0]
    assert {answer["type"] for answer in missed} == {"/problems/confirmation-code-invalid"}
    assert late.status_code == 409
    assert (await account_of(owner, "s-guess"))[0] == "acct_1"


async def test_what_staff_ask_for_needs_the_owner(market: Market) -> None:
    """A sub-account may have been taken over: it neither decides nor gets a code sent."""
    owner = await store(market, "s-staff-1")
    clerk = await market.caller(Role.SELLER, "clerk-7", seller="s-staff-1")
    change = await asked(clerk, "s-staff-1")
    base = f"/v1/sellers/s-staff-1/bank-changes/{change['id']}"
    by_clerk = await clerk.post(f"{base}/approval")
    too_soon = await owner.post(f"{base}/confirmation", {"code": "0" * 16})
    approved = await owner.post(f"{base}/approval")
    body = {"code": await code_for(market, "s-staff-1")}
    confirmed_by_clerk = await clerk.post(f"{base}/confirmation", body)
    confirmed = await owner.post(f"{base}/confirmation", body)

    assert change["state"] == "awaiting_owner"
    assert (by_clerk.status_code, too_soon.status_code) == (403, 409)
    assert approved.json()["state"] == "awaiting_code"
    assert confirmed_by_clerk.status_code == 403
    assert confirmed.json()["state"] == "confirmed"


async def test_an_unconfirmed_change_lapses(market: Market) -> None:
    """A letter that lies about must not be worth anything for ever."""
    owner = await store(market, "s-lapse")
    change = await asked(owner, "s-lapse")
    code = await code_for(market, "s-lapse")
    market.clock.at = NOON + timedelta(days=3, seconds=1)
    late = await owner.post(change["links"]["confirmation"], {"code": code})
    (shown,) = (await owner.get("/v1/sellers/s-lapse/bank-changes")).json()["items"]

    assert late.json()["type"] == "/problems/deadline-passed"
    assert (shown["state"], shown["links"]) == ("lapsed", {})
    assert (await account_of(owner, "s-lapse"))[0] == "acct_1"


async def test_at_the_last_instant_a_change_can_be_confirmed(market: Market) -> None:
    """What arrives at the deadline beats it."""
    owner = await store(market, "s-last")
    change = await asked(owner, "s-last")
    body = {"code": await code_for(market, "s-last")}
    market.clock.at = NOON + timedelta(days=3)

    assert (await owner.post(change["links"]["confirmation"], body)).status_code == 200


async def test_a_newer_change_replaces_the_one_that_waits(market: Market) -> None:
    """Two letters, one account: the code of the first is worth nothing any more."""
    owner = await store(market, "s-twice-1")
    first = await asked(owner, "s-twice-1")
    code = await code_for(market, "s-twice-1")
    second = await asked(owner, "s-twice-1", "acct_3")
    old = await owner.post(first["links"]["confirmation"], {"code": code})
    withdrawn = await owner.post(second["links"]["withdrawal"])
    states = [
        item["state"]
        for item in (await owner.get("/v1/sellers/s-twice-1/bank-changes")).json()["items"]
    ]

    assert old.status_code == 409
    assert withdrawn.json()["state"] == "withdrawn"
    assert states == ["withdrawn", "replaced"]


async def test_an_operator_confirms_only_by_saying_how_the_owner_was_heard(market: Market) -> None:
    """The address on file may be dead: then a person takes the word, and signs for it."""
    owner = await store(market, "s-word")
    change = await asked(owner, "s-word")
    operator = await market.caller(Role.OPERATOR)
    silent = await operator.post(change["links"]["confirmation"], {})
    body = {"note": "called back on the number in the contract"}
    confirmed = await operator.post(change["links"]["confirmation"], body)

    assert silent.status_code == 403
    assert confirmed.json()["decided_by"] == "operator:operator-1"
    assert (await account_of(owner, "s-word"))[0] == "acct_2"


async def test_the_account_that_is_there_is_no_change(market: Market) -> None:
    """Nothing would be confirmed by it, and a letter would only frighten."""
    owner = await store(market, "s-same")
    answer = await owner.post("/v1/sellers/s-same/bank-changes", {"account": "acct_1"})

    assert answer.status_code == 409


async def test_a_stranger_neither_sees_nor_changes_them(market: Market) -> None:
    """Another store's details do not exist for them."""
    owner = await store(market, "s-mine-1")
    change = await asked(owner, "s-mine-1")
    stranger = await market.caller(Role.SELLER, "s-2")
    answers = [
        await stranger.get("/v1/sellers/s-mine-1/bank-changes"),
        await stranger.post("/v1/sellers/s-mine-1/bank-changes", {"account": "acct_9"}),
        await stranger.post(change["links"]["withdrawal"]),
    ]

    assert {answer.status_code for answer in answers} == {404}


async def test_an_account_that_was_turned_down_needs_new_details_or_a_word(market: Market) -> None:
    """The seller sees why nothing is paid; an operator who has looked into it may say otherwise."""
    owner = await store(market, "s-refused")
    async with market.services.engine.begin() as db:
        await db.execute(
            text("UPDATE sellers SET refused_account = account WHERE seller = 's-refused'")
        )
        await db.execute(
            text(
                "INSERT INTO alarms (kind, subject, detail, facts, raised_at) VALUES"
                " ('payout_returned', 'payout/s-refused/c1-EUR', 'closed', '{}', now())"
            )
        )
    refused = (await owner.get("/v1/sellers/s-refused")).json()
    operator = await market.caller(Role.OPERATOR)
    where = "/v1/sellers/s-refused/details-affirmation"
    affirmed = await operator.post(where, {"note": "the bank had mixed up two names"})
    again = await operator.post(where, {"note": "once more"})
    async with market.services.engine.connect() as db:
        alarm = "SELECT cleared_by FROM alarms WHERE subject = 'payout/s-refused/c1-EUR'"
        cleared_by = (await db.execute(text(alarm))).scalar_one()

    assert refused["details"] == "refused"
    assert affirmed.json()["details"] == "ok"
    assert again.status_code == 409
    assert cleared_by == "operator:operator-1"
