"""An API without Temporal for what needs none, and one with everything for what does."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from runtime.embedded import LocalPostgres, LocalTemporal
from tests.support.market import Market, a_seller, open_market
from tests.support.sandbox import SandboxProcess, SandboxWorld

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
async def market(
    postgres: LocalPostgres,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Market]:
    """An API whose Temporal is away, with two sellers."""
    name = f"market_{os.getpid()}_{request.path.stem}"
    url = await postgres.create_database(name, template_database)
    async with open_market(url, tmp_path_factory.mktemp("keys")) as opened:
        opened.clock.at = NOON
        service = await opened.service()
        for seller in ("s-1", "s-2"):
            answer = await service.post("/v1/sellers", a_seller(seller))
            assert answer.status_code == 201, answer.text
        yield opened
    await postgres.drop_database(name)


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxWorld]:
    """The outside world, with the hands that play it."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    await asyncio.to_thread(process.start)
    async with SandboxWorld(process.place) as world:
        yield world
    await asyncio.to_thread(process.stop)


@pytest.fixture(scope="module")
async def alive(
    postgres: LocalPostgres,
    temporal: LocalTemporal,
    template_database: str,
    sandbox: SandboxWorld,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Market]:
    """An API with Temporal, a worker and the sandbox behind it, and one seller."""
    name = f"alive_{os.getpid()}"
    url = await postgres.create_database(name, template_database)
    keys = tmp_path_factory.mktemp("keys")
    async with (
        open_market(url, keys, temporal.address, sandbox.place) as opened,
        opened.working(),
    ):
        service = await opened.service()
        account = await sandbox_account(sandbox)
        await service.post("/v1/sellers", a_seller("s-1", account=account))
        yield opened
    await postgres.drop_database(name)


async def sandbox_account(sandbox: SandboxWorld) -> str:
    """A connected account that can be paid."""
    made = await asyncio.to_thread(
        sandbox.place.stripe().v1.accounts.create, {"type": "custom", "country": "DE"}
    )
    return made.id
