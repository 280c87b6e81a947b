"""One PostgreSQL and one Temporal for a whole test run, wherever they were started."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from runtime.child import free_port
from runtime.embedded import LocalPostgres, LocalTemporal


@dataclass(frozen=True)
class Whereabouts:
    """Where the shared servers are; travels to the workers as plain data."""

    folder: str
    postgres_port: int
    temporal_port: int
    metrics_port: int


class SharedServers:
    """The servers of one test run, each started when it is first wanted."""

    def __init__(self, folder: Path, postgres: LocalPostgres, temporal: LocalTemporal) -> None:
        self.folder = folder
        self.postgres = postgres
        self.temporal = temporal
        self._started: set[str] = set()

    @classmethod
    def of_our_own(cls) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="caravan-tests-", dir="/var/tmp"))
        folder.chmod(0o755)  # Run as root, the database server is another account.
        return cls(
            folder,
            LocalPostgres(folder / "postgres", durable=False),
            LocalTemporal(logs=folder, metrics_port=free_port(), time_skipping=True),
        )

    @classmethod
    def at(cls, place: Whereabouts) -> Self:
        folder = Path(place.folder)
        servers = cls(
            folder,
            LocalPostgres(folder / "postgres", port=place.postgres_port, durable=False),
            LocalTemporal(
                logs=folder,
                port=place.temporal_port,
                metrics_port=place.metrics_port,
                time_skipping=True,
            ),
        )
        servers._started |= {"postgres", "temporal"}
        return servers

    def whereabouts(self) -> Whereabouts:
        measured = self.temporal.metrics_port or 0
        return Whereabouts(str(self.folder), self.postgres.port, self.temporal.port, measured)

    async def started_postgres(self) -> LocalPostgres:
        if "postgres" not in self._started:
            await self.postgres.start()
            self._started.add("postgres")
        return self.postgres

    async def started_temporal(self) -> LocalTemporal:
        if "temporal" not in self._started:
            await self.temporal.start()
            self._started.add("temporal")
        return self.temporal

    async def start_all(self) -> None:
        await asyncio.gather(self.started_postgres(), self.started_temporal())

    async def stop(self) -> None:
        await asyncio.gather(self.postgres.stop(), self.temporal.stop())
        shutil.rmtree(self.folder, ignore_errors=True)
