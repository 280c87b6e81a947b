"""How often anybody may ask: each caller by whatever way they come, and strangers not at all."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from api.limits import RateLimit
from domain.actors import Role
from tests.support.market import Market, open_market
from tests.support.pages import parsed, signed, stranger


@pytest.fixture
async def narrow(market: Market, tmp_path: Path) -> AsyncGenerator[Market]:
    """An API that lets each caller ask three times at once, and once in a thousand seconds."""
    url = market.services.engine.url.render_as_string(hide_password=False)
    async with open_market(url, tmp_path, rate=RateLimit(0.001, 3), publishes=False) as opened:
        yield opened


async def test_a_busy_visitor_waits_and_others_do_not(narrow: Market) -> None:
    """A tab that reloads itself in a loop is a client as any other."""
    busy = await signed(narrow, Role.SUPPORT_AGENT, "busy")
    calm = await signed(narrow, Role.SUPPORT_AGENT, "calm")
    pages = [await busy.get("/orders") for _ in range(5)]
    beside = await calm.get("/orders")

    assert [page.status_code for page in pages] == [200, 200, 200, 429, 429]
    assert int(pages[-1].headers["Retry-After"]) >= 1
    assert [one.words() for one in parsed(pages[-1].text).all("h1")] == ["Too many requests"]
    assert beside.status_code == 200


async def test_pages_and_the_api_count_together(narrow: Market) -> None:
    """It is one person, however they ask."""
    guest = await signed(narrow, Role.BUYER, "b-both")
    person = await narrow.caller(Role.BUYER, "b-both")
    pages = [(await guest.get("/orders")).status_code for _ in range(2)]
    answers = [(await person.get("/v1/orders")).status_code for _ in range(2)]

    assert pages + answers == [200, 200, 200, 429]


async def test_a_form_counts_as_a_page_does(narrow: Market) -> None:
    """What is posted costs more than what is read."""
    guest = await signed(narrow, Role.SUPPORT_AGENT, "busy-hands")
    sent = [(await guest.send("POST", "/queue/views")).status_code for _ in range(4)]

    assert sent == [303, 303, 303, 429]


async def test_strangers_take_nothing_from_those_whom_they_name(
    narrow: Market, market: Market
) -> None:
    """Whoever sends forged tokens in somebody's name must not lock them out."""
    forger = await narrow.anonymous()
    forged = market.issuer.mint(Role.BUYER, "b-named")
    forger.headers["Authorization"] = f"Bearer {forged}"
    refused = {(await forger.get("/v1/orders")).status_code for _ in range(10)}
    forger.headers["Authorization"] = "Bearer csk_guessed"
    refused |= {(await forger.get("/v1/orders")).status_code for _ in range(10)}
    named = await narrow.caller(Role.BUYER, "b-named")
    service = await narrow.service()

    # They are not counted: by what they say they could be anybody, and behind a proxy all come
    # from one address.
    assert refused == {401}
    assert (await named.get("/v1/orders")).status_code == 200
    assert (await service.get("/v1/orders")).status_code == 200


async def test_who_is_not_signed_in_is_led_to_the_door_however_often(narrow: Market) -> None:
    """A whole office signs in at nine, from one address."""
    guest = await stranger(narrow)
    led = {(await guest.get("/orders")).status_code for _ in range(10)}
    asked = {(await guest.get("/sign-in")).status_code for _ in range(10)}

    assert led == asked == {303}
