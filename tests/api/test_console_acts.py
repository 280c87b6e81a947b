"""Acts in the console: what was shown before is what is done, once, by whoever saw it last."""

import asyncio
import re

import pytest

from domain.actors import Role
from tests.support.market import Json, Market
from tests.support.pages import Visit, parsed, visit
from tests.support.sandbox import SandboxWorld
from tests.support.scenes import Scenes


@pytest.fixture(scope="module")
async def scenes(alive: Market, sandbox: SandboxWorld) -> Scenes:
    """Hands that bring orders where a person is needed."""
    return Scenes(alive, sandbox)


async def order_of(scenes: Scenes, order: str) -> Json:
    auditor = await scenes.market.caller(Role.AUDITOR)
    found: Json = (await auditor.get(f"/v1/orders/{order}")).json()
    return found


async def postings(scenes: Scenes, order: str) -> list[Json]:
    auditor = await scenes.market.caller(Role.AUDITOR)
    found: list[Json] = (await auditor.get(f"/v1/orders/{order}/postings")).json()["items"]
    return found


def moved(text: str) -> dict[str, tuple[str, str]]:
    """The preview's table: for each place, its money before and after."""
    for table in parsed(text).all("table"):
        if table.attributes.get("class") == "moved":
            rows = [[cell.words() for cell in row.inner] for row in table.all("tr")][1:]
            return {row[0]: (row[1], row[2]) for row in rows}
    return {}


def buttons(text: str) -> list[str]:
    return [one.words() for one in parsed(text).all("button")]


async def previewed(agent: Visit, path: str, **said: str) -> tuple[dict[str, str], str]:
    """Fill a form in and look at what it would do; the form as it then stands, and its page."""
    form = await agent.form(path)
    shown = await agent.post(path, form | said, step="preview")
    hidden = {
        one.attributes["name"]: one.attributes.get("value", "")
        for one in parsed(shown.text).all("input")
        if one.attributes.get("type") == "hidden"
    }
    return hidden | said, shown.text


async def test_a_refund_does_what_its_preview_has_shown(scenes: Scenes) -> None:
    """Whose money moves is seen before the act, to the cent; and looking moves nothing."""
    await scenes.paid("o-preview")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    path = "/orders/o-preview/acts/refund"
    before = await postings(scenes, "o-preview")
    form, shown = await previewed(agent, path, amount="12.30", reason="a scratch")
    untouched = await postings(scenes, "o-preview")
    done = await agent.post(path, form, step="do")
    after = (await order_of(scenes, "o-preview"))["money"]

    assert moved(shown) == {
        "In escrow": ("204.00", "191.70"),
        "Back to the buyer": ("0.00", "12.30"),
    }
    assert "Refund EUR 12.30 to the buyer" in buttons(shown)
    assert "Letter to the Buyer: Refund sent" in shown
    assert untouched == before
    assert done.headers["Location"] == "/console/orders/o-preview?done=refund"
    assert (after["in_escrow"]["amount"], after["refunded"]["amount"]) == (19_170, 1_230)
    said = await agent.client.get(done.headers["Location"])
    assert "the refund is on its way" in said.text


async def test_a_button_pressed_twice_acts_once(scenes: Scenes) -> None:
    """The line was slow, and the hand impatient."""
    await scenes.paid("o-twice")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    path = "/orders/o-twice/acts/refund"
    form, _ = await previewed(agent, path, amount="10.00", reason="a scratch")
    both = await asyncio.gather(*(agent.post(path, form, step="do") for _ in range(2)))
    again = await agent.post(path, form, step="do")

    assert [answer.status_code for answer in (*both, again)] == [303] * 3
    assert (await order_of(scenes, "o-twice"))["money"]["refunded"]["amount"] == 1_000


async def test_of_two_who_saw_one_version_the_second_is_told(scenes: Scenes) -> None:
    """Two agents open one case: the second's refund is not added to the first's unseen."""
    await scenes.paid("o-race")
    first = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    second = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-2")
    path = "/orders/o-race/acts/refund"
    one, _ = await previewed(first, path, amount="12.30", reason="a scratch")
    other, _ = await previewed(second, path, amount="12.30", reason="a scratch")
    answers = await asyncio.gather(
        first.post(path, one, step="do"), second.post(path, other, step="do")
    )
    late = next(answer for answer in answers if answer.status_code != 303)

    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert "Somebody or something was first" in late.text
    assert (await order_of(scenes, "o-race"))["money"]["refunded"]["amount"] == 1_230


async def test_whoever_was_late_sees_the_difference_and_may_go_on(scenes: Scenes) -> None:
    """Nothing is overwritten, nothing has to be written again."""
    await scenes.paid("o-act-late")
    first = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    second = await visit(scenes.market, Role.SUPPORT_LEAD, "lead-1")
    path = "/orders/o-act-late/acts/refund"
    one, _ = await previewed(first, path, amount="200.00", reason="broken")
    other, _ = await previewed(second, path, amount="5.00", reason="a scratch")
    await first.post(path, one, step="do")
    late = await second.post(path, other, step="do")
    hidden = re.findall(r'name="(seen|previewed|key)" value="([^"]*)"', late.text)
    done = await second.post(path, other | dict(hidden) | {"amount": "4.00"}, step="preview")

    assert late.status_code == 409
    assert "Refund sent" in late.text
    assert "agent-1" in late.text
    assert "This would be refused." in late.text
    assert moved(done.text)["In escrow"] == ("4.00", "0.00")


async def test_nothing_is_done_that_was_not_previewed(scenes: Scenes) -> None:
    """Without a script, a changed amount is looked at again before it counts."""
    await scenes.paid("o-changed")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    path = "/orders/o-changed/acts/refund"
    form, _ = await previewed(agent, path, amount="1.00", reason="a scratch")
    shown = await agent.post(path, form | {"amount": "100.00"}, step="do")

    assert shown.status_code == 200
    assert "Refund EUR 100.00 to the buyer" in buttons(shown.text)
    assert (await order_of(scenes, "o-changed"))["money"]["refunded"]["amount"] == 0


@pytest.mark.parametrize(
    ("amount", "words"),
    [("12,30", "with a point"), ("12.345", "with a point"), ("-1", "cannot be accepted")],
)
async def test_what_cannot_be_read_is_said_beside_its_field(
    scenes: Scenes, amount: str, words: str
) -> None:
    """And what was written stays."""
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    if (await agent.get("/orders/o-unread")).status_code == 404:
        await scenes.paid("o-unread")
    path = "/orders/o-unread/acts/refund"
    form = await agent.form(path)
    shown = await agent.post(path, form | {"amount": amount}, step="preview")

    assert words in shown.text
    assert f'value="{amount}"' in shown.text
    assert not any("Refund" in words for words in buttons(shown.text))


async def test_a_reason_is_needed_to_act_but_not_to_look(scenes: Scenes) -> None:
    """Who gives money away says why; who only wonders need not."""
    await scenes.paid("o-why")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    path = "/orders/o-why/acts/refund"
    form, shown = await previewed(agent, path, amount="1.00", reason="")
    refused = await agent.post(path, form, step="do")

    assert moved(shown)["Back to the buyer"] == ("0.00", "1.00")
    assert refused.status_code == 422
    assert 'aria-describedby="f-reason-wrong"' in refused.text


async def test_lifting_the_last_hold_shows_the_release_that_follows(scenes: Scenes) -> None:
    """What happens by itself at once is part of what the act does."""
    await scenes.doubted("o-cleared")
    compliance = await visit(scenes.market, Role.COMPLIANCE, "compliance-1")
    path = "/orders/o-cleared/acts/decide_fraud"
    _, cleared = await previewed(compliance, path, verdict="cleared")
    form, confirmed = await previewed(compliance, path, verdict="confirmed")
    done = await compliance.post(path, form, step="do", reason="the holder denies it")
    await scenes.until(await scenes.buyer(), "o-cleared", "fraud")

    assert moved(cleared) == {
        "In escrow": ("0.00", "204.00"),
        "Held for a reason": ("204.00", "0.00"),
    }
    assert moved(confirmed) == {
        "Held for a reason": ("204.00", "0.00"),
        "Back to the buyer": ("0.00", "204.00"),
    }
    assert done.status_code == 303
    assert (await order_of(scenes, "o-cleared"))["money"]["refunded"]["amount"] == 20_400


async def test_an_operator_sees_what_a_parked_step_would_do_and_lets_it_go_on(
    scenes: Scenes,
) -> None:
    """Without curl, at night."""
    await scenes.parked("o-parked")
    operator = await visit(scenes.market, Role.OPERATOR, "operator-1")
    path = "/orders/o-parked/acts/resolve"
    form, shown = await previewed(operator, path, resolution="retry")
    done = await operator.post(path, form, step="do", note="the method was mended")

    assert "No money moves by this." in shown
    assert "Let it go on: try the step again" in buttons(shown)
    assert done.headers["Location"] == "/console/orders/o-parked?done=resolve"


async def test_another_amount_is_decided_with_everybody_s_share_in_view(scenes: Scenes) -> None:
    """The platform bears what is missing, and it stands there before it is so."""
    await scenes.another_amount("o-short")
    agent = await visit(scenes.market, Role.SUPPORT_AGENT, "agent-1")
    path = "/orders/o-short/acts/decide_amount"
    _, shown = await previewed(agent, path, decision="accept", borne_by="platform_loss")

    assert moved(shown) == {
        "Kept apart: another amount": ("190.00", "0.00"),
        "In escrow": ("0.00", "204.00"),
    }
    assert "Platform&#39;s loss" in shown


async def test_a_refusal_of_the_process_is_said_on_the_form_that_was_refused(
    scenes: Scenes,
) -> None:
    """What only the step itself can find out; the words stay, and the next try is another one."""
    await scenes.shipped("o-first", "1ZW4F5810390310136")
    await scenes.shipped("o-second", "1ZW4F5810391234566")
    seller = await visit(scenes.market, Role.SELLER, "s-1")
    path = "/orders/o-second/acts/edit_shipment"
    form, _ = await previewed(seller, path, number="1ZW4F5810390310136")
    refused = await seller.post(path, form, step="do")
    (key,) = re.findall(r'name="key" value="([^"]*)"', refused.text)

    assert refused.status_code == 409
    assert "Tracking number in use" in refused.text
    assert 'value="1ZW4F5810390310136"' in refused.text
    assert key != form["key"]


async def test_a_buyer_confirms_on_a_phone(scenes: Scenes) -> None:
    """The leaner pages lead to the same functions."""
    await scenes.shipped("o-phone", "1Z999AA10123456784")
    buyer = await visit(scenes.market, Role.BUYER, "b-1")
    path = "/orders/o-phone/acts/confirm_receipt"
    form, shown = await previewed(buyer, path)
    done = await buyer.post(path, form, step="do")

    assert "Deadline starts: Release" in shown
    assert done.headers["Location"] == "/console/orders/o-phone?done=confirm_receipt"
    assert (await order_of(scenes, "o-phone"))["axes"]["fulfilment"] == "received"
