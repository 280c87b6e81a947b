"""Away: what somebody has goes to who is there, and nobody gives them more."""

import asyncio
from datetime import timedelta

from domain.actors import Role
from runtime.relay.asked import Asked
from tests.api.conftest import NOON
from tests.api.test_disputes import received
from tests.api.test_work import at_risk, take, tell
from tests.support.market import Json, Market, Person
from tests.support.pages import complaints, fields_of, visit

_BROKEN = {"lines": ["1"], "category": "received", "reason": "damaged", "amount": 5_000}


def away(person: str, cover: str = "", days: int = 3) -> Json:
    until = (NOON + timedelta(days=days)).isoformat()
    return {"person": person, "until": until, "cover": cover, "why": "on leave"}


async def item(person: Person, order: str) -> Json:
    found = (await person.get("/v1/work-items", limit=100)).json()["items"]
    one: Json = next(each for each in found if each["subject"] == f"order/{order}")
    return one


async def test_who_is_away_hands_over_what_they_have_and_gets_nothing_more(market: Market) -> None:
    """To the colleague whom they name; once they are back they can be given work again."""
    first = await market.caller(Role.COMPLIANCE, "away-1")
    cover = await market.caller(Role.COMPLIANCE, "here-1")
    await tell(market, at_risk("o-away-1", 5), at_risk("o-away-2", 6))
    me, other = "compliance:away-1", "compliance:here-1"
    assert await take(first, "o-away-1", "risk_check", me) == 200
    gone = await first.post("/v1/absences", away(me, other), key="away-1")
    again = await first.post("/v1/absences", away(me, other), key="away-1")
    twice = await first.post("/v1/absences", away(me))
    refused = await take(first, "o-away-2", "risk_check", me)
    listed = (await cover.get("/v1/absences")).json()["items"]
    handed = await item(cover, "o-away-1")
    absence = gone.json()["id"]
    back = await first.post(f"/v1/absences/{absence}/ending")
    over = await first.post(f"/v1/absences/{absence}/ending")
    taken = await take(first, "o-away-2", "risk_check", me)
    auditor = await market.caller(Role.AUDITOR)
    audit = (await auditor.get("/v1/audit", subject=f"absence/{absence}")).json()["items"]

    assert (gone.status_code, again.json()) == (201, gone.json()), gone.text
    assert gone.json()["handed_over"] == ["order/o-away-1"]
    assert (twice.status_code, refused) == (409, 409)
    assert [one["person"] for one in listed if one["id"] == absence] == [me]
    assert (handed["assignee"], handed["assigned_by"]) == (other, me)
    assert (back.status_code, over.status_code, taken) == (200, 404, 200)
    assert [one["action"] for one in audit] == ["absence_began", "absence_ended"]


async def test_an_absence_is_somebody_s_own_or_a_lead_s_to_enter(market: Market) -> None:
    """Nobody is sent away by a colleague; nobody who is away covers, nor covers for themselves."""
    agent = await market.caller(Role.SUPPORT_AGENT, "agent-1")
    lead = await market.caller(Role.SUPPORT_LEAD, "lead-1")
    theirs = await agent.post("/v1/absences", away("support-agent:agent-2"))
    own_cover = away("support-agent:agent-1", "support-agent:agent-1")
    itself = await agent.post("/v1/absences", own_cover)
    nobody = await lead.post("/v1/absences", away("buyer:b-1"))
    over = await agent.post("/v1/absences", away("support-agent:agent-1", days=-1))
    other_work = away("support-agent:agent-1", "compliance:here-1")
    stranger = await agent.post("/v1/absences", other_work)
    by_lead = await lead.post("/v1/absences", away("support-agent:agent-3"))
    covered = away("support-agent:agent-1", "support-agent:agent-3")
    by_who_is_away = await agent.post("/v1/absences", covered)
    not_theirs = await agent.post(f"/v1/absences/{by_lead.json()['id']}/ending")

    assert (theirs.status_code, not_theirs.status_code) == (403, 403)
    assert itself.status_code == nobody.status_code == over.status_code == 422
    assert stranger.status_code == 422
    assert by_lead.status_code == 201
    assert by_who_is_away.status_code == 409
    assert "is away until" in by_who_is_away.json()["detail"]


async def test_disputes_that_are_theirs_hear_whose_they_are_from_now_on(alive: Market) -> None:
    """A case is assigned by its own process, so that an agent who covers may decide it."""
    buyer = await received(alive, "o-away-case")
    path = (await buyer.post("/v1/orders/o-away-case/disputes", _BROKEN)).headers["Location"]
    agent = await alive.caller(Role.SUPPORT_AGENT, "ill-1")
    taking = await agent.post(f"{path}/assignment", {"to": "ill-1"}, key="taken")
    assert taking.status_code == 200
    until = (alive.clock.now("") + timedelta(days=2)).isoformat()
    said = {"person": "support-agent:ill-1", "until": until, "cover": "support-agent:well-1"}
    gone = await agent.post("/v1/absences", said)
    use = alive.services
    for job in await Asked(use.engine, use.desk).take(100):
        await job()
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    async with asyncio.timeout(10):
        while (view := (await lead.get(path)).json())["assignee"] == "ill-1":
            await asyncio.sleep(0.05)
    refused = await lead.post(f"{path}/assignment", {"to": "ill-1"})
    again = await agent.post(f"{path}/assignment", {"to": "ill-1"}, key="taken")

    assert again.json() == taking.json(), "a repeat has the answer of the first"
    assert gone.json()["handed_over"] == [f"dispute/{path.rpartition('/')[2]}"]
    assert view["assignee"] == "well-1"
    assert refused.status_code == 409
    assert "well-1 has their work" in refused.json()["detail"]


async def test_on_the_page_of_the_queue_somebody_goes_and_comes_back(market: Market) -> None:
    """By days of their own clock; a colleague is named by their id alone."""
    agent = await visit(market, Role.COMPLIANCE, "page-1")
    page = await agent.get("/queue")
    form = fields_of(page.text, "/console/queue/absences")
    day = (NOON + timedelta(days=4)).date().isoformat()
    gone = await agent.post("/queue/absences", form, until=day, cover="page-2")
    after = await agent.get("/queue")
    person = await market.caller(Role.COMPLIANCE, "page-2")
    listed = (await person.get("/v1/absences")).json()["items"]
    (mine,) = [one for one in listed if one["person"] == "compliance:page-1"]
    path = f"/queue/absences/{mine['id']}"
    back = await agent.post(path, fields_of(after.text, f"/console{path}"))
    unread = await agent.post("/queue/absences", form, until="soon")

    assert (gone.status_code, back.status_code, unread.status_code) == (303, 303, 422)
    assert mine["cover"] == "compliance:page-2"
    assert mine["ends_at"].startswith(day)
    assert complaints(after.text) == []
    assert "page-1 is back" in after.text
