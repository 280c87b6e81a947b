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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
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


async def before(request: Request, struck: Iterable[Fault]) -> Response | Fault | None:
    """Suffer the faults that come before the effect.

    Returns an answer that ends the request, an `error` for the provider to put into its own
    envelope, or None where the request goes on.
    """
    for fault in struck:
        match fault.kind:
            case "delay":
                await asyncio.sleep(fault.seconds)
            case "hang_before_effect":
                return await hold(request, fault.seconds)
            case "connection_reset":
                return drop(request)
            case "error":
                return fault
            case _:
                pass
    return None


async def after(request: Request, struck: Iterable[Fault], answer: Response) -> Response:
    """Suffer the faults that come once the effect is committed."""
    for fault in struck:
        match fault.kind:
            case "timeout_after_effect":
                return await hold(request, fault.seconds)
            case "reset_after_effect":
                return drop(request)
            case _:
                pass
    return answer
