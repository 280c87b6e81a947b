"""A whole stack for measuring: each part a process of its own, nobody else on it."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
from sqlalchemy import text
from temporalio.client import Client

from benchmarks import lives, machine
from benchmarks.board import Board
from benchmarks.lives import Hands
from benchmarks.reports import Listener
from cli.home import Home, Secrets
from cli.ports import Ports
from cli.surroundings import local_settings, sandbox_settings
from persistence.engine import connect
from persistence.migrate import migrate
from persistence.vault import Vault
from runtime.child import LOOPBACK, Child, Program, free_port
from runtime.codec import data_converter
from runtime.embedded import LocalPostgres, LocalTemporal
from runtime.health import answers
from runtime.keyring import KeyRing
from runtime.temporal import register_search_attributes

_READY_WITHIN: Final = 60
_numbers: Final = itertools.count(1)


@dataclass
class Stack:
    """What runs, and the hands that play everybody around it."""

    home: Home
    ports: Ports
    secrets: Secrets
    env: Mapping[str, str]
    postgres: LocalPostgres
    temporal: LocalTemporal
    sandbox: Child
    hands: Hands
    listener: Listener
    parts: dict[str, list[Child]] = field(default_factory=dict[str, list[Child]])

    @property
    def board(self) -> Board:
        """What the workers have done."""
        return self.listener.board

    async def start(
        self, part: str, *arguments: str, port: int = 0, path: str = "/readyz"
    ) -> Child:
        """Start one more process of a part: `python -m ARGUMENTS`, ready when *port* says so."""
        log = self.home.logs / f"{part}-{next(_numbers)}.log"
        child = Child(Program(part, [sys.executable, "-m", *arguments], log, self.env))
        self.parts.setdefault(part, []).append(child)
        if port:
            await child.ready(lambda: answers(port, path), _READY_WITHIN)
        return child

    async def worker(
        self, kind: str = "order", queue: str = "caravan", profile: Path | None = None
    ) -> Child:
        """Start one more worker: of orders, or of the floor. It reports its steps to the board.

        When it ends, it leaves in *profile* what it spent its time on.
        """
        before = self.listener.connected
        wanted = [kind, queue, str(self.listener.port), *([str(profile)] if profile else [])]
        child = await self.start(f"{kind} worker", "benchmarks.worker", *wanted)

        async def is_there() -> bool:
            return self.listener.connected > before

        await child.ready(is_there, _READY_WITHIN)
        return child

    async def bare_client(self) -> Client:
        """A client that encrypts nothing."""
        return await Client.connect(self.temporal.address)

    async def stop(self, part: str) -> None:
        """End every process of a part."""
        for child in self.parts.pop(part, []):
            await child.stop()

    async def database_bytes(self) -> int:
        """What the database takes up on disk."""
        size = text("SELECT pg_database_size(current_database())")
        async with self.hands.engine.connect() as db:
            return int((await db.execute(size)).scalar_one())

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far by part; the driver is this very process."""
        servers = {
            "Temporal": [self.temporal.child],
            "PostgreSQL": [self.postgres.child],
            "sandbox": [self.sandbox],
        }
        used = {
            name: sum(machine.seconds_of(child.pid) for child in children)
            for name, children in (servers | self.parts).items()
        }
        return used | {"driver": time.process_time()}


def _free_ports() -> Ports:
    return Ports(*(free_port() for _ in range(len(Ports.__dataclass_fields__))))


@asynccontextmanager
async def stack(
    folder: Path, postgres: LocalPostgres, *, is_measured: bool = False
) -> AsyncGenerator[Stack]:
    """A stack without workers in *folder*, with a database of its own on *postgres*."""
    home, ports = Home(folder), _free_ports()
    secrets = home.prepare()
    async with AsyncExitStack() as closing:
        url = await postgres.create_database(f"bench_{next(_numbers)}")
        await asyncio.to_thread(migrate, url)
        temporal = LocalTemporal(
            folder / "temporal",
            logs=home.logs,
            port=ports.temporal,
            metrics_port=free_port() if is_measured else None,
        )
        await closing.enter_async_context(temporal)
        env = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            **local_settings(home, ports, secrets, url),
            **sandbox_settings(home, ports, secrets),
            "CARAVAN_LOG__LEVEL": "warning",
            "CARAVAN_API__REQUESTS_PER_SECOND": "100000",
            "CARAVAN_API__BURST": "100000",
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }
        sandbox = Child(
            Program("sandbox", [sys.executable, "-m", "sandbox"], home.logs / "sandbox.log", env)
        )
        closing.push_async_callback(sandbox.stop)
        await sandbox.ready(lambda: answers(ports.sandbox, "/livez"), _READY_WITHIN)
        await _bill_in_euros(ports)
        listener = await closing.enter_async_context(Listener.open())
        engine = connect(url)
        closing.push_async_callback(engine.dispose)
        vault = Vault(engine, KeyRing.read(home.key_ring))
        client = await Client.connect(
            f"{LOOPBACK}:{ports.temporal}", data_converter=data_converter(vault)
        )
        await register_search_attributes(client)
        await lives.prepare(engine)
        hands = Hands(client, engine, vault, "caravan", listener.board)
        made = Stack(home, ports, secrets, env, postgres, temporal, sandbox, hands, listener)
        try:
            yield made
        finally:
            for part in list(made.parts):
                await made.stop(part)


async def _bill_in_euros(ports: Ports) -> None:
    """Let carriers bill in the orders' own currency: learning rates is no part of an order."""
    url = f"http://{LOOPBACK}:{ports.sandbox}/_control/settings"
    async with httpx2.AsyncClient(trust_env=False) as http:
        (await http.post(url, json={"postage_currency": "EUR"})).raise_for_status()
