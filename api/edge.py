"""The outermost layer: a name for every request, the access log, metrics, no text of a defect."""

import asyncio
import re
import time
import uuid
from typing import Final

import structlog
from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import KINDS, Problem, response
from domain.dispute.evidence import LARGEST

HEADER: Final = "Request-Id"
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET: Final = frozenset({"/livez", "/readyz", "/metrics"})
# A method may be any word that a stranger likes, and each would be a figure of its own for ever.
_COUNTED: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_WITH_BODY: Final = frozenset({"POST", "PATCH", "PUT"})
_LARGEST_BODY: Final = 256 * 1024
_UPLOAD: Final = re.compile(r"/(v1|console)/disputes/[^/]+/evidence")
# What a form has around its file.
_FORM_AROUND: Final = 64 * 1024
_SECONDS: Final = Histogram(
    "caravan_http_seconds", "Time to answer a request", ["method", "route", "status"]
)

log = structlog.get_logger(__name__)


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        """Let *app* answer."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the request, let it be answered, and say how that went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        name = _name(request.headers.get(HEADER, ""))
        scope["request_id"] = name
        answer = _Answer(send, name)
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=name):
            try:
                await self._answered(request, answer)
            finally:
                _account(scope, answer.status, time.perf_counter() - began)

    async def _answered(self, request: Request, answer: "_Answer") -> None:
        if not is_upload(request.url.path) and not _is_json(request):
            await _say(request, answer, "media-type-unsupported")
            return
        try:
            most = _most(request.url.path)
            await self._app(request.scope, _limited(request.receive, most), answer)
        except ClientDisconnect:
            # Whoever asked has gone in the middle of asking: nobody is there to be answered.
            log.info("request.abandoned", path=request.scope["path"])
        except asyncio.CancelledError:
            # The server ends and waits no longer. Whoever asked may ask the next one, which is
            # what an answer tells them that is no mistake of ours.
            log.warning("request.cut_off", path=request.scope["path"])
            if answer.status:
                raise
            await _say(request, answer, "unavailable")
        except Exception:
            log.exception("request.failed", path=request.scope["path"])
            if answer.status:
                raise
            await _say(request, answer, "internal-error")


async def _say(request: Request, answer: Send, kind: str) -> None:
    problem = response(request, Problem(kind, KINDS[kind].help))
    await problem(request.scope, request.receive, answer)


class _Answer:
    """Passes an answer on, with the request's name in its headers."""

    def __init__(self, send: Send, name: str) -> None:
        self._send = send
        self._name = name
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [(HEADER.lower().encode(), self._name.encode())]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        await self._send(message)


def is_upload(path: str) -> bool:
    """Whether a file is sent there, as it is."""
    return _UPLOAD.fullmatch(path) is not None


def _most(path: str) -> int:
    """How much is taken there, in bytes."""
    if not is_upload(path):
        return _LARGEST_BODY
    return LARGEST if path.startswith("/v1/") else LARGEST + _FORM_AROUND


def _limited(receive: Receive, most: int) -> Receive:
    """The same body, cut off with a problem (413) where it is too large."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise HTTPException(413)
        return message

    return limited


def _name(given: str) -> str:
    return given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex


def _is_json(request: Request) -> bool:
    """Whether a body that we would read as JSON says that it is."""
    if request.method not in _WITH_BODY or not request.url.path.startswith("/v1/"):
        return True
    length = request.headers.get("content-length")
    is_empty = length == "0" or (length is None and "transfer-encoding" not in request.headers)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return is_empty or kind == "application/json"


def _account(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")
    method = scope["method"] if scope["method"] in _COUNTED else "other"
    _SECONDS.labels(method, route, str(status)).observe(seconds)
    if route not in _QUIET:
        log.info(
            "http.answered",
            method=scope["method"],
            route=route,
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            caller=str(scope.get("caller", "")),
        )
