"""PostgreSQL and Temporal on this machine, from the packages that pip installed.

Both end when they are left, and cannot outlive the process that started them (`runtime.guard`).
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

import asyncpg
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from runtime.binaries import postgres_binaries, reachable_place, temporal_binary, unprivileged
from runtime.child import LOOPBACK, Child, Program, StackError, accepts, free_port

_SUPERUSER = "postgres"
_START_WITHIN = 30.0
_STOP_WITHIN = 20.0

_ALWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_connections": "200",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "log_checkpoints": "off",
    }
)
# A test's database need not outlive the machine's power.
_CARELESS: Final[Mapping[str, str]] = MappingProxyType(
    {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)


class LocalPostgres:
    """A PostgreSQL server of our own, with a password, on the loopback address.

    PostgreSQL refuses to run as root. Started by root, it runs as `nobody`, and what `nobody`
    cannot reach (a project in root's home) is kept under `/var/lib/caravan` instead; the
    permissions of folders above the data are never changed.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, durable: bool = True) -> None:
        self._account = unprivileged() if os.geteuid() == 0 else None
        self.data_dir = reachable_place(data_dir.resolve(), self._account)
        self.port = port or free_port()
        self._settings = {**_ALWAYS, **({} if durable else _CARELESS), "port": str(self.port)}
        self._durable = durable
        self._child: Child | None = None

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of *database* for the asyncpg driver, password included."""
        return (
            f"postgresql+asyncpg://{_SUPERUSER}:{self._password()}"
            f"@{LOOPBACK}:{self.port}/{database}"
        )

    @property
    def child(self) -> Child:
        """The running server. Raise `StackError` before the start."""
        if self._child is None:
            raise StackError("PostgreSQL has not been started.")
        return self._child

    async def start(self) -> None:
        """Make the data folder if there is none, start the server and wait until it answers."""
        binaries = postgres_binaries(self._account)
        if not (self.data_dir / "data" / "PG_VERSION").exists():
            self._initialise(binaries)
        settings = [part for item in self._settings.items() for part in ("-c", "=".join(item))]
        self._child = Child(
            Program(
                name="PostgreSQL",
                command=[binaries / "postgres", "-D", self.data_dir / "data", *settings],
                log=self.data_dir / "postgres.log",
                run_as=self._account,
                stop_signal=signal.SIGINT,  # "fast": sessions are ended, the books closed
            )
        )
        try:
            await self._child.ready(self._is_ready, _START_WITHIN)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(_STOP_WITHIN)

    async def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of *template* if one is named, and return its URL."""
        copied = f' TEMPLATE "{template}"' if template else ""
        await self.execute(f'CREATE DATABASE "{name}"{copied}')
        return self.url(name)

    async def ensure_database(self, name: str) -> str:
        """Return the URL of a database, which is created where it does not exist."""
        try:
            return await self.create_database(name)
        except asyncpg.DuplicateDatabaseError:
            return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions that still use it."""
        await self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def execute(self, statement: str) -> None:
        """Run one statement as superuser, outside any transaction."""
        connection = await asyncpg.connect(self.url().replace("+asyncpg", ""))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _password(self) -> str:
        return (self.data_dir / "password").read_text().strip()

    async def _is_ready(self) -> bool:
        # The server writes its state there, which spares failed logins in its log.
        try:
            lines = (self.data_dir / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.child.pid)] and lines[-1].strip() == "ready"

    def _initialise(self, binaries: Path) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        password, making = self.data_dir / "password", self.data_dir / "data.new"
        shutil.rmtree(making, ignore_errors=True)  # A start that was cut short.
        making.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        if self._account:
            for path in (password, making):
                os.chown(path, self._account.uid, self._account.gid)
        options: list[str | Path] = [
            "--username",
            _SUPERUSER,
            "--pwfile",
            password,
            "--auth",
            "scram-sha-256",
        ]
        # A random password needs no stretching, and each connection is 5 ms quicker without.
        options += ["--encoding", "UTF8", "--no-locale", "--set", "scram_iterations=1"]
        options += [] if self._durable else ["--no-sync"]
        self._run(binaries / "initdb", "-D", making, *options)
        making.rename(self.data_dir / "data")

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode:
            raise StackError(f"PostgreSQL could not make its data folder:\n{done.stderr.strip()}")


class LocalTemporal:
    """Temporal's development server, quick on two cores (transfer queue and WAL set so).

    Without a *data_dir* it keeps its store in memory. With *time_skipping*, processes may have
    clocks of their own that can be moved on (temporalio's `start_time_skipping_v2` mode).
    """

    namespace: Final = "default"

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        logs: Path,
        port: int | None = None,
        ui_port: int | None = None,
        metrics_port: int | None = None,
        codec_endpoint: str | None = None,
        time_skipping: bool = False,
    ) -> None:
        self.port = port or free_port()
        self.ui_port = ui_port
        self.metrics_port = metrics_port
        self._data_dir = data_dir
        self._logs = logs
        self._codec_endpoint = codec_endpoint
        self._time_skipping = time_skipping
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """What a client connects to."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def child(self) -> Child:
        """The running server. Raise `StackError` before the start."""
        if self._child is None:
            raise StackError("Temporal has not been started.")
        return self._child

    async def start(self) -> None:
        """Start the server, and wait until its namespace takes calls."""
        if self._data_dir is not None:
            self._data_dir.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            Program(
                name="Temporal",
                command=[temporal_binary(), "server", "start-dev", *self._flags()],
                log=self._logs / "temporal.log",
                env={
                    **os.environ,
                    "HOME": str(self._logs),  # No profile of the person's changes the server.
                    "TEMPORAL_VERSION_CHECK_DISABLED": "1",
                },
            )
        )
        try:
            await self._child.ready(self._is_ready, _START_WITHIN)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(_STOP_WITHIN)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _is_ready(self) -> bool:
        if not await accepts(self.port):
            return False
        try:
            client = await Client.connect(self.address)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=self.namespace)
            )
        except (RPCError, RuntimeError):
            return False
        return True

    def _flags(self) -> list[str]:
        flags = ["--ip", LOOPBACK, "--port", str(self.port), "--log-level", "warn"]
        if self.ui_port is None:
            flags.append("--headless")
        else:
            flags += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        if self.metrics_port is not None:
            flags += ["--metrics-port", str(self.metrics_port)]
        if self._codec_endpoint:
            flags += ["--ui-codec-endpoint", self._codec_endpoint]
        if self._data_dir is not None:
            flags += ["--db-filename", str(self._data_dir / "temporal.db")]
            flags += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
        for setting in dynamic_config(time_skipping=self._time_skipping).items():
            flags += ["--dynamic-config-value", "=".join(setting)]
        return flags


def dynamic_config(*, time_skipping: bool) -> dict[str, str]:
    """Return the server settings (key to JSON) that make the development server quick."""
    settings = {
        # The default of 20 a second adds 50 ms to each step of a process.
        "history.transferProcessorMaxPollRPS": "2000",
        "history.timerProcessorMaxPollRPS": "2000",
        "history.visibilityProcessorMaxPollRPS": "2000",
        "history.enableSignalWithStartFromWorkflow": "true",
        "frontend.namespaceRPS": "20000",
    }
    if time_skipping:
        settings |= {
            "frontend.WorkflowTimeSkippingEnabled": "true",
            # After five minutes the server would end each connection; the client repeats a call
            # that was cut off by it, and a clock that is told twice to skip skips twice.
            "frontend.keepAliveMaxConnectionAge": '"24h"',
            # Lets a clock move in milliseconds rather than seconds.
            "history.timerProcessorMaxTimeShift": '"0ms"',
            "history.workflowIdReuseMinimalInterval": '"0s"',
        }
    return settings
