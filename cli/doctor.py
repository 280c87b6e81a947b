"""`caravan doctor`: what this machine lacks, and what to do about it."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli.home import Home
from cli.ports import Ports
from cli.say import console
from runtime.binaries import temporal_binary
from runtime.child import StackError
from runtime.embedded import LocalPostgres

Check = Callable[[Home, Ports], str]

_OLDEST = (3, 11)
_NEEDED_MB = 500
_START_WITHIN = 10


def doctor(
    data: Annotated[Path, typer.Option(help="The folder of `caravan up`.")] = Path(".caravan"),
    port_offset: Annotated[int, typer.Option(help="As for `caravan up`.", min=0)] = 0,
) -> None:
    """Look whether this machine can run the stack, and say what to do where it cannot."""
    home, ports = Home(data.resolve()), Ports.shifted(port_offset)
    failed = 0
    for name, (sound, sentence) in examine(home, ports):
        failed += not sound
        mark = "[green]ok[/]  " if sound else "[red]no[/]  "
        console.print(f"{mark}{name:<14}", end="")
        console.print(sentence, markup=False)
    raise typer.Exit(1 if failed else 0)


def examine(home: Home, ports: Ports) -> Iterator[tuple[str, tuple[bool, str]]]:
    """Yield each check's name, whether all is well, and a sentence."""
    for name, check in _CHECKS.items():
        try:
            yield name, (True, check(home, ports))
        except (StackError, OSError, subprocess.SubprocessError) as error:
            yield name, (False, str(error))


def _python(_home: Home, _ports: Ports) -> str:
    if sys.version_info < _OLDEST:
        raise StackError(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed.")
    return f"Python {sys.version.split()[0]}"


def _disk(home: Home, _ports: Ports) -> str:
    there = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    free = shutil.disk_usage(there).free // 1_000_000
    if free < _NEEDED_MB:
        raise StackError(f"Only {free} MB are free for {home.path}; make room ({_NEEDED_MB} MB).")
    return f"{free:,} MB are free"


def _folder(home: Home, _ports: Ports) -> str:
    existed = home.path.exists()
    home.prepare()
    return f"{home.path} {'can be written' if existed else 'was made'}"


def _ports(home: Home, ports: Ports) -> str:
    try:
        with home.owned():
            ports.require_free(without_postgres=False)
    except StackError as error:
        if "already up" in str(error):
            return "in use by the stack that runs from this folder"
        raise
    return f"{ports.api}, {ports.temporal}, {ports.temporal_ui}, {ports.sandbox} ... are free"


def _temporal(_home: Home, _ports: Ports) -> str:
    command = [str(temporal_binary()), "--version"]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=_START_WITHIN
    )
    return said.stdout.strip()


def _postgres(_home: Home, _ports: Ports) -> str:
    with tempfile.TemporaryDirectory(prefix="caravan-doctor-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        asyncio.run(_starts(Path(folder)))
    return "starts and answers"


async def _starts(folder: Path) -> None:
    async with LocalPostgres(folder / "postgres", durable=False) as postgres:
        await postgres.execute("SELECT 1")


_CHECKS: dict[str, Check] = {
    "Python": _python,
    "disk": _disk,
    "data folder": _folder,
    "ports": _ports,
    "Temporal": _temporal,
    "PostgreSQL": _postgres,
}
