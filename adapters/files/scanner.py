"""What looks into strangers' files before they are kept: clamd, or nobody."""

import asyncio
import struct
from typing import Final, Protocol
from urllib.parse import urlsplit

from adapters.errors import Rejected, Unavailable

_NAME: Final = "clamd"
_AT_ONCE: Final = 64 * 1024
_PORT: Final = 3310
# A file of ten megabytes takes the scanner a second or two; a film unpacked in it, more.
_TIMEOUT_SECONDS: Final = 30.0
_CLEAN: Final = "OK"
_FOUND: Final = " FOUND"


class Scanner(Protocol):
    """Looks for malware. The contract is asked in `tests/adapters/test_scanner.py`."""

    async def found(self, content: bytes) -> str:
        """What is in *content*, by the scanner's own name for it; "" for nothing.

        Raises `Unavailable` where nobody could look, and `Rejected` what it will never look at.
        """
        ...


class NoScanner:
    """Nobody looks: for a deployment whose store of files scans by itself."""

    async def found(self, content: bytes) -> str:
        """Nothing, unseen."""
        del content
        return ""


class Clamd:
    """ClamAV's daemon, over its own protocol (`INSTREAM`): one connection for one file.

    Source: the manual of clamd(8), "COMMANDS".
    """

    def __init__(self, host: str, port: int, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        """Ask the daemon at *host* and *port*, and wait for its word no longer than that."""
        self._host, self._port, self._timeout = host, port, timeout_seconds

    async def found(self, content: bytes) -> str:
        """As the port has it."""
        try:
            async with asyncio.timeout(self._timeout):
                said = await self._asked(content)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unavailable(_NAME, f"no word of it: {type(error).__name__}") from error
        word = said.removeprefix("stream: ")
        if word == _CLEAN:
            return ""
        if word.endswith(_FOUND):
            return word.removesuffix(_FOUND)
        if "size limit" in word:
            raise Rejected(_NAME, "size_limit", "its StreamMaxLength is below ours")
        raise Unavailable(_NAME, "an answer that it should not give")

    async def _asked(self, content: bytes) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(b"zINSTREAM\0")
            for begin in range(0, len(content), _AT_ONCE):
                part = content[begin : begin + _AT_ONCE]
                writer.write(struct.pack(">I", len(part)) + part)
                await writer.drain()
            writer.write(struct.pack(">I", 0))
            await writer.drain()
            said = await reader.readuntil(b"\0")
        finally:
            writer.close()
        return said.rstrip(b"\0").decode("utf-8", "replace")


def scanner_at(place: str) -> Scanner:
    """The scanner at `clamd://host:port`; nobody at "". Raises `ValueError` for any other place."""
    if not place:
        return NoScanner()
    parts = urlsplit(place)
    if parts.scheme != _NAME or not parts.hostname:
        raise ValueError(f"{place} is no scanner: write clamd://host:{_PORT}, or nothing")
    return Clamd(parts.hostname, parts.port or _PORT)
