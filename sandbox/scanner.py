"""The scanner of files: speaks clamd's protocol, and knows the one file that is a test."""

import asyncio
import contextlib
import socket
import struct
from typing import Final

# The industry's own test file, kept here in two parts: whole, it would be found in this source.
_TEST_FILE: Final = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_LARGEST: Final = 25 * 1024 * 1024


class TooLarge(Exception):
    """More than is ever looked at."""


async def serve(listening: socket.socket) -> asyncio.Server:
    """Answer on a socket that listens already."""
    return await asyncio.start_server(_answer, sock=listening)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.write(await _said(reader) + b"\0")
        await writer.drain()
    writer.close()


async def _said(reader: asyncio.StreamReader) -> bytes:
    asked = (await reader.readuntil(b"\0")).rstrip(b"\0")
    if asked == b"zPING":
        return b"PONG"
    if asked != b"zINSTREAM":
        return b"UNKNOWN COMMAND"
    try:
        content = await _content(reader)
    except TooLarge:
        return b"INSTREAM size limit exceeded. ERROR"
    return b"stream: Eicar-Test-Signature FOUND" if _TEST_FILE in content else b"stream: OK"


async def _content(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while size := struct.unpack(">I", await reader.readexactly(4))[0]:
        if len(content) + size > _LARGEST:
            raise TooLarge
        content += await reader.readexactly(size)
    return content
