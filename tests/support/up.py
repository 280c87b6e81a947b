"""`caravan up` as tests use it: a process of its own, its parts, its callers and its books."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError

from activities.reconciliation import ReconciliationActivities
from adapters.payment.stripe import StripeGateway
from cli.home import Home
from cli.ports import Ports
from domain.actors import Role
from domain.reconciliation import Report
from persistence import invariants
from persistence.books import SqlBooks
from persistence.engine import connect
from runtime.child import StackError, accepts
from runtime.health import answers
from runtime.issuer import DevelopmentIssuer
from runtime.schedules import payout_cycle_of
from tests.support.audit import wrongs
from tests.support.market import Json, Person, a_seller
from tests.support.sandbox import NO_TLS, ROOT, SandboxPlace, SandboxWorld

UP_WITHIN: Final = 90
_DOWN_WITHIN: Final = 40
_READY: Final = "Ctrl-C ends all of it"
# What of its command line tells a part from the others.
_PROGRAMS: Final = {
    "api": "\0api\0",
    "worker": "worker.py",
    "relay": "runtime.relay",
    "sandbox": "\0sandbox\0",
    "temporal": "start-dev",
    "postgres": "/postgres\0-D\0",
}
VICTIMS: Final = tuple(_PROGRAMS)


def free_offset() -> int:
    """An offset at which every port of a stack is free. Raises `StackError` if none is found."""
    for candidate in random.sample(range(200, 9000), 50):
        try:
            Ports.shifted(candidate).require_free(without_postgres=False)
        except StackError:
            continue
        return candidate
    raise StackError("There is no room for the ports of a stack.")


class Up:
    """One running `caravan up`."""

    def __init__(
        self, data: Path, offset: int, told: Path, more: Mapping[str, str] | None = None
    ) -> None:
        """Keep its data in *data*, and what it says in *told*; *more* is for its environment."""
        self.ports = Ports.shifted(offset)
        self.home = Home(data)
        self._said = told
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CARAVAN_", "DATABASE_"))}
        command = [sys.executable, "-c", "from cli.main import app; app()", "up"]
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [*command, "--data", str(data), "--port-offset", str(offset)],
                cwd=ROOT,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=clean | dict(more or {}),
            )

    def said(self) -> str:
        return self._said.read_text()

    async def heard(self, words: str, within: float) -> None:
        """Wait until it says so; fails with all it said when it ends before."""
        async with asyncio.timeout(within):
            while words not in self.said():
                assert self.process.poll() is None, self.said()
                await asyncio.sleep(0.1)

    async def ready(self) -> None:
        await self.heard(_READY, UP_WITHIN)

    async def without_payout_cycles(self) -> None:
        """Pay sellers only when a test asks for it: a cycle in between would take their balance."""
        client = await Client.connect(f"127.0.0.1:{self.ports.temporal}")
        cycle = client.get_schedule_handle(payout_cycle_of("demo"))
        async with asyncio.timeout(UP_WITHIN):
            while True:
                try:
                    await cycle.pause(note="a test pays")
                except RPCError:
                    await asyncio.sleep(0.2)
                else:
                    return

    async def end(self) -> int:
        """Press Ctrl-C, and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return await asyncio.to_thread(self.process.wait, _DOWN_WITHIN)

    def kill(self) -> None:
        """End it the hard way, and with it its children; harmless when it has ended."""
        if self.process.poll() is not None:
            return
        orphans = self._children()
        self.process.kill()
        self.process.wait()
        until = time.monotonic() + _DOWN_WITHIN
        while any(_command_line(pid) for pid in orphans) and time.monotonic() < until:
            time.sleep(0.1)

    def child(self, part: str) -> int | None:
        """The process id of a part; None while there is none."""
        found = [pid for pid in self._children() if _PROGRAMS[part] in _command_line(pid)]
        return int(found[0]) if found else None

    def _children(self) -> list[str]:
        parent = self.process.pid
        return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()

    def strike(self, part: str, number: signal.Signals) -> bool:
        """Send a signal to a part, and say whether it was there."""
        pid = self.child(part)
        if pid is None:
            return False
        os.kill(pid, number)
        return True

    @staticmethod
    def polite(part: str) -> signal.Signals:
        """The signal that asks a part to end; PostgreSQL waits for its clients after a SIGTERM."""
        return signal.SIGINT if part == "postgres" else signal.SIGTERM

    def freeze(self, part: str) -> list[int]:
        """Let a part and all that it started stand still; whom to thaw."""
        pid = self.child(part)
        held = [] if pid is None else [pid, *_descendants(pid)]
        _signal(held, signal.SIGSTOP)
        return held

    @staticmethod
    def thaw(held: Sequence[int]) -> None:
        """Let them go on; who has ended meanwhile is left in peace."""
        _signal(held, signal.SIGCONT)

    async def works(self, part: str) -> bool:
        """Whether a part says that it is ready; a server, whether it takes connections."""
        if part in {"temporal", "postgres"}:
            return await accepts(getattr(self.ports, part))
        port, path = {
            "api": (self.ports.api, "/readyz"),
            "worker": (self.ports.worker_health, "/readyz"),
            "relay": (self.ports.relay_health, "/readyz"),
            "sandbox": (self.ports.sandbox, "/livez"),
        }[part]
        return await answers(port, path)

    @property
    def settings(self) -> dict[str, str]:
        """What the parts were told."""
        lines = self.home.environment_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def sandbox(self) -> SandboxPlace:
        return SandboxPlace(self.ports.sandbox, self.ports.mail, self.ports.scanner)

    @asynccontextmanager
    async def world(self) -> AsyncGenerator[SandboxWorld]:
        """The hands that play the world around it."""
        async with SandboxWorld(self.sandbox) as hands:
            yield hands

    @asynccontextmanager
    async def caller(self, role: Role, subject: str = "") -> AsyncGenerator[Person]:
        """Somebody with a token of the local issuer; a seller's *subject* is the seller."""
        issuer = DevelopmentIssuer.open(self.home.issuer_key, profile="local")
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.ports.api}",
            headers={"Authorization": f"Bearer {issuer.mint(role, subject or f'{role}-1')}"},
            timeout=20,
            trust_env=False,
            verify=NO_TLS,
        ) as http:
            yield Person(http)

    @asynccontextmanager
    async def books(self) -> AsyncGenerator["BothBooks"]:
        """Our ledger and the provider's, past every part of the stack but the database."""
        told = self.settings
        gateway = StripeGateway(
            told["CARAVAN_PAYMENT__API_KEY"],
            told["CARAVAN_PAYMENT__WEBHOOK_SECRET"],
            told["CARAVAN_PAYMENT__API_BASE"],
        )
        engine = connect(told["DATABASE_URL"])
        try:
            yield BothBooks(engine, gateway)
        finally:
            gateway.close()
            await engine.dispose()


@dataclass(frozen=True)
class BothBooks:
    """What can be asked of two sets of books together."""

    engine: AsyncEngine
    gateway: StripeGateway

    async def compared(self) -> Report:
        """Line by line, forgiving nothing that is still on its way."""
        ours = SqlBooks(self.engine)
        in_an_hour = datetime.now(UTC) + timedelta(hours=1)
        return await ReconciliationActivities(ours, self.gateway).compared(
            in_an_hour, grace=timedelta()
        )

    async def wrongs(self) -> list[object]:
        """What does not hold: by the invariants of the product, and by those of the tests."""
        async with self.engine.connect() as db:
            broken = await invariants.broken(db, datetime.now(UTC))
        return [*broken, *(await wrongs(self.engine)).items()]


@contextmanager
def folder() -> Generator[Path]:
    """A folder that the database's own account can reach, when root runs the tests."""
    made = Path(tempfile.mkdtemp(prefix="caravan-up-", dir="/var/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@asynccontextmanager
async def open_stack(more: Mapping[str, str] | None = None) -> AsyncGenerator[Up]:
    """A stack in a folder of its own, ended and removed afterwards; sellers are paid on demand."""
    with folder() as place:
        up = Up(place / "data", free_offset(), place / "said.txt", more)
        try:
            await up.ready()
            await up.without_payout_cycles()
            yield up
            await up.end()
        finally:
            up.kill()


def _descendants(pid: int) -> list[int]:
    """Whatever a process has started, and what that has started."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [found for child in map(int, told) for found in (child, *_descendants(child))]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # It ended meanwhile.
        return ""


async def with_account(stack: Up, seller: str, **changed: object) -> Json:
    """The body of a registration whose account the provider knows and leaves to us."""
    account = await asyncio.to_thread(
        stack.sandbox.stripe().v1.accounts.create,
        {"type": "custom", "settings": {"payouts": {"schedule": {"interval": "manual"}}}},
    )
    return a_seller(seller, **{"account": account.id, "policy": "demo", **changed})


def dhl_number(serial: int) -> str:
    """A number that DHL Express could have given out."""
    return f"{serial:09d}{serial % 7}"
