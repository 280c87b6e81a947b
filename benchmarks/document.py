"""The report as a document with pictures, written anew by every measuring."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks import pictures
from benchmarks.budgets import DECLARED, FLOOR_ACTIONS, ONLINE

Found = Mapping[str, Any]
_FOLDER: Final = "performance"
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=False,  # noqa: S701 - Markdown made of our own figures
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
# What is counted: its name in the report, in words, and in the budget.
_BOUNDS: Final = (
    ("billed", "**billable actions**", "actions"),
    ("events", "history events", "events"),
    ("history_bytes", "history bytes", "history_bytes"),
    ("statements", "database statements", "statements"),
    ("transactions", "database transactions", "transactions"),
)
_CALLS: Final = {
    "placed": "place an order",
    "started": "bare start",
    "read": "read an order",
    "bare": "bare route",
}


def write_document(found: Found, docs: Path) -> None:
    """Write `performance.md` and its pictures into *docs*."""
    folder = docs / _FOLDER
    folder.mkdir(exist_ok=True)
    for name, drawn in _pictures(found).items():
        (folder / f"{name}.svg").write_text(drawn)
    (docs / "performance.md").write_text(_page(found))


def _pictures(found: Found) -> dict[str, str]:
    floor, levels = found["floor"], found["growth"]["levels"]
    return {
        "floor": pictures.stacked(
            "CPU of one life",
            {"the floor": floor["floor"]["cpu_ms"], "an order": floor["order"]["cpu_ms"]},
            "ms",
        ),
        "worker": pictures.stacked(
            "What the worker of orders is busy with",
            {"worker": {name: share * 100 for name, share in floor["worker_shares"].items()}},
            "%",
        ),
        "growth": pictures.curve(
            "What one more order costs beside open ones",
            [(level["open"], level["cpu_ms"]) for level in levels],
            "open orders",
            "CPU ms",
        ),
        "memory": pictures.curve(
            "Memory of a worker",
            [(level["open"], level["worker_bytes"] / 1_048_576) for level in levels],
            "open orders",
            "MiB",
        ),
        "scale": pictures.curve(
            "Throughput by workers",
            [(level["workers"], level["rate"]) for level in found["scale"]],
            "worker processes",
            "orders a second",
        ),
    }


def _page(found: Found) -> str:
    parts = sorted({*found["floor"]["floor"]["cpu_ms"], *found["floor"]["order"]["cpu_ms"]})
    kinds = sorted({kind for cost in found["cost"].values() for kind in cost["actions"]})
    bounds = [
        (name, words, getattr(DECLARED, bound), getattr(ONLINE, bound))
        for name, words, bound in _BOUNDS
    ]
    return _ENVIRONMENT.get_template("performance.md.jinja").render(
        found,
        headlines=_headlines(found),
        parts=parts,
        kinds=kinds,
        bounds=bounds,
        calls=_CALLS,
        floor_actions=FLOOR_ACTIONS,
    )


def _headlines(found: Found) -> list[tuple[str, float, str]]:
    http, levels = found["http"], found["growth"]["levels"]
    beyond = found["growth"]["beyond"]
    held = [f"{level['open']:,}" for level in levels if str(level["open"]) not in beyond]
    return [
        ("orders beside the floor, sandbox subtracted", found["floor_ratio"], "at least 0.6"),
        ("placing beside a bare start, median", http["place_ratio"], "at most 3"),
        ("placing beside a bare start, p99", http["place_ratio_p99"], "at most 3"),
        ("reading beside a bare route, median", http["read_ratio"], "at most 1.5"),
        ("reading beside a bare route, p99", http["read_ratio_p99"], "at most 1.5"),
        (
            f"the dearest order by the cheapest, beside {', '.join(held)} open ones",
            found["growth_ratio"],
            "at most 1.15",
        ),
        *(
            (
                f"an order beside {int(many):,} open ones and {levels[0]['open']:,}",
                figure,
                "as seen",
            )
            for many, figure in beyond.items()
        ),
    ]
