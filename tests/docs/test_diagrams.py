"""The documents show the tables that the code runs on."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.diagram_parts import DOCUMENTS, state_diagram
from cli.diagrams import DOCS, drawn
from cli.main import app
from domain.machine import Machine
from domain.order.tables import FULFILMENT, PAYMENT, RELEASE
from domain.payout.state import PAYOUT
from domain.purchase.state import PURCHASE
from domain.shipment.labels import LABEL
from domain.shipment.pickup import PICKUP

RUN = CliRunner()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the documents that a test may spoil."""
    return shutil.copytree(DOCS, tmp_path / "docs")


def test_no_document_shows_a_table_that_is_gone() -> None:
    """A diagram that lies is worse than none: people decide by it."""
    checked = RUN.invoke(app, ["diagrams", "--check"])

    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_stale_document_is_named_and_left_alone(docs: Path, name: str) -> None:
    """The check bites, and changes nothing: who runs it decides what to do."""
    spoilt = (docs / name).read_text().replace("\n<!-- end of", "\nnowhere\n<!-- end of", 1)
    (docs / name).write_text(spoilt)

    checked = RUN.invoke(app, ["diagrams", "--docs", str(docs), "--check"])

    assert (checked.exit_code, (docs / name).read_text()) == (1, spoilt)
    assert Path(name).name in checked.output


def test_drawing_mends_what_is_stale_and_nothing_else(docs: Path) -> None:
    """What people wrote around a drawing is theirs."""
    file = docs / "processes" / "payout.md"
    good = file.read_text()
    file.write_text(good.replace("watch ended", "watch lost"))

    drew = RUN.invoke(app, ["diagrams", "--docs", str(docs)])

    assert (drew.exit_code, file.read_text()) == (0, good)


def test_a_document_without_a_place_is_an_error(docs: Path) -> None:
    """A marker that somebody deletes would otherwise end the check without a word."""
    file = docs / "processes" / "order.md"
    file.write_text(file.read_text().replace("<!-- end of release -->", ""))

    checked = RUN.invoke(app, ["diagrams", "--docs", str(docs), "--check"])

    assert checked.exit_code == 1
    assert "release" in checked.output


@pytest.mark.parametrize(
    "machine",
    [PAYMENT, FULFILMENT, RELEASE, PURCHASE, PAYOUT, LABEL, PICKUP],
    ids=lambda m: m.name,
)
def test_every_move_of_a_table_is_an_arrow(machine: Machine[Any, Any]) -> None:
    """What is missing from the picture happens all the same."""
    arrows = state_diagram(machine).splitlines()
    missing = [
        (source, event)
        for (source, event), target in machine.moves.items()
        if not any(
            line.strip().startswith(f"{source} --> {target}:")
            and str(event).replace("_", " ") in line
            for line in arrows
        )
    ]

    assert missing == []


def test_drawing_twice_changes_nothing(docs: Path) -> None:
    """Each drawing replaces the one before; documents do not grow."""
    once = drawn(docs)
    for file, text in once.items():
        file.write_text(text)

    assert drawn(docs) == once
