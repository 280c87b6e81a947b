"""Chargebacks in the console: seen by whom they fall on, spoken about, answered by a lead."""

import pytest

from domain.actors import Role
from tests.api.test_console_acts import buttons, moved, previewed
from tests.support.market import Market
from tests.support.pages import visit
from tests.support.sandbox import SandboxWorld
from tests.support.scenes import Scenes


@pytest.fixture(scope="module")
async def scenes(alive: Market, sandbox: SandboxWorld) -> Scenes:
    """Hands that bring orders where a bank claims them back."""
    return Scenes(alive, sandbox)


async def test_a_seller_speaks_and_a_lead_submits_it(scenes: Scenes) -> None:
    """Each by a form that first shows what it would do; looking at it does nothing."""
    path = (await scenes.claimed("o-bank-1")).removeprefix("/v1")
    seller = await visit(scenes.market, Role.SELLER, "s-1")
    lead = await visit(scenes.market, Role.SUPPORT_LEAD, "lead-1")
    listed = await seller.client.get("/console/chargebacks")
    said = f"{path}/acts/say_to_bank"
    form, _ = await previewed(seller, said, text="It was handed over in person.")
    looked_at = await lead.client.get(f"/v1{path}/timeline")
    spoken = await seller.post(said, form, step="do")
    form, shown = await previewed(lead, f"{path}/acts/contest", why="it was delivered")
    sent = await lead.post(f"{path}/acts/contest", form, step="do")
    page = await lead.client.get(f"/console{path}")

    assert "o-bank-1" in listed.text
    assert looked_at.status_code in {200, 401}
    assert spoken.headers["Location"].endswith("done=say_to_bank")
    assert "Submit the evidence" in buttons(shown)
    assert sent.headers["Location"].endswith("done=contest")
    assert "With the bank" in page.text
    assert "Evidence submitted to the bank" in page.text


async def test_of_two_who_answer_the_second_is_told(scenes: Scenes) -> None:
    """They saw whose money giving up would move; the page they decided by stands no longer."""
    path = (await scenes.claimed("o-bank-2")).removeprefix("/v1")
    first = await visit(scenes.market, Role.SUPPORT_LEAD, "lead-1")
    second = await visit(scenes.market, Role.COMPLIANCE, "compliance-1")
    mine, _ = await previewed(first, f"{path}/acts/contest")
    theirs, shown = await previewed(second, f"{path}/acts/concede")
    done = await first.post(f"{path}/acts/contest", mine, step="do")
    late = await second.post(f"{path}/acts/concede", theirs, step="do")

    assert moved(shown)["Held for a reason"] == ("204.00", "0.00")
    assert moved(shown)["Charged back"] == ("0.00", "204.00")
    assert done.status_code == 303
    assert late.status_code == 409
    assert "With the bank" in late.text


async def test_who_has_no_part_in_it_sees_nothing_of_it(scenes: Scenes) -> None:
    """A buyer has a bank to ask; another seller's page does not exist."""
    path = (await scenes.claimed("o-bank-3")).removeprefix("/v1")
    buyer = await visit(scenes.market, Role.BUYER, "b-1")
    other = await visit(scenes.market, Role.SELLER, "s-9")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")

    assert (await buyer.client.get("/console/chargebacks")).status_code == 403
    assert (await other.client.get(f"/console{path}")).status_code == 404
    assert (await agent.client.get(f"/console{path}")).status_code == 200
    assert (await agent.client.get(f"/console{path}/acts/concede")).status_code == 403
