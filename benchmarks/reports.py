"""Workers tell the driver which steps they have done: a line each, over one connection."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from benchmarks.board import Board, Note
from runtime.child import LOOPBACK


class Listener:
    """Where workers report to."""

    def __init__(self) -> None:
        """Begin with an empty board and nobody connected."""
        self.board = Board()
        self.connected = 0
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator["Listener"]:
        """Listen on a port of the loopback address."""
        listener = cls()
        server = await asyncio.start_server(listener._hear, LOOPBACK, 0)
        listener.port = server.sockets[0].getsockname()[1]
        async with server:
            yield listener

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        while line := await reader.readline():
            process, step = line.decode().rstrip("\n").split("\t")
            self.board.note(process, step)
        writer.close()


async def note_to(port: int) -> Note:
    """A way to report to the listener on *port*; nobody waits for it to be heard."""
    _, writer = await asyncio.open_connection(LOOPBACK, port)

    def note(process: str, step: str) -> None:
        writer.write(f"{process}\t{step}\n".encode())

    return note
