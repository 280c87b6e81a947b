"""Faults on the wire: what they do to a connection, and an HTTP protocol that lets them."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from typing import Final

from fastapi import Request, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.faults import Fault

_RESET: Final = struct.pack("ii", 1, 0)


class Protocol(H11Protocol):
    """Hands the connection itself to the request, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # so does the library itself
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def drop(request: Request) -> Response:
    """Break the connection without an answer. What is returned reaches nobody."""
    transport: asyncio.Transport = request.state.transport
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        # Linger of zero seconds: the peer sees a reset, not a polite end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
    return Response(status_code=500)


async def hold(request: Request, seconds: float) -> Response:
    """Say nothing for *seconds*, then break the connection."""
    await asyncio.sleep(seconds)
    return drop(request)


async def cut(request: Request, struck: Iterable[Fault]) -> Response | None:
    """Suffer the faults by which a request never reaches the provider."""
    for fault in struck:
        if fault.kind == "hang_before_effect":
            return await hold(request, fault.seconds)
        if fault.kind == "connection_reset":
            return drop(request)
    return None


async def delay(struck: Iterable[Fault]) -> None:
    """Let the provider take its time."""
    for fault in struck:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)


def named(struck: Iterable[Fault], kind: str) -> Fault | None:
    return next((fault for fault in struck if fault.kind == kind), None)


async def after(request: Request, struck: Iterable[Fault], answer: Response) -> Response:
    """Suffer the faults that come once the effect is committed."""
    for fault in struck:
        if fault.kind == "timeout_after_effect":
            return await hold(request, fault.seconds)
        if fault.kind == "reset_after_effect":
            return drop(request)
    return answer
