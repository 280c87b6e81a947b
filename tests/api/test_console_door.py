"""The console's door: who gets in, how long, and that nothing written is lost at it."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.actors import Role
from domain.order.state import Fulfilment, OrderState, Payment
from persistence.database import SqlDatabase
from persistence.port import Event
from tests.api.conftest import NOON
from tests.support.market import Market
from tests.support.pages import HERE, parsed, sign_in, stranger, visit


async def told(market: Market, order: str) -> None:
    """An order that has been paid, as its process would have written it."""
    state = OrderState(
        order,
        "b-1",
        "s-1",
        "EUR",
        10_000,
        NOON,
        version=3,
        payment=Payment.CAPTURED,
        fulfilment=Fulfilment.AWAITING_SHIPMENT,
        captured=10_000,
    )
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.tell(state, Event("order.paid", NOON))


async def test_a_stranger_is_led_to_the_provider_and_back_to_where_they_wanted(
    market: Market,
) -> None:
    """A link in a letter must lead to its page, whoever has to sign in first."""
    guest = await stranger(market)
    away = await guest.get("/orders?status=held")
    back = await sign_in(guest, Role.SUPPORT_AGENT, "agent-1", "/console/orders?status=held")

    assert away.status_code == 303
    assert away.headers["Location"].startswith("/console/sign-in?to=")
    assert back.headers["Location"] == "/console/orders?status=held"
    cookie = back.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await guest.get("/orders")).status_code == 200


async def test_a_sign_in_is_asked_for_with_state_nonce_and_a_challenge(market: Market) -> None:
    """Each closes a way by which somebody else's sign-in becomes yours, or yours theirs."""
    guest = await stranger(market)
    away = await guest.get("/sign-in")
    asked = parse_qs(urlsplit(away.headers["Location"]).query)

    assert {"state", "nonce", "code_challenge", "redirect_uri"} <= asked.keys()
    assert asked["code_challenge_method"] == ["S256"]


async def test_only_the_browser_that_began_a_sign_in_can_end_it(market: Market) -> None:
    """Otherwise a link could sign a victim in as somebody else."""
    guest, other = await stranger(market), await stranger(market)
    away = await guest.get("/sign-in")
    asked = {n: v[0] for n, v in parse_qs(urlsplit(away.headers["Location"]).query).items()}
    choice = await guest.client.get(
        "/console/issuer/choice", params=asked | {"role": "operator", "subject": "operator-1"}
    )
    theirs = await other.client.get(choice.headers["Location"])

    assert theirs.status_code == 401
    assert "caravan_session" not in theirs.headers.get("Set-Cookie", "")


async def test_a_code_is_redeemed_once_by_whoever_knows_the_verifier(market: Market) -> None:
    """A code that leaked through a log or a history is worth nothing."""
    guest = await stranger(market)
    away = await guest.get("/sign-in")
    asked = {n: v[0] for n, v in parse_qs(urlsplit(away.headers["Location"]).query).items()}
    choice = await guest.client.get(
        "/console/issuer/choice", params=asked | {"role": "operator", "subject": "operator-1"}
    )
    code = parse_qs(urlsplit(choice.headers["Location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": asked["client_id"],
        "redirect_uri": asked["redirect_uri"],
    }
    guessed = await guest.client.post("/console/issuer/token", data=form | {"code_verifier": "x"})
    back = await guest.client.get(choice.headers["Location"])

    assert guessed.status_code == 400
    assert back.status_code == 401, "the guess had spent the code"


async def test_a_session_ends_with_its_token(market: Market) -> None:
    """A forgotten browser must not stay signed in for ever."""
    guest = await visit(market, Role.SUPPORT_AGENT, "agent-1")
    old = market.issuer.mint(Role.SUPPORT_AGENT, "agent-1", timedelta(minutes=-5))
    guest.client.cookies.clear()
    guest.client.cookies.set("caravan_session", old, domain="caravan.test", path="/console")
    away = await guest.get("/orders")

    assert away.status_code == 303
    assert "/console/sign-in" in away.headers["Location"]


async def test_what_was_written_when_the_session_ended_is_shown_again(market: Market) -> None:
    """Ten minutes of careful words must not die of a time-out; and nothing is done by itself."""
    await told(market, "o-kept")
    guest = await visit(market, Role.SUPPORT_AGENT, "agent-1")
    form = await guest.form("/orders/o-kept/acts/refund")
    guest.client.cookies.delete("caravan_session", domain="caravan.test", path="/console")
    ended = await guest.post(
        "/orders/o-kept/acts/refund", form, step="do", amount="12.30", reason="ein Kratzer, 划痕"
    )
    said = await guest.client.get(ended.headers["Location"])
    back = await sign_in(guest, Role.SUPPORT_AGENT, "agent-1")
    shown = await guest.client.get(back.headers["Location"])

    assert ended.status_code == 303
    assert "Nothing was done" in said.text
    assert back.headers["Location"] == "/console/orders/o-kept/acts/refund?kept=1"
    assert "ein Kratzer, 划痕" in shown.text
    assert 'value="12.30"' in shown.text
    assert "Nothing has been done yet" in shown.text


async def test_a_form_of_an_earlier_session_is_shown_again(market: Market) -> None:
    """Whoever signed in anew in another tab presses the button in the first."""
    await told(market, "o-tabs")
    guest = await visit(market, Role.SUPPORT_AGENT, "agent-1")
    form = await guest.form("/orders/o-tabs/acts/refund")
    await sign_in(guest, Role.SUPPORT_AGENT, "agent-2")
    stale = await guest.post(
        "/orders/o-tabs/acts/refund", form, step="do", amount="5.00", reason="late"
    )

    assert stale.headers["Location"] == "/console/orders/o-tabs/acts/refund?kept=1"
    assert 'value="5.00"' in (await guest.client.get(stale.headers["Location"])).text


@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_a_form_of_another_site_is_refused(market: Market, token: str) -> None:
    """A page elsewhere must not make a signed-in agent give money away."""
    await told(market, "o-forged")
    guest = await visit(market, Role.SUPPORT_AGENT, "agent-1")
    forged = await guest.client.post(
        "/console/orders/o-forged/acts/refund",
        data={"csrf": token, "amount": "12.30", "step": "do"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert forged.status_code == 403


async def test_signing_out_forgets_session_and_draft(market: Market) -> None:
    """The next person at the desk finds nothing."""
    guest = await visit(market, Role.SUPPORT_AGENT, "agent-1")
    form = await guest.form("/orders", "/sign-out")
    out = await guest.post("/sign-out", form)

    assert out.headers["Location"] == "/console/goodbye"
    assert "caravan_session" not in guest.client.cookies
    assert (await guest.get("/orders")).status_code == 303


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "/v1/orders", "/console/\\evil", "/consoleX"]
)
async def test_nobody_is_sent_elsewhere(market: Market, to: str) -> None:
    """A sign-in that ends at a stranger's page is how passwords are stolen."""
    guest = await stranger(market)
    back = await sign_in(guest, Role.SUPPORT_AGENT, "agent-1", to)

    assert back.headers["Location"] == "/console"


async def test_a_taste_is_remembered_before_anybody_signs_in(market: Market) -> None:
    """The door speaks the visitor's language, too."""
    guest = await stranger(market)
    kept = await guest.client.post(
        "/console/preferences",
        data={"language": "zh", "theme": "dark", "to": "/console/goodbye"},
        headers=HERE,
    )
    shown = await guest.client.get(kept.headers["Location"])
    (html,) = parsed(shown.text).all("html")

    assert html.attributes["lang"] == "zh-Hans"
    assert html.attributes["data-theme"] == "dark"
    assert "已退出登录" in shown.text


async def test_the_browser_s_language_is_taken_until_one_is_chosen(market: Market) -> None:
    """Nobody should have to look for a menu that they cannot read."""
    guest = await stranger(market)
    shown = await guest.get("/goodbye", **{"Accept-Language": "fr-FR, zh-CN;q=0.8, en;q=0.5"})

    assert "已退出登录" in shown.text
