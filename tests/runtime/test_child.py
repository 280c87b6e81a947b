"""Children of the local stack: they end with us, and say why they ended."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.binaries import reachable_place, unprivileged
from runtime.child import Child, Program, StackError, accepts, free_port, require_free
from runtime.embedded import LocalPostgres
from tests.support.servers import SharedServers

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")

FOREVER = "import time; time.sleep(600)"


def _program(tmp_path: Path, code: str) -> Program:
    return Program("the tested one", [sys.executable, "-c", code], tmp_path / "child.log")


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's own")
def test_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    """After `kill -9` of the supervisor, a database left running would hold data and port."""
    starter = (
        "import sys, time; from pathlib import Path; from runtime.child import Child, Program\n"
        f"child = Child(Program('x', [sys.executable, '-c', {FOREVER!r}], Path(sys.argv[1])))\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", starter, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _is_alive(pid)
        parent.kill()
    deadline = time.monotonic() + 5
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not _is_alive(pid)


async def test_a_child_that_fails_leaves_its_last_words(tmp_path: Path) -> None:
    """Whoever starts the stack should not have to search for the reason."""
    child = Child(_program(tmp_path, "raise SystemExit('no such table: orders')"))

    with pytest.raises(StackError, match=r"no such table: orders[\s\S]*child\.log"):
        await child.ready(lambda: accepts(free_port()), within=10)


async def test_a_child_that_ignores_us_is_ended_all_the_same(tmp_path: Path) -> None:
    """Ctrl-C must end, whatever a part thinks of it."""
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); {FOREVER}"
    child = Child(_program(tmp_path, f"import sys; sys.stdout.reconfigure(write_through=1);{deaf}"))
    while "1" not in child.output():
        await asyncio.sleep(0.02)

    await child.stop(within=0.2)

    assert child.returncode == -signal.SIGKILL


async def test_only_this_starts_words_are_quoted(tmp_path: Path) -> None:
    """A log is appended to; yesterday's error would send somebody the wrong way."""
    (tmp_path / "child.log").write_text("yesterday's error\n")
    child = Child(_program(tmp_path, "print('today')"))
    await child.done(within=10)

    assert child.output() == "today\n"


def test_a_taken_port_is_named_with_what_to_do() -> None:
    """The commonest reason why a local stack does not start."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(StackError, match=rf"Port {port}, wanted for the API, .*--api-port"):
            require_free(port, "the API", "--api-port")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its data to another account")
def test_root_keeps_data_where_the_server_can_reach_them(
    tmp_path: Path, servers: SharedServers
) -> None:
    """A project in root's home is closed to others, and stays so."""
    tmp_path.chmod(0o700)
    account = unprivileged()

    assert reachable_place(tmp_path / "postgres", account).is_relative_to("/var/lib/caravan")
    assert reachable_place(servers.folder / "open", account) == servers.folder / "open"
    assert tmp_path.stat().st_mode & 0o777 == 0o700


async def test_data_outlive_the_server(servers: SharedServers) -> None:
    """A second `up` continues where the first one stood, also after a crash of the server."""
    place = servers.folder / "kept"
    async with LocalPostgres(place) as first:
        url = await first.create_database("kept")
        first.child.kill()
    async with LocalPostgres(place) as second:
        again = await second.ensure_database("kept")

    assert again.split("@")[0] == url.split("@")[0]


@pytest.mark.skipif(not _OUTGOING.exists(), reason="only Linux says which ports those are")
def test_a_chosen_port_is_none_that_an_outgoing_connection_may_get() -> None:
    """The system could give it away before whoever chose it listens there."""
    first_of_outgoing = int(_OUTGOING.read_text().split()[0])
    chosen = {free_port() for _ in range(20)}

    assert max(chosen) < first_of_outgoing
