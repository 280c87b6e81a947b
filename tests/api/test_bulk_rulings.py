"""Bulk rulings over HTTP and in the console: foreseen, made, agreed to, taken back."""

import asyncio

import pytest

from domain.actors import Role
from domain.dispute.state import PauseEvent
from runtime.relay.asked import Asked
from tests.api.test_disputes import received
from tests.support.market import Json, Market, Person
from tests.support.pages import complaints, fields_of, visit
from workflows.dispute.messages import ChargebackChanged

_BROKEN = {"lines": ["1"], "category": "received", "reason": "damaged", "amount": 5_000}


async def in_review(alive: Market, *orders: str) -> list[str]:
    """A dispute about each order, with a proposal of the platform's: it may be decided."""
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    found: list[str] = []
    for order in orders:
        buyer = await received(alive, order)
        path = (await buyer.post(f"/v1/orders/{order}/disputes", _BROKEN)).headers["Location"]
        await buyer.post(f"{path}/escalation", {})
        offered = await lead.post(f"{path}/proposals", {"amount": 1_000})
        assert offered.json()["status"] == "platform_proposed", offered.text
        found.append(offered.json()["id"])
    return found


async def foreseen(person: Person, *disputes: str, **query: str) -> tuple[list[Json], Json]:
    """What a ruling would do in these disputes, and the answer whole."""
    answer = (await person.get("/v1/bulk-rulings/preview", **query)).json()
    return [case for case in answer["cases"] if case["dispute"] in disputes], answer


async def delivered(alive: Market) -> None:
    """What the relay does: hand over what waits."""
    use = alive.services
    for job in await Asked(use.engine, use.desk).take(100):
        await job()


async def until_all(person: Person, path: str, standing: str) -> Json:
    """The ruling, once it stands so everywhere."""
    async with asyncio.timeout(20):
        while True:
            found: Json = (await person.get(path)).json()
            if {case["standing"] for case in found["cases"]} == {standing}:
                return found
            await asyncio.sleep(0.05)


def body(cases: list[Json], award: str = "asked") -> Json:
    named = [{"dispute": case["dispute"], "revision": case["revision"]} for case in cases]
    return {"award": award, "borne_by": "carrier", "why": "one lorry", "cases": named}


async def test_many_disputes_are_decided_by_two_and_taken_back_in_time(alive: Market) -> None:
    """Each is asked by its own request; the second person is another one; nothing has moved."""
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    second = await alive.caller(Role.SUPPORT_LEAD, "lead-2")
    disputes = await in_review(alive, "o-bulk-1", "o-bulk-2")
    cases, whole = await foreseen(lead, *disputes, reason="damaged", borne_by="carrier")
    made = await lead.post("/v1/bulk-rulings", body(cases), key="bulk-1")
    again = await lead.post("/v1/bulk-rulings", body(cases), key="bulk-1")
    path = made.headers["Location"]
    before = (await lead.get(path)).json()
    await delivered(alive)
    ruled = await until_all(lead, path, "ruled")
    alone = await lead.post(f"{path}/approval", {})
    agreed = await second.post(f"{path}/approval", {"why": "checked"})
    await delivered(alive)
    await until_all(lead, path, "agreed")
    back = await lead.post(f"{path}/taking-back", {"why": "another lorry"})
    await delivered(alive)
    void = await until_all(lead, path, "void")
    late = await lead.post(f"{path}/taking-back", {})
    order = (await lead.get("/v1/orders/o-bulk-1")).json()
    log = (await lead.get(f"/v1/disputes/{disputes[0]}/log")).json()["items"]

    assert [case["buyer_gets"]["amount"] for case in cases] == [5_000, 5_000]
    assert [case["carrier_pays"]["amount"] for case in cases] == [5_000, 5_000]
    assert {each["currency"] for each in whole["totals"]} == {"EUR"}
    assert made.status_code == again.status_code == 201, made.text
    assert made.json()["id"] == again.json()["id"]
    assert {case["standing"] for case in before["cases"]} == {"waiting"}
    assert (ruled["allowed"], alone.status_code) == (["disapprove"], 403)
    assert agreed.status_code == back.status_code == 200, agreed.text
    assert void["allowed"] == []
    assert late.status_code == 409
    assert order["money"]["refunded"]["amount"] == 0
    assert order["money"]["held"]["amount"] > 0
    assert [(one["action"], one["actor"]) for one in log][-3:] == [
        ("decide", "support-lead:lead-1"),
        ("approve", "support-lead:lead-2"),
        ("take_back", "support-lead:lead-1"),
    ]
    assert {one["facts"].get("bulk") for one in log[-3:]} == {made.json()["id"]}


async def test_where_one_may_not_be_decided_so_none_is(alive: Market) -> None:
    """A stale revision, an agent whose case it is not, one that there is not: nothing is asked."""
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    agent = await alive.caller(Role.SUPPORT_AGENT, "agent-9")
    disputes = await in_review(alive, "o-bulk-3", "o-bulk-4")
    cases, _ = await foreseen(lead, *disputes)
    stale = [cases[0], cases[1] | {"revision": 1}]
    refused = await lead.post("/v1/bulk-rulings", body(stale))
    strange = await agent.post("/v1/bulk-rulings", body(cases))
    unknown = await lead.post("/v1/bulk-rulings", body([cases[0] | {"dispute": "d-nowhere"}]))
    twice = await lead.post("/v1/bulk-rulings", body([cases[0], cases[0]]))
    nowhere = await lead.post("/v1/bulk-rulings/b-nowhere/approval", {})
    _, theirs = await foreseen(agent, *disputes)
    await delivered(alive)
    views = [(await lead.get(f"/v1/disputes/{each}")).json() for each in disputes]

    assert refused.status_code == 412
    assert refused.json()["dispute"] == cases[1]["dispute"]
    assert strange.status_code == 403
    assert unknown.status_code == nowhere.status_code == 404
    assert twice.status_code == 422
    assert all(case["refused"] for case in theirs["cases"] if case["dispute"] in disputes)
    assert {view["status"] for view in views} == {"platform_proposed"}


async def test_a_case_that_has_changed_since_is_left_out_of_the_second_word(alive: Market) -> None:
    """Both sides take what the platform proposes: that case is over, the other goes on."""
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    second = await alive.caller(Role.SUPPORT_LEAD, "lead-2")
    disputes = await in_review(alive, "o-bulk-5", "o-bulk-6")
    cases, _ = await foreseen(lead, *disputes)
    path = (await lead.post("/v1/bulk-rulings", body(cases))).headers["Location"]
    buyer = await alive.caller(Role.BUYER, "b-1")
    seller = await alive.caller(Role.SELLER, "s-1")
    moved = f"/v1/disputes/{cases[0]['dispute']}"
    version = (await buyer.get(moved)).json()["proposals"][-1]["version"]
    # What is asked of a case waits until the ruling, which was first, has been heard.
    taken, _ = await asyncio.gather(
        buyer.post(f"{moved}/acceptance", {"version": version}), delivered(alive)
    )
    await seller.post(f"{moved}/acceptance", {"version": version})
    agreed = await second.post(f"{path}/approval", {})
    await delivered(alive)
    found = {case["dispute"]: case for case in (await lead.get(path)).json()["cases"]}

    assert (taken.status_code, agreed.status_code) == (200, 200), agreed.text
    assert found[cases[1]["dispute"]]["standing"] == "agreed"
    assert found[cases[0]["dispute"]]["standing"] == "void"


async def test_what_is_taken_back_at_once_is_taken_back_everywhere(alive: Market) -> None:
    """Approvals are still on their way: the word is heard after them, and one key serves both."""
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    second = await alive.caller(Role.SUPPORT_LEAD, "lead-2")
    disputes = await in_review(alive, "o-bulk-9", "o-bulk-10")
    cases, _ = await foreseen(lead, *disputes)
    path = (await lead.post("/v1/bulk-rulings", body(cases))).headers["Location"]
    await delivered(alive)
    await until_all(lead, path, "ruled")
    agreed = await second.post(f"{path}/approval", {}, key="one-key")
    back = await second.post(f"{path}/taking-back", {}, key="one-key")
    for _ in range(2):
        await delivered(alive)
    await until_all(lead, path, "void")

    assert (agreed.status_code, back.status_code) == (200, 200), back.text


async def test_a_case_that_waits_for_a_bank_keeps_no_other_from_being_taken_back(
    alive: Market,
) -> None:
    """Its own clock stands still; those of the others run out in minutes."""
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    second = await alive.caller(Role.SUPPORT_LEAD, "lead-2")
    disputes = await in_review(alive, "o-bulk-11", "o-bulk-12")
    cases, _ = await foreseen(lead, *disputes)
    path = (await lead.post("/v1/bulk-rulings", body(cases))).headers["Location"]
    await delivered(alive)
    await until_all(lead, path, "ruled")
    await second.post(f"{path}/approval", {})
    await delivered(alive)
    await until_all(lead, path, "agreed")
    process = alive.services.temporal.get_workflow_handle(f"dispute/{disputes[0]}")
    at = alive.clock.now("")
    news = ChargebackChanged("evt-bank", at, "du_1", PauseEvent.CHARGEBACK_OPENED)
    await process.signal("chargeback_changed", news)
    async with asyncio.timeout(10):
        paused = f"/v1/disputes/{disputes[0]}"
        while (await lead.get(paused)).json()["status"] != "awaiting_chargeback":
            await asyncio.sleep(0.05)
    back = await lead.post(f"{path}/taking-back", {})
    await delivered(alive)
    other = f"/v1/disputes/{disputes[1]}"
    async with asyncio.timeout(10):
        while (await lead.get(other)).json()["status"] != "in_review":
            await asyncio.sleep(0.05)

    assert back.status_code == 200, back.text
    assert (await lead.get(paused)).json()["status"] == "awaiting_chargeback"


async def test_what_a_bulk_ruling_would_do_is_on_its_page_before_it_is_made(alive: Market) -> None:
    """Choosing fewer cases shows less; what was not foreseen is not done; two people, two pages."""
    disputes = await in_review(alive, "o-bulk-7", "o-bulk-8")
    lead = await visit(alive, Role.SUPPORT_LEAD, "lead-1")
    second = await visit(alive, Role.SUPPORT_LEAD, "lead-2")
    page = await lead.get("/bulk-rulings/new?reason=damaged")
    form = fields_of(page.text, "/console/bulk-rulings")
    chosen = [case for case in form["all"].split(",") if case.partition(":")[0] in disputes]
    said = form | {"cases": ",".join(chosen), "award": "whole", "borne_by": "platform"}
    blind = await lead.post("/bulk-rulings", said | {"why": "storm"}, step="do")
    shown = await lead.post("/bulk-rulings", said, step="preview")
    seen = said | fields_of(shown.text, "/console/bulk-rulings")
    unsaid = await lead.post("/bulk-rulings", seen, step="do")
    done = await lead.post("/bulk-rulings", seen | {"why": "storm"}, step="do")
    path = done.headers["Location"].partition("?")[0].removeprefix("/console")
    await delivered(alive)
    await until_all(await alive.caller(Role.AUDITOR), f"/v1{path}", "ruled")
    mine = await lead.get(path)
    theirs = await second.get(path)
    word = fields_of(theirs.text, f"/console{path}/words")
    agreed = await second.post(f"{path}/words", word, word="approve")
    await delivered(alive)
    await until_all(await alive.caller(Role.AUDITOR), f"/v1{path}", "agreed")
    after = await second.get(path)
    listed = await lead.get("/bulk-rulings")

    assert blind.status_code == 409
    assert "EUR" in shown.text
    assert "+408.00" in shown.text
    assert "\N{MINUS SIGN}408.00" in shown.text
    assert "Rule on what is chosen: 2" in shown.text
    assert (unsaid.status_code, done.status_code, agreed.status_code) == (422, 303, 303)
    assert "Agree to the ruling" not in mine.text
    assert "Agree to the ruling" in theirs.text
    assert "Take the ruling back" in after.text
    assert "storm" in listed.text
    for each in (page, shown, mine, theirs, after, listed):
        assert complaints(each.text) == []


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR, Role.COMPLIANCE])
async def test_who_does_not_judge_sees_bulk_rulings_and_makes_none(
    alive: Market, role: Role
) -> None:
    """Staff may read what was decided; buyers and sellers do not know that there are such."""
    person = await alive.caller(role)
    guest = await visit(alive, role, f"{role}-1")
    buyer = await visit(alive, Role.BUYER, "b-1")

    assert (await person.get("/v1/bulk-rulings")).status_code == 200
    assert (await person.get("/v1/bulk-rulings/preview")).status_code == 403
    assert (await guest.get("/bulk-rulings")).status_code == 200
    assert (await guest.get("/bulk-rulings/new")).status_code == 403
    assert (await buyer.get("/bulk-rulings")).status_code == 403
