"""Every page for every kind of visitor: readable, closed, small, and no more than is theirs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount

from api.console.pages import STATIC
from domain.actors import STAFF, Role
from domain.dispute.reasons import Remedy
from domain.dispute.state import Proposal
from domain.order.agreements import Agreement, Topic
from domain.order.parcels import Parcel
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    OrderState,
    Parked,
    Payment,
)
from persistence.database import SqlDatabase
from persistence.port import Event, Facts
from tests.api.conftest import NOON
from tests.domain.disputes import in_review
from tests.support.market import Market
from tests.support.pages import Visit, complaints, parsed, stranger, visit

LARGEST = 100_000
ORDER = OrderState(
    "o-full",
    "b-1",
    "s-1",
    "EUR",
    10_000,
    NOON,
    policy="standard/1",
    version=9,
    payment=Payment.CAPTURED,
    fulfilment=Fulfilment.DECLARED,
    captured=10_000,
    fraud=Fraud.SUSPECTED,
    parcels=(Parcel("UPS", "1Z999AA10123456784", amount=10_000),),
    agreements=(Agreement(Topic.PROTECTION, Role.BUYER, NOON),),
    clocks=(
        Clock(ClockName.FIRST_SCAN, NOON - timedelta(days=1), NOON + timedelta(days=2), parcel="1"),
        Clock(ClockName.PROTECTION_ANSWER, NOON - timedelta(days=2), NOON - timedelta(hours=1)),
    ),
    parked=Parked("payment.refund", "<b>refused</b> by the bank", "order/o-full/refund/1", NOON),
)
DISPUTE = replace(
    in_review(),
    dispute="d-full",
    order="o-full",
    proposals=(
        Proposal(1, Role.BUYER, Remedy.RETURN_AND_REFUND, 10_000, NOON),
        Proposal(2, Role.SELLER, Remedy.REFUND, 2_500, NOON),
        Proposal(3, Role.SUPPORT_AGENT, Remedy.REFUND, 4_000, NOON),
    ),
    assignee="agent-1",
    parked=Parked("dispute.pay", "<b>refused</b> by the bank", "dispute/d-full/refund/1", NOON),
)
JUDGES = frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD})
SIDES = frozenset({Role.BUYER, Role.SELLER})
PEOPLE = {
    Role.BUYER: "b-1",
    Role.SELLER: "s-1",
    Role.SUPPORT_AGENT: "agent-1",
    Role.SUPPORT_LEAD: "lead-1",
    Role.COMPLIANCE: "compliance-1",
    Role.OPERATOR: "operator-1",
    Role.AUDITOR: "auditor-1",
}
PATHS = {
    "/orders": frozenset(PEOPLE),
    "/orders?status=held&q=o-": frozenset(PEOPLE),
    "/orders/o-full": frozenset(PEOPLE),
    "/orders/o-full?show=acts&done=refund": frozenset(PEOPLE),
    "/orders/o-full/dispute": frozenset({Role.BUYER}),
    "/orders?limit=many&needs_attention=perhaps": frozenset(PEOPLE),
    "/disputes?limit=many&needs_attention=perhaps": frozenset(PEOPLE),
    "/disputes": frozenset(PEOPLE),
    "/disputes?status=needs_attention&assignee=agent-1": frozenset(PEOPLE),
    "/disputes/d-full": frozenset(PEOPLE),
    "/disputes/d-full?show=acts&done=decide": frozenset(PEOPLE),
    "/disputes/d-full/acts/decide": JUDGES,
    "/disputes/d-full/acts/assign?to=agent-1": JUDGES,
    "/disputes/d-full/acts/accept": SIDES,
    "/disputes/d-full/acts/propose": SIDES | JUDGES,
    "/disputes/d-full/acts/withdraw": frozenset({Role.BUYER}),
    "/disputes/d-full/acts/send_again": frozenset({Role.SELLER}),
    "/disputes/d-full/acts/resolve": frozenset({Role.OPERATOR}),
    "/queue": STAFF,
    "/queue?whose=mine&overdue=true&all=true&kind=parked": STAFF,
    "/money": frozenset({Role.SELLER}),
    "/orders/o-full/acts/resolve": frozenset({Role.OPERATOR}),
    "/orders/o-full/acts/refund": frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}),
    "/orders/o-full/acts/decide_fraud": frozenset({Role.COMPLIANCE}),
    "/orders/o-full/acts/edit_shipment": frozenset({Role.SELLER}),
    "/orders/o-full/acts/confirm_receipt": frozenset({Role.BUYER}),
    "/orders/o-full/acts/answer_consent": frozenset(
        {Role.BUYER, Role.SELLER, Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}
    ),
}


@pytest.fixture(scope="module")
async def furnished(market: Market) -> Market:
    """A market with an order that has something of everything, and one that is another's."""
    async with SqlDatabase(market.services.engine).transaction() as books:
        facts: Facts = {"amount": 4_200, "currency": "EUR", "reason": "<script>alert(1)</script>"}
        await books.story.tell(
            ORDER,
            Event("order.refund_sent", NOON, "support-agent:agent-7", facts),
            Event("order.parked", NOON, facts={"key": "order/o-full/refund/1"}),
        )
        await books.story.tell(replace(ORDER, order="o-other", buyer="b-2", seller="s-2"))
        told: Facts = {"amount": 10_000, "reason": "damaged", "currency": "EUR"}
        await books.story.tell_dispute(
            DISPUTE, Event("dispute.opened", NOON - timedelta(days=4), "buyer:b-1", told)
        )
        await books.story.tell_dispute(
            replace(DISPUTE, dispute="d-other", order="o-other", buyer="b-2", seller="s-2")
        )
    return market


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_can_be_read_by_everybody(
    furnished: Market, role: Role, language: str
) -> None:
    """With a screen reader, without a script, under the strictest policy, on a slow line."""
    guest = await visit(furnished, role, PEOPLE[role])
    guest.client.cookies.set("caravan_language", language, domain="caravan.test", path="/console")
    for path, roles in PATHS.items():
        answer = await guest.get(path)

        assert answer.status_code == (200 if role in roles else 403), (path, answer.text[:300])
        assert complaints(answer.text) == [], path
        assert len(answer.content) < LARGEST, path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<script>alert" not in answer.text
        assert "<b>refused" not in answer.text


async def test_a_page_with_its_files_is_small(furnished: Market) -> None:
    """Style and scripts are fetched once; they may not be what one waits for."""
    guest = await visit(furnished, Role.SUPPORT_AGENT, "agent-1")
    (html,) = parsed((await guest.get("/orders/o-full")).text).all("html")
    files = [one.attributes["src"] for one in html.all("script")]
    files += [one.attributes["href"] for one in html.all("link")]
    fetched = [await guest.client.get(file) for file in files]

    assert len(files) == 4
    assert {answer.status_code for answer in fetched} == {200}
    assert sum(len(answer.content) for answer in fetched) < LARGEST


def test_what_others_wrote_stands_beside_its_licence() -> None:
    """We pass it on: so its terms must come along."""
    vendored = {file.name for file in STATIC.iterdir() if ".min." in file.name}

    assert vendored == {"htmx.min.js"}
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE.txt").read_text()


@pytest.mark.parametrize(
    ("role", "seen"),
    [(Role.BUYER, {"d-full"}), (Role.SELLER, {"d-full"}), (Role.AUDITOR, {"d-full", "d-other"})],
)
async def test_disputes_are_listed_for_whom_they_concern(
    furnished: Market, role: Role, seen: set[str]
) -> None:
    """A side looks for its own, staff for all; a filter leaves out what it does not name."""
    guest = await visit(furnished, role, PEOPLE[role])
    page = (await guest.get("/disputes?status=needs_attention")).text
    none = (await guest.get("/disputes?status=rejected")).text

    assert {name for name in ("d-full", "d-other") if f"/disputes/{name}" in page} == seen
    assert "No disputes here" in none


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
async def test_nobody_sees_what_is_another_s(furnished: Market, role: Role) -> None:
    """Neither the order, nor its news, nor a form of it; and it does not say that it exists."""
    guest = await visit(furnished, role, PEOPLE[role])
    act = "confirm_receipt" if role is Role.BUYER else "edit_shipment"
    theirs = ("/disputes/d-other", "/disputes/d-other/news", "/disputes/d-other/acts/accept")
    own = ("/orders/o-other", "/orders/o-other/news", f"/orders/o-other/acts/{act}")
    for path in (*own, *theirs):
        answer = await guest.get(path)

        assert answer.status_code == 404, path
    listed = (await guest.get("/orders")).text
    assert "o-full" in listed
    assert "o-other" not in listed


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
async def test_both_sides_see_the_order_without_what_is_the_staff_s(
    furnished: Market, role: Role
) -> None:
    """Who exactly of the staff acted, why a step failed, that fraud is suspected: not theirs."""
    guest = await visit(furnished, role, PEOPLE[role])
    shown = (await guest.get("/orders/o-full")).text

    assert "Support agent" in shown
    for secret in ("agent-7", "refused", "Suspected", "suspected", "Temporal"):
        assert secret not in shown, secret


async def test_staff_see_why_it_is_parked_and_where_it_runs(furnished: Market) -> None:
    """The page links to the execution instead of copying Temporal's own."""
    guest = await visit(furnished, Role.OPERATOR, "operator-1")
    shown = (await guest.get("/orders/o-full")).text

    assert "&lt;b&gt;refused&lt;/b&gt; by the bank" in shown
    assert "http://temporal.test/namespaces/default/workflows/order%2Fo-full" in shown


async def test_a_deadline_says_how_near_it_is_and_what_happens_then(furnished: Market) -> None:
    """Overdue is a word; what silence does stands beside the instant, in two clocks."""
    guest = await visit(furnished, Role.SUPPORT_AGENT, "agent-1")
    guest.client.cookies.set(
        "caravan_zone", "Asia/Shanghai", domain="caravan.test", path="/console"
    )
    page = parsed((await guest.get("/orders/o-full")).text)
    clocks = [one.words() for one in page.all("li") if one.attributes.get("class") == "clock"]

    assert "Overdue: 60 minutes ago" in clocks[0]
    assert "silence leaves the promise as it is" in clocks[0]
    assert "2 Nov 2026, 19:00 UTC+8 (11:00 UTC)" in clocks[0]
    assert "in 2 days" in clocks[1] or "in 48 hours" in clocks[1]


async def test_an_order_is_found_by_what_people_have(furnished: Market) -> None:
    """The beginning of its id, its buyer, its seller."""
    guest = await visit(furnished, Role.SUPPORT_AGENT, "agent-1")

    expected: dict[str, set[str]] = {"o-ful": {"o-full"}, "b-2": {"o-other"}, "nothing": set()}
    for sought, found in expected.items():
        page = parsed((await guest.get(f"/orders?q={sought}")).text)
        rows = {one.words() for one in page.all("a") if "data-row" in one.attributes}
        assert rows == found, sought


async def test_an_empty_list_says_what_would_appear(furnished: Market) -> None:
    """Nothing is an answer, too, and not a broken page."""
    guest = await visit(furnished, Role.BUYER, "b-new")
    shown = (await guest.get("/orders")).text

    assert "Orders appear as soon as they are placed" in shown


async def test_what_goes_wrong_says_what_is_safe(furnished: Market) -> None:
    """An unknown order, a page that is none, an act without a form."""
    guest = await visit(furnished, Role.SUPPORT_AGENT, "agent-1")

    for path in ("/orders/o-none", "/nowhere", "/orders/o-full/acts/buy_label"):
        answer = await guest.get(path)
        assert answer.status_code == 404, path
        assert "pressing it again is safe" in answer.text
        assert complaints(answer.text) == []
        assert answer.headers["Content-Security-Policy"]


async def test_without_a_session_nothing_is_shown(furnished: Market) -> None:
    """Every page and every act: led to the door, told nothing."""
    guest = await stranger(furnished)
    open_to_all = {
        *("/sign-in", "/signed-in", "/goodbye", "/session-ended", "/preferences"),
        *("/issuer/authorize", "/issuer/choice", "/issuer/token"),
    }
    for route in console_routes(furnished.app):
        path = route.path.replace("{order}", "o-full").replace("{action}", "refund")
        path = path.replace("{payout:path}", "s-1/1-EUR").replace("{dispute}", "d-full")
        if route.path in open_to_all:
            continue
        for method in route.methods or ():
            answer = await guest.client.request(method, f"/console{path}")
            assert answer.status_code == 303, (method, path)
            where = answer.headers["Location"]
            assert where.startswith(("/console/sign-in", "/console/session-ended")), where


def console_routes(app: FastAPI) -> list[APIRoute]:
    """Every route of the console, as it is mounted."""
    (mounted,) = (part for part in app.routes if isinstance(part, Mount))
    parts = [getattr(part, "original_router", part) for part in mounted.routes]
    found = [route for part in parts for route in getattr(part, "routes", [part])]
    return [route for route in found if isinstance(route, APIRoute)]


async def test_the_front_page_is_each_one_s_own(furnished: Market) -> None:
    """Staff begin with what needs them, both sides with their orders."""
    agent: Visit = await visit(furnished, Role.SUPPORT_AGENT, "agent-1")
    buyer: Visit = await visit(furnished, Role.BUYER, "b-1")

    assert (await agent.get("/")).headers["Location"] == "/console/queue"
    assert (await buyer.get("/")).headers["Location"] == "/console/orders"
    assert (await agent.client.get("/console")).headers["Location"] == "/console/"
