"""What so many orders need: the arithmetic, by figures that can be checked by hand."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from runtime.capacity import Assumptions, Costs, Need, ReportUnusable, needs

COSTS = Costs(
    worker_ms=60,
    database_ms=24,
    temporal_ms=90,
    request_ms=10,
    relay_ms=30,
    actions=25,
    events=95,
    statements=80,
    transactions=12,
    history_bytes=28_000,
    database_bytes=20_000,
    cached_bytes=100_000,
)
ASSUMED = Assumptions(peak=2, filled=0.5, days_open=10, requests=10, retention_days=20)


def needed(orders_per_day: int) -> dict[tuple[str, str], Need]:
    return {(need.name, need.unit): need for need in needs(orders_per_day, COSTS, ASSUMED)}


def test_a_day_of_86400_orders_is_one_a_second() -> None:
    """Twice that at the peak; each figure follows from one multiplication."""
    found = {key: need.amount for key, need in needed(86_400).items()}

    assert found == {
        ("orders at the peak", "a second"): 2,
        ("workers", "of one core each"): 1,
        ("relays", "of one core each"): 1,
        ("API processes", "of one core each"): 1,
        ("PostgreSQL CPU", "cores"): pytest.approx(0.096),
        ("Temporal CPU", "cores"): pytest.approx(0.36),
        ("Temporal actions", "a second at the peak"): 50,
        ("Temporal actions", "million a month"): pytest.approx(64.8),
        ("Temporal histories", "GB kept"): pytest.approx(72.576),
        ("database transactions", "a second at the peak"): 24,
        ("database statements", "a second at the peak"): 160,
        ("database storage", "GB more a day"): pytest.approx(1.728),
        ("orders open at a time", ""): 864_000,
        (
            "memory to keep them all in workers",
            "GB (what does not fit is read again from its history)",
        ): pytest.approx(86.4),
    }


def test_nobody_runs_half_a_process() -> None:
    """What is a little more than full needs one more."""
    found = needed(86_400 * 10)

    assert found["workers", "of one core each"].amount == 3
    assert "20/s x 60.0 ms / 0.5" in found["workers", "of one core each"].arithmetic


def report(folder: Path, **lacking: object) -> Path:
    """A report that has what capacity is computed from."""
    found = {
        "floor": {
            "order": {"cpu_ms": {"order worker": 60, "PostgreSQL": 24, "Temporal": 90}},
            "database_bytes_per_order": 20_000,
        },
        "load": {"api_ms_per_request": 10, "relay_ms_per_order": 30},
        "cost": {
            "declared": {
                "billed": 25,
                "events": 95,
                "statements": 80,
                "transactions": 12,
                "history_bytes": 28_000,
            }
        },
        "growth": {"bytes_per_open_order": 100_000},
    }
    file = folder / "report.json"
    file.write_text(json.dumps(found | lacking))
    return file


def test_costs_are_read_from_the_report(tmp_path: Path) -> None:
    """What was measured is what is computed with."""
    assert Costs.read(report(tmp_path)) == COSTS


def test_a_report_that_lacks_a_figure_says_which(tmp_path: Path) -> None:
    """Nobody plans a data centre on a zero."""
    with pytest.raises(ReportUnusable, match="api_ms_per_request"):
        Costs.read(report(tmp_path, load={}))


def test_the_command_shows_how_it_came_to_its_figures(tmp_path: Path) -> None:
    """A figure that cannot be checked is a rumour."""
    file = report(tmp_path)
    said = CliRunner().invoke(app, ["capacity", "--orders-per-day", "86400", "--report", str(file)])

    assert said.exit_code == 0
    assert "Temporal actions: 75 a second at the peak\n    = 3/s x 25" in said.output
    assert "Assumed, not measured:" in said.output


def test_without_a_report_the_command_says_how_to_get_one(tmp_path: Path) -> None:
    """An image has none: it is a sentence, and not a traceback."""
    missing = tmp_path / "none.json"
    said = CliRunner().invoke(app, ["capacity", "--orders-per-day", "1", "--report", str(missing)])

    assert said.exit_code == 1
    assert "make bench" in said.output
