"""Chargebacks over HTTP: listed, read, spoken about, answered."""

import asyncio
from collections.abc import Callable

import pytest

from domain.actors import Role
from tests.support.market import Json, Market, Person
from tests.support.sandbox import SandboxWorld
from tests.support.scenes import Scenes


@pytest.fixture(scope="module")
async def scenes(alive: Market, sandbox: SandboxWorld) -> Scenes:
    """Hands that bring orders where a bank claims them back."""
    return Scenes(alive, sandbox)


async def until(person: Person, path: str, happened: Callable[[Json], bool]) -> Json:
    async with asyncio.timeout(20):
        while True:
            found: Json = (await person.get(path)).json()
            if happened(found):
                return found
            await asyncio.sleep(0.05)


async def test_a_seller_sees_and_speaks_and_a_lead_answers(scenes: Scenes) -> None:
    """What the seller has to say goes out with the evidence; after that nobody adds anything."""
    path = await scenes.claimed("o-claimed")
    seller = await scenes.market.caller(Role.SELLER, "s-1")
    lead = await scenes.market.caller(Role.SUPPORT_LEAD, "lead-1")
    told = {"text": "The buyer wrote that it had come."}
    listed = (await seller.get("/v1/chargebacks", order="o-claimed")).json()["items"]
    said = await seller.post(f"{path}/statements", told, "key-1")
    again = await seller.post(f"{path}/statements", told, "key-1")
    answered = await lead.post(f"{path}/contest", {"why": "it was delivered"})
    late = await seller.post(f"{path}/statements", told)
    stripe = scenes.world.place.stripe()
    seen = stripe.v1.disputes.retrieve(path.rpartition("/")[2])
    kinds = [one["kind"] for one in (await lead.get(f"{path}/timeline")).json()["items"]]

    assert [one["orders"][0]["order"] for one in listed] == ["o-claimed"]
    assert listed[0]["allowed"] == []
    assert (said.status_code, again.json()) == (201, said.json())
    assert (answered.status_code, answered.json()["status"]) == (200, "under_review")
    assert late.status_code == 409
    assert seen.evidence.uncategorized_text == told["text"]
    assert kinds == ["chargeback.opened", "chargeback.contested"]


async def test_another_seller_sees_nothing_and_may_say_nothing(scenes: Scenes) -> None:
    """For them it does not exist; nor does one that never was."""
    path = await scenes.claimed("o-claimed-2")
    other = await scenes.market.caller(Role.SELLER, "s-9", seller="s-9")
    lead = await scenes.market.caller(Role.SUPPORT_LEAD, "lead-1")

    assert (await other.get(path)).status_code == 404
    assert (await other.post(f"{path}/statements", {"text": "mine"})).status_code == 404
    assert (await other.get("/v1/chargebacks")).json()["items"] == []
    assert (await lead.get("/v1/chargebacks/du_never")).status_code == 404
    assert (await lead.post(f"{path}/statements", {"text": ""})).status_code == 422


async def test_one_that_is_given_up_is_lost(scenes: Scenes) -> None:
    """The bank's word of it comes at once; a second decision finds it decided."""
    path = await scenes.claimed("o-claimed-3")
    compliance = await scenes.market.caller(Role.COMPLIANCE, "compliance-1")
    work = (await compliance.get("/v1/work-items", kind="chargeback_due")).json()["items"]
    given_up = await compliance.post(f"{path}/concession", {"why": "the goods never left"})
    auditor = await scenes.market.caller(Role.AUDITOR)
    subject = path.replace("/v1/chargebacks", "chargeback")
    (deed,) = (await auditor.get("/v1/audit", subject=subject)).json()["items"]
    twice = await compliance.post(f"{path}/contest", {})
    order = await until(
        compliance, "/v1/orders/o-claimed-3", lambda found: found["status"] == "refunded"
    )

    assert any(one["subject"] == subject for one in work)
    told = (deed["action"], deed["actor"], deed["why"])
    assert told == ("concede", "compliance:compliance-1", "the goods never left")
    assert (given_up.status_code, given_up.json()["status"]) == (200, "lost")
    assert twice.status_code in {404, 409}
    assert order["ended_at"]
