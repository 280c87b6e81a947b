"""One host without an engine: the image as a folder, compose's commands as processes.

What an engine would do by names and mounts is done here by putting our own addresses and folders
where the file has those of containers; everything else is told as compose tells it.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.binaries import postgres_binaries
from runtime.child import Child, Program, free_port
from runtime.embedded import LocalPostgres
from runtime.health import answers
from tests.deploy.test_dockerfile import DOCKERFILE, copied, named
from tests.support.compose import Document, document, env_file, services, told
from tests.support.source import ROOT

_READY_WITHIN: Final = 60


def build(folder: Path) -> Path:
    """Install what the Dockerfile installs, from what it copies, and return where."""
    source, image = folder / "src", folder / "image"
    source.mkdir()
    for name in copied(DOCKERFILE.read_text()):
        if (ROOT / name).is_dir():
            without = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=without)
        else:
            shutil.copy(ROOT / name, source / name)
    installing = [run for run in named(DOCKERFILE.read_text(), "RUN") if "--no-editable" in run]
    command = installing[0][installing[0].index("uv sync") :].split()
    syncing = [str(_uv()), *command[1:], "--quiet", "--python", sys.executable]
    where = {"UV_PROJECT_ENVIRONMENT": str(image)}
    # What was installed to run the tests suffices, where it is still in uv's cache.
    if _ended([*syncing, "--offline"], source, where).returncode:
        _run(syncing, source, **where)
    return image


def _uv() -> Path:
    version = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version
    return ROOT / ".tools" / f"uv-{version[1]}" / "bin" / "uv"


def new_env(folder: Path, *arguments: str) -> dict[str, str]:
    """What `deploy/new-env.sh` writes, in a repository of its own at *folder*."""
    (folder / "deploy").mkdir(parents=True)
    for name in (".env.example", "deploy/new-env.sh", "deploy/sandbox.env"):
        shutil.copy(ROOT / name, folder / name)
    _run(["sh", "deploy/new-env.sh", *arguments], folder)
    return env_file((folder / ".env").read_text())


def prepare(postgres: LocalPostgres, env: Mapping[str, str]) -> None:
    """Do with a new server what its image does with `deploy/postgres/init.sql`."""
    part = services(document())["postgres"]
    psql = postgres_binaries(postgres._account) / "psql"
    init = ROOT / "deploy" / "postgres" / "init.sql"
    address = postgres.url().replace("+asyncpg", "")
    _run([str(psql), "--no-psqlrc", "--quiet", f"--file={init}", address], ROOT, **told(part, env))


def _run(command: list[str], where: Path, **variables: str) -> None:
    done = _ended(command, where, variables)
    assert done.returncode == 0, done.stdout + done.stderr


def _ended(
    command: list[str], where: Path, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **variables}
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, check=False)


@dataclass
class Host:
    """Where parts of the compose file run, by what names they know each other."""

    folder: Path
    image: Path
    env: dict[str, str]
    at_home: dict[str, str]
    mail: int = field(default_factory=free_port)
    scanner: int = field(default_factory=free_port)
    ports: dict[str, int] = field(default_factory=dict[str, int])
    running: list[Child] = field(default_factory=list[Child])

    async def do(self, name: str) -> None:
        """Run a job of the file to its end."""
        job = Child(self._program(name))
        self.running.append(job)
        await job.done(_READY_WITHIN)

    async def start(self, *names: str) -> None:
        """Start parts of the file, and wait until their own health checks are content."""
        for name in names:
            # Known to all before any of them starts, as an engine's names are.
            self.ports[name] = free_port()
            self.at_home[f"http://{name}:8080"] = f"http://127.0.0.1:{self.ports[name]}"
        await asyncio.gather(*(self._start(name) for name in names))

    async def end(self) -> list[int | None]:
        """Ask every part to end, and return how each did."""
        await asyncio.gather(*(child.stop() for child in self.running))
        return [child.returncode for child in self.running]

    async def ask(self, *command: str) -> str:
        """What a command prints that is run inside of a container."""
        asked = await asyncio.create_subprocess_exec(
            *(str(self.image / "bin" / command[0]), *command[1:]),
            cwd=self.folder,
            env=self._environment("api"),
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await asked.communicate()
        assert asked.returncode == 0
        return printed.decode().strip()

    async def _start(self, name: str) -> None:
        child = Child(self._program(name))
        self.running.append(child)
        check: list[str] = services(document())[name]["healthcheck"]["test"][1:]
        port, path = self.ports[name], check[-1]
        await child.ready(lambda: answers(port, path), _READY_WITHIN)
        # Once by the program that the engine asks with, which costs more than a look.
        await self.ask(*(str(port) if word == "8080" else word for word in check))

    def _program(self, name: str) -> Program:
        part: Document = services(document())[name]
        command = [str(self.image / "bin" / part["command"][0]), *part["command"][1:]]
        log = self.folder / f"{name}.log"
        return Program(name, command, log, self._environment(name), cwd=self.folder)

    def _environment(self, name: str) -> dict[str, str]:
        """What the image and the file tell a part, and nothing of the machine that tests run on."""
        image = {"PATH": f"{self.image / 'bin'}:/usr/bin:/bin", "PYTHONSAFEPATH": "1"}
        # The image is compiled when it is built; here only what is used is, and once for all.
        image["PYTHONPYCACHEPREFIX"] = str(self.folder / "bytecode")
        part = services(document())[name]
        whole = {
            "8080": str(self.ports.get(name, "")),
            "8081": str(free_port()),
            "8025": str(self.mail),
            "3310": str(self.scanner),
            "clamd://sandbox:3310": f"clamd://127.0.0.1:{self.scanner}",
            "sandbox": "127.0.0.1",
        }
        given = told(part, self.env).items()
        return image | {key: whole.get(value) or self._here(name, value) for key, value in given}

    def _here(self, name: str, value: str) -> str:
        for there, here in {**self.at_home, "/var/lib/caravan": str(self.folder / name)}.items():
            value = value.replace(there, here)
        return value
