"""Fixtures for the servers that tests share: one PostgreSQL, one Temporal, databases on demand.

Without xdist they start when a test first asks for them. With xdist the controlling process
starts them, and the workers are told where they are.
"""

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from runtime.embedded import LocalPostgres, LocalTemporal
from tests.support.databases import Databases
from tests.support.servers import SharedServers, Whereabouts

_TEMPLATE = "template_caravan"

FreshDatabase = Callable[[], Awaitable[str]]


@pytest.fixture(scope="session")
async def servers(request: pytest.FixtureRequest) -> AsyncIterator[SharedServers]:
    """The shared servers, wherever they were started."""
    told: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    if told is not None:
        yield SharedServers.at(Whereabouts(**told["servers"]))
        return
    own = SharedServers.of_our_own()
    yield own
    await own.stop()


@pytest.fixture(scope="session")
async def postgres(servers: SharedServers) -> LocalPostgres:
    """A running PostgreSQL without tables; `fresh_database` has them."""
    return await servers.started_postgres()


@pytest.fixture(scope="session")
async def temporal(servers: SharedServers) -> LocalTemporal:
    """A running Temporal that lets clocks be skipped.

    Connect with `Client.connect(temporal.address, data_converter=...)`; wrap the client in
    `temporalio.testing.TimeSkipper` to move a process's clock, or leave it bare for real time.
    """
    return await servers.started_temporal()


@pytest.fixture(scope="session")
async def template_database(servers: SharedServers, postgres: LocalPostgres) -> str:
    """The name of a database with all migrations applied, copied and never used itself."""
    with (servers.folder / "template.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        done = servers.folder / "template.done"
        if not done.exists():
            await migrate(await postgres.create_database(_TEMPLATE))
            done.touch()
    return _TEMPLATE


@pytest.fixture(scope="session")
async def databases(postgres: LocalPostgres, template_database: str) -> AsyncIterator[Databases]:
    """The databases that this process's tests use one after the other."""
    own = Databases(postgres, template_database)
    yield own
    await own.close()


@pytest.fixture
async def fresh_database(databases: Databases) -> AsyncIterator[FreshDatabase]:
    """A function that finds one more empty, migrated database and returns its URL."""
    lent: list[str] = []

    async def lend() -> str:
        lent.append(await databases.lend())
        return lent[-1]

    async with AsyncExitStack() as taken_back:
        yield lend
        for url in lent:
            taken_back.push_async_callback(databases.take_back, url)


@pytest.fixture
async def database_url(fresh_database: FreshDatabase) -> str:
    """The URL of an empty, migrated database of this test's own."""
    return await fresh_database()


async def migrate(url: str) -> None:
    migration = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "persistence.migrate"), env={**os.environ, "DATABASE_URL": url}
    )
    assert await migration.wait() == 0, "the migrations failed; their output is above"
