"""The timeline as a stream: at once, in order, and from where the reader was."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest

from domain.actors import Role
from domain.order.state import OrderState
from persistence.database import SqlDatabase
from persistence.port import Event
from tests.support.market import Json, Market
from tests.support.serving import served

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
async def address(market: Market) -> AsyncIterator[str]:
    """The same API on a real port: a stream has no end that a call within could wait for."""
    async with served(market.app) as url:
        yield url


async def happen(market: Market, order: str, version: int, kind: str) -> None:
    state = OrderState(order, "b-1", "s-1", "EUR", 1000, AT, version=version)
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.tell(state, Event(kind, AT))


async def events(lines: AsyncIterator[str], count: int) -> list[Json]:
    """The next events of a stream, as (name, id)."""
    found: list[Json] = []
    event: Json = {}
    async with asyncio.timeout(10):
        async for line in lines:
            field, _, value = line.partition(": ")
            if line:
                event[field] = value
            elif "event" in event:
                found.append(event)
                event = {}
                if len(found) == count:
                    break
            else:
                event = {}
    return found


async def test_news_comes_as_it_happens(market: Market, address: str) -> None:
    """Nobody has to press reload: what is committed is shown within a moment."""
    await happen(market, "o-stream", 1, "order.placed")
    token = market.issuer.mint(Role.BUYER, "b-1")
    async with (
        httpx2.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}) as http,
        http.stream(
            "GET", "/v1/orders/o-stream/timeline", headers={"Accept": "text/event-stream"}
        ) as stream,
    ):
        lines = stream.aiter_lines()
        first = await events(lines, 1)
        began = asyncio.get_running_loop().time()
        await happen(market, "o-stream", 2, "order.paid")
        second = await events(lines, 1)
        waited = asyncio.get_running_loop().time() - began

    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert first[0]["event"] == "order.placed"
    assert second[0]["event"] == "order.paid"
    assert waited < 1.5, "it was found by looking, not by the wake-up call"


async def test_a_reader_who_comes_back_misses_and_repeats_nothing(
    market: Market, address: str
) -> None:
    """A phone loses its connection every few minutes."""
    for version, kind in enumerate(("order.placed", "order.paid", "order.shipped"), 1):
        await happen(market, "o-resume", version, kind)
    token = market.issuer.mint(Role.BUYER, "b-1")
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    path = "/v1/orders/o-resume/timeline"
    async with httpx2.AsyncClient(base_url=address, headers=headers) as http:
        async with http.stream("GET", path) as stream:
            (first,) = await events(stream.aiter_lines(), 1)
        async with http.stream("GET", path, headers={"Last-Event-ID": first["id"]}) as stream:
            rest = await events(stream.aiter_lines(), 2)

    assert [event["event"] for event in rest] == ["order.paid", "order.shipped"]


async def test_without_wake_up_calls_the_stream_still_goes_on(market: Market, address: str) -> None:
    """The listening connection may die: then everybody looks every two seconds."""
    await happen(market, "o-deaf", 1, "order.placed")
    token = market.issuer.mint(Role.BUYER, "b-1")
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with (
        httpx2.AsyncClient(base_url=address, headers=headers) as http,
        http.stream("GET", "/v1/orders/o-deaf/timeline") as stream,
    ):
        lines = stream.aiter_lines()
        await events(lines, 1)
        await market.services.wakeups.close()
        await happen(market, "o-deaf", 2, "order.paid")
        found = await events(lines, 1)

    assert found[0]["event"] == "order.paid"
