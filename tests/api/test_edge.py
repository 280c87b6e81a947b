"""The outermost layer: what is said when nobody waits for the answer any more."""

import asyncio

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from api.edge import Edge

_APP = Starlette()
_APP.state.problem_base = "/problems"
_SCOPE: Scope = {
    "app": _APP,
    "type": "http",
    "method": "POST",
    "path": "/v1/orders",
    "query_string": b"",
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
    "route": None,
}


async def _nobody() -> Message:
    return {"type": "http.request", "body": b"{}"}


async def _cut_off(app: type["Slow"] | type["Begun"]) -> tuple[list[Message], asyncio.Task[None]]:
    """Ask, end the server in the middle of it, and see what was sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asked = asyncio.create_task(Edge(app())(dict(_SCOPE), _nobody, send))
    await asyncio.sleep(0.05)
    asked.cancel("timeout graceful shutdown exceeded")
    await asyncio.wait([asked])
    return sent, asked


class Slow:
    """Never done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await asyncio.Event().wait()


class Begun:
    """Has begun to answer, and is never done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()


async def test_a_request_that_a_restart_cuts_off_may_be_asked_again() -> None:
    """A 500 would tell the caller that it is no use: a refund would be asked for by nobody."""
    sent, asked = await _cut_off(Slow)

    assert not asked.cancelled()
    assert sent[0]["status"] == 503
    assert b"retry-after" in dict(sent[0]["headers"])


async def test_an_answer_that_has_begun_is_broken_off() -> None:
    """Half an answer must not look whole: the server closes the connection."""
    sent, asked = await _cut_off(Begun)

    assert asked.cancelled()
    assert [message["type"] for message in sent] == ["http.response.start"]


class Quick:
    """Says yes to everything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_a_made_up_method_makes_no_figure_of_its_own() -> None:
    """Whoever sends a new word a thousand times would fill the memory of whoever collects them."""

    async def drop(_: Message) -> None:
        return

    for number in range(3):
        await Edge(Quick())({**_SCOPE, "method": f"MADEUP{number}"}, _nobody, drop)
    figures = generate_latest().decode()

    assert "MADEUP" not in figures
    assert 'caravan_http_seconds_count{method="other",route="unknown",status="200"} 3.0' in figures
