"""A child process that cannot outlive us, with a log of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final

_GUARD = Path(__file__).with_name("guard.py")
_LOOK_AGAIN = 0.03
_TAIL = 12

LOOPBACK = "127.0.0.1"
# Below those that the system gives to outgoing connections: one of them could be taken between
# its choice and its use.
_CHOSEN: Final = range(20_000, 32_000)
_BY_CHANCE: Final = SystemRandom()


class StackError(Exception):
    """A part of the local stack cannot run; the message says what to do about it."""


def free_port() -> int:
    """Return a port of the loopback address that was free a moment ago. Raises `StackError`."""
    for port in _BY_CHANCE.sample(_CHOSEN, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise StackError(
        f"no port between {_CHOSEN.start} and {_CHOSEN.stop} is free: end what listens there"
    )


def require_free(port: int, purpose: str, option: str) -> None:
    """Raise `StackError` naming *option* if something listens on *port* already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise StackError(
                f"Port {port}, wanted for {purpose}, is taken by another program. "
                f"Stop that program, or choose another port with {option}."
            ) from error


@dataclass(frozen=True)
class RunAs:
    """The account a child runs under when it is not ours."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """What to start, where it writes, and which signal asks it to end."""

    name: str
    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    run_as: RunAs | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    cwd: Path | None = None


class Child:
    """A running program. Start it from a thread that lives at least as long as it should."""

    def __init__(self, program: Program) -> None:
        self.program = program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            self._logged_before = log.tell()
            self._process = subprocess.Popen(
                _guarded(program),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(program.env),
                cwd=program.cwd,
                # Ctrl-C goes to us alone, and we end the children in their order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal, or None while it runs."""
        return self._process.poll()

    def output(self) -> str:
        """Return what this start has logged so far."""
        with self.program.log.open("rb") as log:
            log.seek(self._logged_before)
            return log.read().decode(errors="replace")

    def last_words(self) -> str:
        """Return the last lines of its log, and where the rest is."""
        lines = self.output().splitlines()[-_TAIL:] or ["(it said nothing)"]
        shown = "\n".join(f"    {line}" for line in lines)
        return f"{shown}\n  The whole log: {self.program.log}"

    async def ready(self, is_ready: Callable[[], Awaitable[bool]], within: float) -> None:
        """Wait until it is ready. Raise `StackError` if it ends first, or takes too long."""
        deadline = time.monotonic() + within
        while not await is_ready():
            if self.returncode is not None:
                raise StackError(f"{self.program.name} could not do its work:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.program.name} was not ready after {within:g} s:\n{self.last_words()}"
                )
            await asyncio.sleep(_LOOK_AGAIN)

    async def done(self, within: float) -> None:
        """Wait for its success. Raise `StackError` if it fails, or takes too long."""

        async def has_ended() -> bool:
            return self.returncode == 0

        await self.ready(has_ended, within)

    async def stop(self, within: float = 15) -> None:
        """Ask it to end, and make it end after *within* seconds. Harmless when it has ended."""
        if self.returncode is not None:
            return
        self._process.send_signal(self.program.stop_signal)
        deadline = time.monotonic() + within
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                self._process.kill()
            await asyncio.sleep(_LOOK_AGAIN)

    def kill(self) -> None:
        """End it the hard way, as an accident would."""
        self._process.kill()
        self._process.wait()


def _guarded(program: Program) -> list[str]:
    account = program.run_as
    uid, gid = (str(account.uid), str(account.gid)) if account else ("-", "-")
    guard = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid())]
    return [*guard, str(int(program.stop_signal)), uid, gid, *map(str, program.command)]


async def accepts(port: int) -> bool:
    """Say whether something accepts connections on *port* of the loopback address."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
