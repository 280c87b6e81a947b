"""The page about performance says what was measured, and nothing else."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from benchmarks.document import write_document
from benchmarks.growth import beyond, ratio
from benchmarks.pictures import curve, stacked
from benchmarks.rounds import Round
from tests.support.source import ROOT

REPORT: dict[str, Any] = json.loads((ROOT / "benchmarks" / "report.json").read_text())


def test_the_page_is_what_the_report_says(tmp_path: Path) -> None:
    """A figure that somebody has put right by hand was not measured."""
    write_document(REPORT, tmp_path)
    written = {file.relative_to(tmp_path): file.read_text() for file in tmp_path.rglob("*.*")}
    committed = {name: (ROOT / "docs" / name).read_text() for name in written}

    assert written == committed


def test_the_report_has_the_figures_that_others_look_up() -> None:
    """Whoever compares two versions finds them under the same names."""
    wanted = {"floor_ratio", "actions", "events", "history_bytes", "place_ratio", "read_ratio"}

    assert {*wanted, "growth_ratio"} <= REPORT.keys()


def test_the_floor_and_the_load_are_what_was_wanted() -> None:
    """So many orders to the floor's, and a minute of load without one that was not done."""
    load, online = REPORT["load"], REPORT["cost"]["online"]

    assert REPORT["floor_ratio"] >= 0.6
    assert REPORT["http"]["place_ratio_p99"] <= 3
    assert REPORT["http"]["read_ratio_p99"] <= 1.5
    assert load["errors"] == 0
    assert load["achieved"] >= 0.98 * load["offered"]
    assert (online["billed"] <= 36, online["events"] <= 120) == (True, True)


@pytest.mark.parametrize(
    ("figure", "most"),
    [
        ("actions", 28),
        ("events", 100),
        ("history_bytes", 40_000),
        ("place_ratio", 3),
        ("read_ratio", 1.5),
        ("growth_ratio", 1.15),
    ],
)
def test_what_was_measured_is_what_was_wanted(figure: str, most: float) -> None:
    """A report that misses its mark is not committed without a word."""
    assert REPORT[figure] <= most


def test_the_work_of_a_part_is_taken_off_the_time_that_all_cores_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten seconds on two cores, eight of them the sandbox's: without it six would have done."""
    monkeypatch.setattr("benchmarks.machine.cores", lambda: 2)
    one = Round(lives=30, seconds=10, cpu={"sandbox": 8, "worker": 6, "driver": 3})

    assert (one.rate, one.rate_without("sandbox")) == (3, 5)
    assert one.busy == pytest.approx(0.85)
    assert one.cost("sandbox", "driver") == pytest.approx(0.2)


def test_growth_is_the_dearest_by_the_cheapest_of_the_levels_that_are_held() -> None:
    """A hump in the middle counts; ten thousand open orders are told under a name of their own."""
    costs = {100: 80.0, 1_000: 100.0, 3_000: 90.0, 10_000: 120.0}
    levels = [{"open": number, "cpu_ms": cost} for number, cost in costs.items()]

    assert ratio(levels) == pytest.approx(1.25)
    assert beyond(levels) == {"10000": pytest.approx(1.5)}
    assert beyond(levels[:3]) == {}


@pytest.mark.parametrize(
    "drawn",
    [
        stacked("<bars>", {"a": {"x": 1.0, "y": 2.0}, "b": {"x": 0.0}}, "ms"),
        curve("a & b", [(1, 1.0), (3_000, 2.5)], "open", "ms"),
    ],
    ids=["bars", "curve"],
)
def test_a_picture_is_well_formed_and_knows_the_dark(drawn: str) -> None:
    """A browser shows nothing of a picture with one unescaped sign."""
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by us

    assert root.tag.endswith("svg")
    assert "prefers-color-scheme: dark" in drawn
