"""A dispute in the console: opened, answered and ruled on, with whose money in view before."""

from dataclasses import dataclass

import pytest

from domain.actors import Role
from tests.api.test_console_acts import buttons, moved, previewed
from tests.api.test_disputes import received, settled
from tests.support.market import Json, Market
from tests.support.pages import Element, Visit, parsed, visit

_WRONG = {"lines": "1", "reason": "damaged", "remedy": "refund", "amount": "100.00"}


@dataclass(frozen=True)
class Case:
    """One dispute, with its people at their browsers."""

    market: Market
    order: str
    path: str
    buyer: Visit
    seller: Visit
    agent: Visit

    async def does(self, who: Visit, act: str, **said: str) -> str:
        """Fill a form in, look, and press its button; where that leads."""
        path = f"{self.path}/acts/{act}"
        form, _ = await previewed(who, path, **said)
        done = await who.post(path, form, step="do")
        assert done.status_code == 303, done.text
        return done.headers["Location"]

    async def view(self) -> Json:
        auditor = await self.market.caller(Role.AUDITOR)
        found: Json = (await auditor.get(f"/v1{self.path}")).json()
        return found

    async def money(self) -> Json:
        auditor = await self.market.caller(Role.AUDITOR)
        found: Json = (await auditor.get(f"/v1/orders/{self.order}")).json()["money"]
        return found


async def disputed(market: Market, order: str) -> Case:
    """Opened in the console by a buyer whose goods came broken."""
    await received(market, order)
    buyer = await visit(market, Role.BUYER, "b-1")
    path = f"/orders/{order}/dispute"
    form, _ = await previewed(buyer, path, **_WRONG)
    opened = await buyer.post(path, form, step="do")
    assert opened.status_code == 303, opened.text
    here = opened.headers["Location"].partition("?")[0].removeprefix("/console")
    seller = await visit(market, Role.SELLER, "s-1")
    return Case(market, order, here, buyer, seller, await visit(market, Role.SUPPORT_AGENT, "a-1"))


async def before_a_judge(market: Market, order: str) -> Case:
    """Nobody gave in: the agent whose case it is has proposed something, and may rule."""
    case = await disputed(market, order)
    await case.does(case.seller, "propose", remedy="refund", amount="20.00")
    await case.does(case.buyer, "escalate")
    await case.does(case.agent, "assign", to="a-1")
    await case.does(case.agent, "propose", remedy="refund", amount="60.00")
    return case


def rows(page: Element, heading: str) -> list[str]:
    """The rows of the table under that caption."""
    for table in page.all("table"):
        captions = [one.words() for one in table.all("caption")]
        if captions == [heading]:
            return [row.words() for row in table.all("tr")][1:]
    return []


async def test_what_a_dispute_would_hold_is_seen_before_it_is_opened(alive: Market) -> None:
    """The buyer names lines, a reason and an amount; nothing is held by looking."""
    await received(alive, "o-look")
    buyer = await visit(alive, Role.BUYER, "b-1")
    form, shown = await previewed(buyer, "/orders/o-look/dispute", **_WRONG)
    order = await (await alive.caller(Role.AUDITOR)).get("/v1/orders/o-look")
    done = await buyer.post("/orders/o-look/dispute", form, step="do")
    page = await buyer.client.get(done.headers["Location"])
    listed = (await buyer.get("/orders/o-look")).text

    assert moved(shown) == {
        "In escrow": ("204.00", "0.00"),
        "Held for a reason": ("0.00", "204.00"),
    }
    assert "Dispute this and ask for EUR 100.00" in buttons(shown)
    assert "Letter to the Seller: Dispute opened" in shown
    assert order.json()["money"]["held"]["amount"] == 0
    assert "the dispute is open" in page.text
    assert done.headers["Location"].partition("?")[0] in listed


async def test_both_offers_stand_side_by_side_and_one_is_accepted(alive: Market) -> None:
    """What would leave whom is seen by whoever accepts, and then is so, to the cent."""
    case = await disputed(alive, "o-sides")
    await case.does(case.seller, "propose", remedy="refund", amount="20.00")
    page = parsed((await case.buyer.get(case.path)).text)
    offers = [one.words() for one in page.all("div") if one.attributes.get("class") == "side-offer"]
    form, shown = await previewed(case.buyer, f"{case.path}/acts/accept", version="2")
    done = await case.buyer.post(f"{case.path}/acts/accept", form, step="do")
    await settled(await alive.caller(Role.AUDITOR), f"/v1{case.path}")

    assert ["EUR 100.00" in offers[0], "proposal 1" in offers[0]] == [True, True]
    assert ["EUR 20.00" in offers[1], "proposal 2" in offers[1]] == [True, True]
    assert moved(shown)["Back to the buyer"] == ("0.00", "20.00")
    assert done.headers["Location"] == f"/console{case.path}?done=accept"
    assert (await case.money())["refunded"]["amount"] == 2_000


async def test_every_decision_shows_whose_money_it_moves_before_it_is_taken(alive: Market) -> None:
    """What was asked, what was offered, everything and nothing: by the revision they saw."""
    case = await before_a_judge(alive, "o-judged")
    page = parsed((await case.agent.get(case.path)).text)
    decisions = rows(page, "What each decision would do")
    path = f"{case.path}/acts/decide"
    form, shown = await previewed(
        case.agent, path, remedy="refund", amount="60.00", platform="10.00", why="the photos"
    )
    untouched = await case.money()
    done = await case.agent.post(path, form, step="do")
    await settled(await alive.caller(Role.AUDITOR), f"/v1{case.path}")
    after = await case.money()

    assert [row.partition(" ")[0] for row in decisions] == ["money"] * 5
    assert ["+100.00" in decisions[0], "Buyer" in decisions[0]] == [True, True]
    assert ["+20.00" in decisions[1], "Seller" in decisions[1]] == [True, True]
    assert ["+204.00" in decisions[3], "+204.00" in decisions[4]] == [True, True]
    revision = (await case.view())["revision"]
    assert f"by revision {revision} of the case" in shown
    assert moved(shown)["Back to the buyer"] == ("0.00", "60.00")
    assert "loss: +10.00" in shown
    assert "Rule: money back, EUR 60.00" in buttons(shown)
    assert untouched["refunded"]["amount"] == 0
    assert done.status_code == 303
    assert after["refunded"]["amount"] == 6_000


async def test_a_ruling_on_a_case_that_has_moved_on_is_not_made(alive: Market) -> None:
    """The seller offered more while the agent was writing: they are told what happened."""
    case = await before_a_judge(alive, "o-moved-on")
    path = f"{case.path}/acts/decide"
    form, _ = await previewed(case.agent, path, remedy="refund", amount="60.00", why="photos")
    await case.does(case.seller, "propose", remedy="refund", amount="55.00")
    late = await case.agent.post(path, form, step="do")
    revision = (await case.view())["revision"]

    assert late.status_code == 409
    assert "Somebody or something was first" in late.text
    assert "Seller proposes" in late.text
    assert f"by revision {revision} of the case" in late.text
    assert (await case.money())["refunded"]["amount"] == 0


@pytest.mark.parametrize("amount", ["204.01"])
async def test_what_the_rule_refuses_is_refused_in_the_preview(alive: Market, amount: str) -> None:
    """More than the cap, or a case that is nobody's: said where it would be done."""
    case = await disputed(alive, "o-case-refused")
    await case.does(case.buyer, "escalate")
    _, stranger = await previewed(
        case.agent, f"{case.path}/acts/propose", remedy="refund", amount="1.00"
    )
    await case.does(case.agent, "assign", to="a-1")
    _, shown = await previewed(
        case.agent, f"{case.path}/acts/propose", remedy="refund", amount=amount
    )
    left = await case.does(case.buyer, "withdraw")
    ended = await settled(await alive.caller(Role.AUDITOR), f"/v1{case.path}")

    assert "assigned to somebody else, or to nobody" in stranger
    assert "This would be refused." in shown
    assert left == f"/console{case.path}?done=withdraw"
    assert ended["outcome"] == "withdrawn"
