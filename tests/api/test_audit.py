"""The audit log: everything that people decided, found again and taken along."""

import json
from datetime import datetime, timedelta

import pytest

from domain.actors import Role
from tests.api.test_disputes import received
from tests.support.market import Json, Market

_BROKEN = {"lines": ["1"], "category": "received", "reason": "damaged", "amount": 5_000}


@pytest.fixture
async def decided(alive: Market, request: pytest.FixtureRequest) -> str:
    """A dispute that two sides and a judge have had a hand in; its subject."""
    order = f"o-audit-{request.node.name[-12:].strip('_')}"
    buyer = await received(alive, order)
    opened = await buyer.post(f"/v1/orders/{order}/disputes", _BROKEN)
    path = opened.headers["Location"]
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-7")
    await buyer.post(f"{path}/escalation", {})
    offered = await lead.post(f"{path}/proposals", {"amount": 2_000})
    ruling = {"revision": offered.json()["revision"], "amount": 1_500, "why": "a scratch"}
    assert (await lead.post(f"{path}/decision", ruling)).status_code == 200
    return "dispute/" + path.rpartition("/")[2]


async def test_what_was_decided_is_found_by_whom_and_what(alive: Market, decided: str) -> None:
    """An auditor asks for one person's rulings, or for one case."""
    auditor = await alive.caller(Role.AUDITOR)
    case = (await auditor.get("/v1/audit", subject=decided)).json()["items"]
    rulings = (await auditor.get("/v1/audit", subject=decided, action="decide")).json()["items"]
    theirs = (await auditor.get("/v1/audit", actor="support-lead:lead-7")).json()["items"]

    assert [one["action"] for one in case] == ["escalate", "propose", "decide"]
    assert [(one["actor"], one["why"]) for one in rulings] == [("support-lead:lead-7", "a scratch")]
    assert {one["actor"] for one in theirs} == {"support-lead:lead-7"}


async def test_the_log_is_read_page_by_page_and_by_time(alive: Market, decided: str) -> None:
    """Nothing is left out or told twice where a page ends."""
    auditor = await alive.caller(Role.AUDITOR)
    whole = (await auditor.get("/v1/audit", subject=decided)).json()["items"]
    first = (await auditor.get("/v1/audit", subject=decided, limit=2)).json()
    rest = (await auditor.get("/v1/audit", subject=decided, limit=2, cursor=first["next"])).json()
    end = datetime.fromisoformat(whole[-1]["at"])
    before = (await auditor.get("/v1/audit", subject=decided, until=end.isoformat())).json()
    after = await auditor.get(
        "/v1/audit", subject=decided, since=(end + timedelta(seconds=1)).isoformat()
    )

    assert first["items"] + rest["items"] == whole
    assert rest["next"] is None
    assert whole[-1] not in before["items"]
    assert after.json()["items"] == []


async def test_the_whole_log_can_be_taken_along(alive: Market, decided: str) -> None:
    """A line an entry, for whatever the auditor reads it with."""
    auditor = await alive.caller(Role.AUDITOR)
    told = await auditor.client.get(
        "/v1/audit", params={"subject": decided}, headers={"Accept": "application/x-ndjson"}
    )
    lines: list[Json] = [json.loads(line) for line in told.text.splitlines()]

    assert told.headers["Content-Type"].startswith("application/x-ndjson")
    assert lines == (await auditor.get("/v1/audit", subject=decided)).json()["items"]
