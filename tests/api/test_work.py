"""The queue: written with the views, listed by due time, taken by one of two."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.actors import Role
from domain.casework import MANNERS, WorkKind
from domain.order.state import Clock, ClockName, Fraud, OrderState, Parked, Payment
from persistence.database import SqlDatabase
from persistence.port import Event
from tests.api.conftest import NOON
from tests.support.market import Json, Market, Person
from tests.support.pages import Visit, complaints, fields_of, parsed, visit

ORDER = OrderState("o-1", "b-1", "s-1", "EUR", 10_000, NOON, version=1)
PARKED = Parked("payment.refund", "refused by the bank", "key", NOON - timedelta(hours=9))


async def tell(market: Market, *states: OrderState) -> None:
    async with SqlDatabase(market.services.engine).transaction() as books:
        for state in states:
            await books.story.tell(state, Event("order.placed", NOON))


def at_risk(order: str, hours: int, version: int = 1) -> OrderState:
    clock = Clock(ClockName.RISK, NOON, NOON + timedelta(hours=hours))
    return replace(
        ORDER, order=order, payment=Payment.IN_RISK_CHECK, clocks=(clock,), version=version
    )


def parked(order: str, version: int = 1) -> OrderState:
    return replace(ORDER, order=order, parked=PARKED, version=version)


@pytest.fixture
async def compliance(market: Market) -> Person:
    return await market.caller(Role.COMPLIANCE, "compliance-1")


async def listed(person: Person, **query: str | int) -> list[Json]:
    answer = await person.get("/v1/work-items", **query)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["items"]
    return found


async def take(person: Person, order: str, kind: str, who: str, seen: int = 1) -> int:
    body = {"subject": f"order/{order}", "kind": kind, "assignee": who, "seen": seen}
    return (await person.post("/v1/work-items/assignment", body)).status_code


async def test_what_waits_longest_for_a_decision_stands_first(
    market: Market, compliance: Person
) -> None:
    """By the process's own clock, over pages, and only what this role may do."""
    await tell(market, at_risk("o-q-late", 30), at_risk("o-q-soon", 2), parked("o-q-parked"))
    first = (await compliance.get("/v1/work-items", limit=1)).json()
    rest = await listed(compliance, cursor=first["next"])
    found = [item["subject"] for item in first["items"] + rest if "o-q-" in item["subject"]]

    assert found == ["order/o-q-soon", "order/o-q-late"]
    assert {item["kind"] for item in first["items"] + rest} == {"risk_check"}
    everything = await listed(compliance, all="true", kind="parked", limit=100)
    assert "order/o-q-parked" in {item["subject"] for item in everything}


async def test_an_item_comes_with_its_state_and_goes_with_it(
    market: Market, compliance: Person
) -> None:
    """Nobody opens a case that has been closed; and old news brings nothing back."""
    waiting = at_risk("o-q-goes", 5, version=2)
    await tell(market, waiting)
    seen = await listed(compliance, limit=100)
    await tell(market, replace(waiting, payment=Payment.CAPTURED, clocks=(), version=3))
    gone = await listed(compliance, limit=100)
    await tell(market, waiting)
    still_gone = await listed(compliance, limit=100)

    assert "order/o-q-goes" in {item["subject"] for item in seen}
    for items in (gone, still_gone):
        assert "order/o-q-goes" not in {item["subject"] for item in items}


async def test_what_has_no_clock_is_due_by_its_target(market: Market) -> None:
    """A parked order has waited since it was parked, not since somebody looked."""
    await tell(market, parked("o-q-target"))
    operator = await market.caller(Role.OPERATOR)
    items = await listed(operator, limit=100, overdue="true")
    (item,) = (one for one in items if one["subject"] == "order/o-q-target")
    due = PARKED.since + MANNERS[WorkKind.PARKED].within

    assert item["due_at"] == due.isoformat().replace("+00:00", "Z")
    assert item["is_overdue"]
    assert item["why"] == "refused by the bank"


async def test_of_two_who_take_one_item_one_has_it(market: Market) -> None:
    """Two agents reach for the case on top."""
    await tell(market, at_risk("o-q-two", 5))
    people = [await market.caller(Role.COMPLIANCE, f"compliance-{n}") for n in (1, 2)]
    answers = await asyncio.gather(
        *(
            take(person, "o-q-two", "risk_check", f"compliance:compliance-{n}")
            for n, person in enumerate(people, 1)
        )
    )

    assert sorted(answers) == [200, 412]


async def test_who_has_taken_it_keeps_it_while_the_case_moves(
    market: Market, compliance: Person
) -> None:
    """A new deadline is news of the same case, not another one for somebody else."""
    me = "compliance:compliance-1"
    await tell(market, at_risk("o-q-kept", 5))
    taken = await take(compliance, "o-q-kept", "risk_check", me)
    await tell(market, at_risk("o-q-kept", 48, version=2))
    items = await listed(compliance, assignee=me, limit=100)
    (item,) = (one for one in items if one["subject"] == "order/o-q-kept")

    assert taken == 200
    assert item["due_at"] == "2026-11-04T12:00:00Z"
    assert item["assigned_by"] == me


@pytest.mark.parametrize(
    ("role", "to", "status"),
    [
        (Role.SUPPORT_AGENT, "support-agent:agent-2", 403),
        (Role.SUPPORT_LEAD, "support-agent:agent-2", 404),
        (Role.SUPPORT_LEAD, "buyer:b-1", 422),
        (Role.SUPPORT_LEAD, "auditor:auditor-1", 422),
        (Role.SUPPORT_AGENT, "support-agent:agent-1", 404),
    ],
)
async def test_work_is_given_by_whoever_may_to_whoever_can(
    market: Market, role: Role, to: str, status: int
) -> None:
    """An agent takes and gives back, a lead gives; nobody gives work to a buyer."""
    name = "agent-1" if role is Role.SUPPORT_AGENT else "lead-1"
    person = await market.caller(role, name)

    assert await take(person, "o-q-none", "risk_check", to) == status


async def test_the_load_counts_what_each_has_and_how_much_is_late(
    market: Market, compliance: Person
) -> None:
    """A lead sees who drowns."""
    busy = "compliance:compliance-busy"
    await tell(market, at_risk("o-q-load-1", 5), at_risk("o-q-load-2", -5))
    for order in ("o-q-load-1", "o-q-load-2"):
        await take(compliance, order, "risk_check", busy)
    loads = (await compliance.get("/v1/work-items/loads")).json()["items"]

    assert {"assignee": busy, "items": 2, "overdue": 1} in loads


def rows(text: str) -> list[str]:
    return [one.words() for one in parsed(text).all("a") if "data-row" in one.attributes]


async def test_an_agent_takes_what_is_on_top_and_finds_it_under_mine(market: Market) -> None:
    """The page over the same functions: take, see, give back."""
    await tell(market, replace(ORDER, order="o-q-mine", payment=Payment.AMOUNT_DIFFERS))
    agent: Visit = await visit(market, Role.SUPPORT_AGENT, "agent-9")
    shown = await agent.get("/queue?q=o-q-mine")
    form = fields_of(shown.text, "/console/queue/assignment")
    taken = await agent.post("/queue/assignment", form, assignee="support-agent:agent-9")
    mine = await agent.get("/queue?whose=mine")
    stale = await agent.post(
        "/queue/assignment", form | {"key": "another"}, assignee="support-agent:agent-9"
    )
    back = fields_of(mine.text, "/console/queue/assignment")
    given = await agent.post("/queue/assignment", back, assignee="")

    assert taken.headers["Location"] == "/console/queue?q=o-q-mine"
    assert rows(mine.text) == ["o-q-mine"]
    assert stale.status_code == 412
    assert given.status_code == 303
    assert rows((await agent.get("/queue?whose=mine")).text) == []


async def test_a_view_is_kept_under_its_name_until_it_is_forgotten(market: Market) -> None:
    """Each has their own way to look; nobody else's."""
    lead: Visit = await visit(market, Role.SUPPORT_LEAD, "lead-9")
    form = await lead.form("/queue?kind=amount_differs&overdue=true", "/queue/views")
    kept = await lead.post("/queue/views", form, name="Late amounts", step="keep")
    shown = await lead.client.get(kept.headers["Location"])
    other = await (await visit(market, Role.SUPPORT_LEAD, "lead-8")).get("/queue")
    await lead.post("/queue/views", form, name="Late amounts", step="forget")
    after = await lead.get("/queue")

    assert "kind=amount_differs" in kept.headers["Location"]
    assert "Late amounts" in shown.text
    assert complaints(shown.text) == []
    assert "Late amounts" not in other.text
    assert "Late amounts" not in after.text


async def test_what_is_overdue_is_said_loudly(market: Market) -> None:
    """The top of the page says how many, and leads to them."""
    await tell(market, parked("o-q-loud"))
    operator: Visit = await visit(market, Role.OPERATOR, "operator-9")
    shown = await operator.get("/queue")

    assert 'href="/console/queue?overdue=true"' in shown.text
    assert "Overdue:" in shown.text


async def test_two_things_about_one_order_are_two_items(market: Market) -> None:
    """Fraud is compliance's, the parked step an operator's; neither hides the other."""
    both = replace(parked("o-q-both"), fraud=Fraud.SUSPECTED, payment=Payment.CAPTURED)
    await tell(market, both)
    auditor = await market.caller(Role.AUDITOR)
    items = await listed(auditor, limit=100)
    kinds = {item["kind"] for item in items if item["subject"] == "order/o-q-both"}

    assert kinds == {"parked", "fraud_suspected"}
