"""`caravan up`: the whole stack on this machine, in the foreground."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.first_endpoint import register_first_endpoint
from cli.first_seller import register_first_seller
from cli.home import Home, Secrets
from cli.ports import Ports
from cli.say import console, in_sentences
from cli.supervisor import Service, Supervisor
from cli.surroundings import (
    codec_endpoint,
    environment,
    local_settings,
    remember,
    sandbox_settings,
)
from cli.welcome import welcome
from runtime.child import Child, Program
from runtime.embedded import LocalPostgres, LocalTemporal
from runtime.health import answers

_DATABASE = "caravan"
_MIGRATE_WITHIN = 120
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@in_sentences
def up(
    data: Annotated[Path, typer.Option(help="Where data, logs and secrets are kept.")] = Path(
        ".caravan"
    ),
    port_offset: Annotated[int, typer.Option(help="Added to every port.", min=0, max=10_000)] = 0,
) -> None:
    """Run the whole stack in the foreground; Ctrl-C ends it, and the data stay.

    PostgreSQL is embedded, unless DATABASE_URL names another.
    """
    home, ports = Home(data.resolve()), Ports.shifted(port_offset)
    own_database = os.environ.get("DATABASE_URL")
    secrets = home.prepare()
    with home.owned():
        ports.require_free(without_postgres=own_database is not None)
        asyncio.run(_Stack(home, ports, secrets, own_database).run())


@dataclass(frozen=True)
class _Stack:
    home: Home
    ports: Ports
    secrets: Secrets
    own_database: str | None

    async def run(self) -> None:
        begun = time.monotonic()
        supervisor = Supervisor(lambda sentence: console.print(sentence, markup=False))
        supervisor.end_on(*_ENDINGS)
        console.print(f"Starting Caravan; data and logs are in {self.home.path}", markup=False)
        try:
            if await self._start(supervisor):
                welcome(self.home, self.ports, time.monotonic() - begun)
                await supervisor.keep()
        finally:
            console.print("Stopping ...")
            await supervisor.stop()
        console.print("Stopped. The data stay; `make up` continues where it stood.")

    async def _start(self, supervisor: Supervisor) -> bool:
        """Start everything in the order of who needs whom; False if told to end meanwhile."""
        postgres = LocalPostgres(self.home.path / "postgres", port=self.ports.postgres)
        temporal = ("Temporal", self._temporal())
        sandbox = ("The sandbox world", self._sandbox())
        if self.own_database:
            on_the_way = await supervisor.start(temporal, sandbox)
        else:
            on_the_way = await supervisor.start(("PostgreSQL", postgres), temporal, sandbox)
        if not on_the_way:
            return False
        if not self.own_database and postgres.data_dir != self.home.path / "postgres":
            console.print(f"PostgreSQL keeps its data in {postgres.data_dir}", markup=False)
        url = self.own_database or await postgres.ensure_database(_DATABASE)
        settings = local_settings(self.home, self.ports, self.secrets, url)
        remember(self.home, settings)
        env = environment(settings)
        await self._migrate(env)
        if not await supervisor.start(*self._services(env)):
            return False
        await register_first_seller(self.home, self.ports, self.secrets)
        await register_first_endpoint(self.home, self.ports)
        return True

    def _services(self, env: dict[str, str]) -> list[tuple[str, Service]]:
        worker = Path(__file__).parents[1] / "worker.py"
        programs = {
            "The API": (["-m", "api"], self.ports.api),
            "The worker": ([str(worker)], self.ports.worker_health),
            "The relay": (["-m", "runtime.relay"], self.ports.relay_health),
        }
        return [
            (name, self._service(name, arguments, port, "/readyz", env))
            for name, (arguments, port) in programs.items()
        ]

    def _temporal(self) -> LocalTemporal:
        return LocalTemporal(
            self.home.path / "temporal",
            logs=self.home.logs,
            port=self.ports.temporal,
            ui_port=self.ports.temporal_ui,
            codec_endpoint=codec_endpoint(self.ports, self.secrets),
        )

    def _sandbox(self) -> Service:
        env = {**os.environ, **sandbox_settings(self.home, self.ports, self.secrets)}
        return self._service("The sandbox", ["-m", "sandbox"], self.ports.sandbox, "/livez", env)

    def _service(
        self, name: str, arguments: list[str], port: int, path: str, env: dict[str, str]
    ) -> Service:
        log = self.home.logs / f"{name.rsplit(maxsplit=1)[-1].lower()}.log"
        program = Program(name, [sys.executable, *arguments], log, env)
        return Service(program, lambda: answers(port, path))

    async def _migrate(self, env: dict[str, str]) -> None:
        migration = Child(
            Program(
                "The migration of the database",
                [sys.executable, "-m", "persistence.migrate"],
                self.home.logs / "migrate.log",
                env,
            )
        )
        try:
            await migration.done(_MIGRATE_WITHIN)
        finally:
            await migration.stop()
