"""A small HTTP responder for processes that serve nothing else: alive, ready, metrics.

`python -m runtime.health PORT PATH` asks one, and ends with 0 if it answers: what a container
engine calls a health check, from an image that has no other HTTP client.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_PATIENCE = 5.0
_REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


@asynccontextmanager
async def health_server(
    port: int | None, is_ready: Callable[[], bool], host: str = "127.0.0.1"
) -> AsyncGenerator[None]:
    """Serve `/livez`, `/readyz` and `/metrics` while inside; nothing if *port* is None.

    *is_ready* is asked at each `/readyz` and must answer at once.
    """
    if port is None:
        yield
        return
    answer = _Responder(is_ready)
    server = await asyncio.start_server(answer, host, port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def answers(port: int, path: str) -> bool:
    """Say whether a GET of *path* on the loopback address is answered with 200 in a second."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (TimeoutError, OSError):
        return False


class _Responder:
    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(_path(request)))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # The prober went away, or is no prober.
        finally:
            writer.close()

    def _response(self, path: str) -> bytes:
        status, kind, body = self._answer(path)
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/livez":
                return 200, "text/plain", b"alive\n"
            case "/readyz":
                ready = self._is_ready()
                return (200, "text/plain", b"ready\n") if ready else _NOT_READY
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case _:
                return 404, "text/plain", b"/livez /readyz /metrics\n"


_NOT_READY = (503, "text/plain", b"not ready\n")


def _path(request: bytes) -> str:
    words = request.split(b"\r\n", 1)[0].decode("latin-1").split()
    return words[1].split("?")[0] if len(words) > 1 else ""


def _main() -> int:
    try:
        port, path = int(sys.argv[1]), sys.argv[2]
    except (IndexError, ValueError):
        sys.stderr.write("Name the port and the path: python -m runtime.health 8080 /readyz\n")
        return 2
    return 0 if asyncio.run(answers(port, path)) else 1


if __name__ == "__main__":
    sys.exit(_main())
