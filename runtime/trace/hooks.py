"""The edge of a trace: webhooks come in over HTTP, and go to the intake as everywhere."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.errors import NotGenuine
from runtime.child import LOOPBACK
from runtime.intake import Intake

_KEPT: Final = 204
_NOT_GENUINE: Final = 400


class _Quiet(uvicorn.Server):
    """Leaves signals to the program that it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextlib.asynccontextmanager
async def hooks(intake: Intake) -> AsyncGenerator[str]:
    """Serve `/webhooks/stripe` and `/webhooks/easypost` while inside; gives their address."""
    # Named protocol: only then does the event loop send answers without delay.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind((LOOPBACK, 0))
    listening.listen(512)
    config = uvicorn.Config(
        _application(intake), log_config=None, access_log=False, lifespan="off", ws="none"
    )
    server = _Quiet(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}/webhooks"
    finally:
        server.should_exit = True
        await serving


def _application(intake: Intake) -> Starlette:
    async def payment(request: Request) -> Response:
        try:
            await intake.payment(request.headers, await request.body())
        except NotGenuine as false:
            return Response(str(false), _NOT_GENUINE)
        return Response(status_code=_KEPT)

    async def tracking(request: Request) -> Response:
        try:
            await intake.tracking(request.headers, await request.body())
        except NotGenuine as false:
            return Response(str(false), _NOT_GENUINE)
        return Response(status_code=_KEPT)

    return Starlette(
        routes=[
            Route("/webhooks/stripe", payment, methods=["POST"]),
            Route("/webhooks/easypost", tracking, methods=["POST"]),
        ]
    )
