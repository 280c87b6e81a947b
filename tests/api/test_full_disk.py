"""The database has no room left: callers are put off, and what was accepted stays."""

import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from runtime.embedded import LocalPostgres
from tests.support.market import Market, Person, a_seller, open_market
from tests.support.stack import migrate
from tests.support.up import folder

_ROOM: Final = "192m"
_MOST: Final = 2_000


@pytest.fixture
def small_disk() -> Generator[Path]:
    """A disk that is soon full. Only an account that may mount one has it."""
    with folder() as place:
        options = ["-t", "tmpfs", "-o", f"size={_ROOM},mode=755", "none", str(place)]
        try:
            subprocess.run(["mount", *options], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this account may not mount a disk")
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
async def cramped(small_disk: Path, tmp_path: Path) -> AsyncGenerator[Market]:
    """An API whose database lives on the small disk."""
    async with LocalPostgres(small_disk / "postgres", durable=False) as postgres:
        url = await postgres.create_database("cramped")
        await migrate(url)
        async with open_market(url, tmp_path) as market:
            yield market


def _filled(disk: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 65_536)
    return ballast


async def _until_full(service: Person) -> tuple[list[str], int, str]:
    """Register sellers until one is put off; those on record, and the answer to the last."""
    known: list[str] = []
    for number in range(_MOST):
        seller = f"s-{number}"
        answer = await service.post("/v1/sellers", a_seller(seller), f"register {seller}")
        if answer.status_code != 201:
            return known, answer.status_code, answer.headers.get("Retry-After", "")
        known.append(seller)
    raise AssertionError("there is room without end")


@pytest.mark.case(69)
async def test_a_full_disk_puts_callers_off_and_loses_nothing(
    cramped: Market, small_disk: Path
) -> None:
    """Somebody makes room in an hour: until then it is an outage, and no mistake of ours."""
    service = await cramped.service()
    ballast = _filled(small_disk)
    known, status, wait = await _until_full(service)
    ballast.unlink()
    last = f"s-{len(known)}"
    again = await service.post("/v1/sellers", a_seller(last), f"register {last}")
    lost = [
        seller
        for seller in [*known, last]
        if (await service.get(f"/v1/sellers/{seller}")).status_code != 200
    ]

    assert (status, wait.isdigit()) == (503, True)
    assert again.status_code == 201
    assert lost == []
