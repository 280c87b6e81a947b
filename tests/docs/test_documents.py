"""What the documents name is there: files, sections, commands, settings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli.main import app
from runtime.settings import Settings
from runtime.spelling import known_names
from tests.support.source import ROOT
from workflows.order.requests import REQUESTS

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TESTS = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
# But for what commands write.
_ROOMS = {folder.name for folder in ROOT.iterdir() if folder.is_dir()} - {"out"}
_EDGE_CASES = 69
_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _section(heading: str) -> str:
    """The name by which a heading is linked to."""
    kept = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", kept.strip())


def _sections(document: Path) -> set[str]:
    return {
        _section(found) for found in re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    }


def _broken(document: Path) -> Iterator[str]:
    for link in _LINK.findall(document.read_text()):
        if "://" in link:
            continue
        path, _, section = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (section and section not in _sections(target)):
            yield link


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    """Files move, and a dead link is found by the reader who is in a hurry."""
    assert list(_broken(document)) == []


@each_document
def test_every_command_is_one_that_exists(document: Path) -> None:
    """A runbook is read once a year, at night."""
    commands = typer.main.get_command(app)
    assert isinstance(commands, TyperGroup)
    text = document.read_text()
    named = set(re.findall(r"(?:`|\n|bin/)caravan ([a-z]+)(?: ([a-z]+))?", text))
    targets = set(re.findall(r"(?:`|\n)make ([a-z]+)", text))
    unknown = {
        " ".join(words)
        for words in named
        if words[0] not in commands.commands
        or (
            isinstance(group := commands.commands[words[0]], TyperGroup)
            and words[1]
            and words[1] not in group.commands
        )
    }

    assert (unknown, targets - _TARGETS) == (set(), set())


@each_document
def test_every_setting_is_one_that_is_read(document: Path) -> None:
    """A misspelt variable stops the start; a document that misspells it wastes an hour."""
    named = set(re.findall(r"CARAVAN_[A-Z]+(?:_[A-Z]+)*(?:__[A-Z_]+[A-Z])?", document.read_text()))

    assert named - {name.upper() for name in known_names(Settings)} == set()


def test_every_edge_case_is_told() -> None:
    """Tests name cases by number; a number that nobody can look up says nothing."""
    text = (ROOT / "docs" / "edge-cases.md").read_text()
    told = {
        number
        for cell in re.findall(r"^\| (\d[\d, -]*) \|", text, re.MULTILINE)
        for part in cell.split(",")
        for first, _, last in [part.strip().partition("-")]
        for number in range(int(first), int(last or first) + 1)
    }

    assert told == set(range(1, _EDGE_CASES + 1))


@each_document
def test_every_test_and_file_that_is_named_exists(document: Path) -> None:
    """A decision is believed for as long as one can look up what shows it."""
    text = document.read_text()
    tests = set(re.findall(r"`(test_\w+)`", text))
    files = {
        name
        for name in re.findall(r"`([a-z_]+(?:/[\w.-]+)+)`", text)
        if name.split("/")[0] in _ROOMS
    }

    assert {name for name in tests if f"def {name}(" not in _TESTS} == set()
    assert {name for name in files if not (ROOT / name).exists()} == set()


def test_every_update_of_an_order_is_described() -> None:
    """Services that speak to Temporal directly have nothing but this page."""
    page = (ROOT / "docs" / "messages.md").read_text()
    missing = [
        name
        for message, (name, _) in REQUESTS.items()
        if f"| `{name}` | `{message.__name__}` |" not in page
    ]

    assert missing == []
