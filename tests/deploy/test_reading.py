"""Our reading of `docker-compose.yml` is the engine's own, where its program is there to ask."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.host import new_env
from tests.support.compose import FILE, document, services, told


def _program() -> list[str] | None:
    """Compose as a program or as docker's plugin; it reads files without any engine."""
    if alone := shutil.which("docker-compose"):
        return [alone]
    if (docker := shutil.which("docker")) is None:
        return None
    plugin = [docker, "compose"]
    version = subprocess.run([*plugin, "version"], capture_output=True, check=False)
    return plugin if version.returncode == 0 else None


@pytest.mark.skipif(_program() is None, reason="this machine has no docker compose to ask")
def test_compose_itself_reads_the_file_as_we_do(tmp_path: Path) -> None:
    """The other tests believe our reading of merges, defaults, blanks and required variables."""
    env = new_env(tmp_path / "repository", "sandbox")
    shutil.copy(FILE, tmp_path / "repository")
    asked = subprocess.run(
        [*(_program() or []), "config", "--format", "json"],
        cwd=tmp_path / "repository",
        # What is set outside would come before the file.
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = {
        name: {key: value for key, value in part["environment"].items() if value is not None}
        for name, part in json.loads(asked.stdout)["services"].items()
    }

    assert theirs == {name: told(part, env) for name, part in services(document()).items()}
