"""The image: built from the lock, of what is ours and nothing else, for nobody in particular."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import document, filled, services
from tests.support.source import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
WHEEL: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
Rule = Callable[[str], Iterator[str]]


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction with its arguments, lines joined and comments gone."""
    kept = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.split(None, 1) for line in kept.splitlines() if line.strip())
    return [(word.upper(), " ".join(rest.split())) for word, rest in lines]


def named(text: str, word: str) -> list[str]:
    """The arguments of each instruction of that name."""
    return [rest for name, rest in instructions(text) if name == word]


def copied(text: str) -> set[str]:
    """What comes from the repository."""
    return {
        source
        for rest in named(text, "COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }


def incomplete(text: str) -> Iterator[str]:
    """A room that is not copied is missed by the first process that imports it."""
    yield from (f"{name} is not in the image" for name in sorted({*WHEEL} - copied(text)))


def unlocked(text: str) -> Iterator[str]:
    """The image runs what the tests ran, and nothing that only tests need."""
    syncs = [rest for rest in named(text, "RUN") if "uv sync" in rest]
    for rest in syncs:
        lacking = [flag for flag in ("--frozen", "--no-dev") if flag not in rest.split()]
        yield from (f"{flag} is missing: {rest}" for flag in lacking)
    if not syncs or "--no-editable" not in syncs[-1]:
        yield "the sources are not installed"


def floating(text: str) -> Iterator[str]:
    """A base that changes under its name is another image tomorrow."""
    stages = {rest.split()[-1] for rest in named(text, "FROM") if " AS " in rest}
    for rest in named(text, "FROM"):
        image = rest.split()[0]
        if image not in stages and not re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+-[\w.-]+", image):
            yield f"{image} is not pinned to a version"
    wanted = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    if wanted is None or f"UV_VERSION={wanted[1]}" not in named(text, "ARG"):
        yield "its uv is not the one that the Makefile uses"


def privileged(text: str) -> Iterator[str]:
    """Who breaks into a process should not be root, and should find nothing to write to."""
    users = named(text, "USER")
    if not users or not re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1]):
        yield "the last USER is not a number of its own"
    if not any("PYTHONDONTWRITEBYTECODE=1" in rest for rest in named(text, "ENV")):
        yield "Python writes beside its sources"


def unwatched(text: str) -> Iterator[str]:
    """An engine that is asked nothing calls every process healthy."""
    if not any("runtime.health" in rest for rest in named(text, "HEALTHCHECK")):
        yield "nobody asks how it is"


SPOILT: dict[Rule, tuple[str, str]] = {
    incomplete: ("COPY policies policies\n", ""),
    unlocked: ("--no-dev ", ""),
    floating: ("3.11.16-slim-trixie AS base", "slim AS base"),
    privileged: ("USER 10001:10001", "USER root"),
    unwatched: ("runtime.health", "runtime.helth"),
}


def _hadolint(file: Path) -> list[str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--no-color", file],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("rule", SPOILT, ids=lambda rule: rule.__name__)
def test_the_image_keeps_each_rule(rule: Rule) -> None:
    """What is wrong here is found by whoever deploys it."""
    assert list(rule(DOCKERFILE.read_text())) == []


@pytest.mark.parametrize("rule", SPOILT, ids=lambda rule: rule.__name__)
def test_each_rule_bites(rule: Rule) -> None:
    """A rule that finds nothing in a spoilt file would find nothing anywhere."""
    good, bad = SPOILT[rule]
    text = DOCKERFILE.read_text()
    assert good in text

    assert list(rule(text.replace(good, bad)))


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    """It knows a hundred habits that images regret, and says so where there are some."""
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python:latest\nRUN cd /tmp && pip install uv\n")

    assert _hadolint(DOCKERFILE) == []
    assert len(_hadolint(careless)) >= 3


def test_what_is_copied_reaches_the_builder_and_nothing_else_does() -> None:
    """A secret or a history that is sent to a builder stays in its cache."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}

    assert "*" in lines
    assert let_through == copied(DOCKERFILE.read_text())


def test_the_names_of_the_version_agree() -> None:
    """Who reads `caravan:0.1.0` in a list of containers relies on it."""
    version = PROJECT["project"]["version"]
    text = DOCKERFILE.read_text()
    worker = services(document())["worker"]

    assert f"VERSION={version}" in named(text, "ARG")
    assert f"--tag caravan:{version} " in text
    assert filled(worker["image"], {}) == f"caravan:{version}"
    assert filled(worker["environment"]["CARAVAN_WORKER__BUILD_ID"], {}) == version
