"""What lasts: how many streams and uploads are open at once, and when a stream is over."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx2
import pytest

from api.auth import Caller
from api.console.visitor import SESSION, Visitor
from api.limits import Places
from api.problems import Problem
from api.routers.evidence import arrived
from domain.actors import Role
from persistence.database import SqlDatabase
from tests.api.test_console_door import told
from tests.domain.disputes import in_review
from tests.support.market import Market
from tests.support.serving import served

_STREAMS: Final = 20
_UPLOADS: Final = 2
_UPLOADS_IN_ALL: Final = 8
# Whole, it is refused for what it is: nothing has to be kept here.
_TEXT: Final = b"neither a picture nor a film"
_WAYS: Final = ("/v1/orders/o-lasts/timeline", "/console/orders/o-lasts/news")


@pytest.fixture(scope="module")
async def address(market: Market) -> AsyncIterator[str]:
    """The same API on a real port: a stream has no end that a call within could wait for."""
    await told(market, "o-lasts")
    async with served(market.app) as url:
        yield url


def _known(token: str) -> dict[str, str]:
    """The headers of somebody who is known to the API as well as to the console."""
    return {
        "Authorization": f"Bearer {token}",
        "Cookie": f"{SESSION}={token}",
        "Accept": "text/event-stream",
    }


@asynccontextmanager
async def _listening(address: str, token: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=address, headers=_known(token)) as http:
        yield http


@pytest.mark.parametrize("path", _WAYS)
async def test_nobody_has_more_than_so_many_streams_open(
    market: Market, address: str, path: str
) -> None:
    """Each asks the database every few seconds; a page that opens them in a loop must not."""
    name = f"agent-{path.count('/')}"
    token = market.issuer.mint(Role.SUPPORT_AGENT, name)
    other = market.issuer.mint(Role.SUPPORT_AGENT, f"calm-{name}")
    async with _listening(address, token) as http, _listening(address, other) as calm:
        async with AsyncExitStack() as open_ones:
            statuses = [
                (await open_ones.enter_async_context(http.stream("GET", path))).status_code
                for _ in range(_STREAMS)
            ]
            refused = await http.get(path)
            async with calm.stream("GET", path) as beside:
                statuses.append(beside.status_code)
        async with asyncio.timeout(5):
            while True:
                async with http.stream("GET", path) as again:
                    if again.status_code == 200:
                        break

    assert statuses == [200] * (_STREAMS + 1)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "end one of them first" in refused.text


@pytest.mark.parametrize("path", _WAYS)
async def test_a_stream_ends_with_the_token_that_opened_it(
    market: Market, address: str, path: str
) -> None:
    """Whoever was let go an hour ago must not hear what happens now."""
    token = market.issuer.mint(Role.SUPPORT_AGENT, "short", timedelta(seconds=2))
    began = time.monotonic()
    async with asyncio.timeout(10), _listening(address, token) as http:
        answer = await http.get(path)
    lasted = time.monotonic() - began

    assert answer.status_code == 200
    assert "retry:" in answer.text
    # A token says whole seconds.
    assert 0.5 < lasted < 3


def test_all_places_are_for_all() -> None:
    """However many callers there are, a process has so much memory and so many connections."""
    places = Places("streams", each=1, most=2)
    with places.taken("a"), places.taken("b"):
        with pytest.raises(Problem) as full, places.taken("c"):
            pass
        with pytest.raises(Problem) as own, places.taken("a"):
            pass

    assert (full.value.code, own.value.code) == ("unavailable", "too-many-requests")
    with places.taken("c"), places.taken("a"):
        assert int(full.value.headers["Retry-After"]) > 0


class Slow:
    """A file that arrives in two halves, the second when the test says so."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.has_begun.set()
        yield _TEXT[:3]
        await self.may_end.wait()
        yield _TEXT[3:]


async def _disputed(market: Market, name: str) -> None:
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.tell_dispute(replace(in_review(), dispute=name))


async def test_so_many_files_are_taken_in_at_once_and_no_more(market: Market) -> None:
    """Each is ten megabytes, several times over: a hundred at once would end the process."""
    await _disputed(market, "d-uploads")
    agents = [await market.caller(Role.SUPPORT_AGENT, f"up-{n}") for n in range(5)]
    there = "/v1/disputes/d-uploads/evidence"
    sent: list[tuple[Slow, asyncio.Task[httpx2.Response]]] = []
    refused: list[httpx2.Response] = []
    for agent in agents[: _UPLOADS_IN_ALL // _UPLOADS]:
        for _ in range(_UPLOADS):
            file = Slow()
            sent.append((file, asyncio.create_task(agent.client.post(there, content=file))))
            await file.has_begun.wait()
        refused.append(await agent.client.post(there, content=_TEXT))
    in_all = await agents[-1].client.post(there, content=_TEXT)
    for file, _ in sent:
        file.may_end.set()
    taken = {(await task).status_code for _, task in sent}
    afterwards = await agents[-1].client.post(there, content=_TEXT)

    assert {answer.status_code for answer in refused} == {429}
    assert {answer.json()["limit"] for answer in refused} == {_UPLOADS}
    assert in_all.status_code == 503
    assert int(in_all.headers["Retry-After"]) > 0
    assert taken == {422}
    assert afterwards.status_code == 422


async def test_the_console_takes_no_more_files_at_once(market: Market) -> None:
    """The same people, the same memory."""
    await _disputed(market, "d-console-uploads")
    token = market.issuer.mint(Role.SUPPORT_AGENT, "up-console")
    csrf = Visitor(Caller(Role.SUPPORT_AGENT, ""), token, datetime.now(UTC)).csrf
    guest = await market.anonymous()
    guest.headers.update(_known(token))
    with (
        market.services.uploads.taken("support-agent:up-console"),
        market.services.uploads.taken("support-agent:up-console"),
    ):
        refused = await guest.post(
            "/console/disputes/d-console-uploads/evidence",
            data={"csrf": csrf},
            files={"file": _TEXT},
        )
    taken = await guest.post(
        "/console/disputes/d-console-uploads/evidence",
        data={"csrf": csrf},
        files={"file": _TEXT},
    )

    assert refused.status_code == 429
    assert "end one of them first" in refused.text
    assert taken.status_code == 422


async def test_a_file_that_never_arrives_is_not_waited_for() -> None:
    """A handful of slow senders would otherwise have every place there is."""

    async def never() -> bytes:
        await asyncio.Event().wait()
        return b""

    with pytest.raises(Problem) as refused:
        await arrived(never(), 0.05)

    assert refused.value.code == "request-unreadable"
