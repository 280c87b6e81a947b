"""The servers of a trace, in a temporary folder that goes when they go."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from persistence.migrate import migrate
from runtime.child import LOOPBACK, Child, Program, free_port
from runtime.embedded import LocalPostgres, LocalTemporal
from runtime.health import answers

_TEMPLATE: Final = "template_trace"
_START_WITHIN: Final = 30


class Servers:
    """PostgreSQL for all the worlds of a trace; each world has Temporal and a sandbox besides."""

    def __init__(self, folder: Path, postgres: LocalPostgres) -> None:
        """Keep everything in *folder*."""
        self.folder = folder
        self._postgres = postgres
        self._worlds = 0

    def name_for_world(self) -> str:
        """A name that no other world of these servers has: two policies may be called the same."""
        self._worlds += 1
        return f"world_{self._worlds}"

    async def prepare(self) -> None:
        """Make the tables once, to be copied for each world."""
        url = await self._postgres.create_database(_TEMPLATE)
        await asyncio.to_thread(migrate, url)

    async def database(self, name: str) -> str:
        """The URL of a new database with all tables."""
        return await self._postgres.create_database(name, _TEMPLATE)

    @asynccontextmanager
    async def temporal(self, name: str) -> AsyncGenerator[str]:
        """A Temporal whose clocks can be moved; gives its address."""
        async with LocalTemporal(logs=self.folder / name, time_skipping=True) as running:
            yield running.address

    @asynccontextmanager
    async def sandbox(self, name: str) -> AsyncGenerator[str]:
        """A sandbox world with books of its own; gives its address."""
        port = free_port()
        folder = self.folder / name / "sandbox"
        named = {"PORT": str(port), "SMTP_PORT": str(free_port()), "DATA": str(folder)}
        named["SCANNER_PORT"] = str(free_port())
        told = {f"SANDBOX_{key}": value for key, value in named.items()}
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "sandbox"]
        child = Child(
            Program("The sandbox world", command, folder / "sandbox.log", {**os.environ, **told})
        )
        try:
            await child.ready(lambda: answers(port, "/livez"), _START_WITHIN)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            await child.stop()


@asynccontextmanager
async def servers() -> AsyncGenerator[Servers]:
    """Start PostgreSQL and prepare its tables; at the end nothing is left, on disk or running."""
    folder = await asyncio.to_thread(_new_folder)
    postgres = LocalPostgres(folder / "postgres", durable=False)
    try:
        async with postgres:
            started = Servers(folder, postgres)
            await started.prepare()
            yield started
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if not postgres.data_dir.is_relative_to(folder):
            await asyncio.to_thread(shutil.rmtree, postgres.data_dir, ignore_errors=True)


def _new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="caravan-trace-"))
    folder.chmod(0o755)  # Run as root, the database server is another account.
    return folder
