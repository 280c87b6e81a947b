"""The scanner of files, over clamd's own protocol: clean, found, away, too much."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.errors import Rejected, Unavailable
from adapters.files.scanner import Clamd, NoScanner, scanner_at
from runtime.child import free_port
from tests.support.malware import MALWARE
from tests.support.sandbox import SandboxPlace

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def clamd(place: SandboxPlace) -> Clamd:
    """The sandbox's scanner."""
    return Clamd("127.0.0.1", place.scanner_port)


async def test_a_clean_file_is_clean_however_large_it_is(clamd: Clamd) -> None:
    """Sent in parts; also one that is empty, and the largest that is taken as evidence."""
    for content in (b"", b"\x89PNG", b"\0" * 10 * 1024 * 1024):
        assert await clamd.found(content) == ""


@pytest.mark.case(38)
async def test_malware_is_found_wherever_it_is(clamd: Clamd) -> None:
    """By the scanner's own name for it, also across two parts of the stream."""
    for before in (0, 64 * 1024 - 20):
        assert await clamd.found(b"\0" * before + MALWARE) == "Eicar-Test-Signature"


async def test_files_are_looked_at_side_by_side(clamd: Clamd) -> None:
    """Each has a connection of its own, and its own answer."""
    found = await asyncio.gather(*(clamd.found(MALWARE if n % 2 else b"x") for n in range(12)))

    assert [bool(one) for one in found] == [bool(n % 2) for n in range(12)]


async def test_a_scanner_that_is_away_is_an_outage() -> None:
    """Nothing is taken unseen because nobody could look."""
    with pytest.raises(Unavailable):
        await Clamd("127.0.0.1", free_port()).found(b"x")


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\0")
    writer.close()


async def _babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\0")
    writer.write(b"UNKNOWN COMMAND\0")
    await writer.drain()
    await reader.read()
    writer.close()


@pytest.mark.parametrize("answering", [_hangs, _ends, _babbles])
async def test_no_word_of_it_is_an_outage(answering: Answering) -> None:
    """It hangs, is cut off, or says something else: never "clean"."""
    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable):
        await Clamd("127.0.0.1", port, timeout_seconds=0.3).found(b"x" * 200_000)
    server.close()


async def test_what_it_never_looks_at_is_a_final_no(clamd: Clamd) -> None:
    """A daemon with a smaller limit than ours is a mistake of the deployment."""
    with pytest.raises(Rejected, match="StreamMaxLength"):
        await clamd.found(b"\0" * 26 * 1024 * 1024)


def test_a_place_that_is_no_scanner_is_said_at_the_start() -> None:
    """Not with the first file of a customer's."""
    assert isinstance(scanner_at(""), NoScanner)
    assert isinstance(scanner_at("clamd://scanner"), Clamd)
    for place in ("http://scanner:3310", "clamd:", "scanner"):
        with pytest.raises(ValueError, match="is no scanner"):
            scanner_at(place)
