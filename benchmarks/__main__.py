"""`python -m benchmarks [quick|usual|long]`: measure everything, write report and document."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from benchmarks import costs, growth, http, machine, scale
from benchmarks.document import write_document
from benchmarks.floor_rounds import beside_the_floor
from benchmarks.growth import Crowd
from benchmarks.progress import say
from benchmarks.stack import stack
from runtime.embedded import LocalPostgres

ROOT: Final = Path(__file__).parents[1]
REPORT: Final = Path(__file__).with_name("report.json")


@dataclass(frozen=True)
class Sizes:
    """How much is measured. `quick` only shows that everything can be.

    So many orders are `lived` a round, so many `at_once` that orders and floor both fill the
    machine; fewer where others are open `beside`.
    """

    lived: int
    at_once: int
    beside: int
    times: int
    pairs: int
    load_seconds: float
    load_rate: float
    open: tuple[int, ...]
    recovered: int
    workers: tuple[int, ...] = (1, 2, 4)


SIZES: Final[Mapping[str, Sizes]] = MappingProxyType(
    {
        "quick": Sizes(48, 48, 24, 2, 40, 10, 5, (10, 40, 120), 1),
        "usual": Sizes(192, 64, 60, 5, 200, 60, 20, (100, 1_000, 3_000), 1),
        "long": Sizes(192, 64, 60, 5, 500, 60, 20, (100, 1_000, 3_000, 10_000), 1),
    }
)


async def measured(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Everything, in turn. Each part has a stack of its own; PostgreSQL serves them all."""
    found: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described(),
        "load_before": os.getloadavg()[0],
        "sizes": asdict(sizes),
    }
    async with LocalPostgres(folder / "postgres") as postgres:
        say("What one order costs")
        async with stack(folder / "cost", postgres, is_measured=True) as one:
            declared = await costs.counted(one, folder, is_online=False)
            online = await costs.counted(one, folder, is_online=True)
        found["cost"] = {"declared": declared, "online": online}
        say("Orders beside the floor")
        async with stack(folder / "floor", postgres) as one:
            found["floor"] = await beside_the_floor(
                one, sizes.lived, sizes.times, sizes.at_once, folder
            )
        say("The API")
        async with stack(folder / "http", postgres) as one:
            found["http"] = await http.compared(one, sizes.pairs)
            say(f"  {sizes.load_rate:g} requests a second for {sizes.load_seconds:g} s")
            load = await http.sustained(one, sizes.load_rate, sizes.load_seconds)
            found["load"] = {**asdict(load), "errors": load.errors}
        say("More workers")
        async with stack(folder / "scale", postgres) as one:
            found["scale"] = await scale.scaled(one, sizes.workers, sizes.lived, sizes.at_once)
        say("Orders beside many open ones")
        found["growth"] = await _growth(sizes, folder, postgres)
    return found | _headlines(found)


async def _growth(sizes: Sizes, folder: Path, postgres: LocalPostgres) -> dict[str, Any]:
    async with AsyncExitStack() as stacks:
        crowds = [
            Crowd(await stacks.enter_async_context(stack(folder / f"open-{size}", postgres)))
            for size in sizes.open
        ]
        levels = await growth.grown(crowds, sizes.open, sizes.beside, sizes.times)
        say("A killed worker")
        recovery = await growth.recovered(crowds[sizes.recovered])
    return {
        "levels": levels,
        "ratio": growth.ratio(levels),
        "beyond": growth.beyond(levels),
        "bytes_per_open_order": growth.bytes_per_order(levels),
        "recovery": recovery,
    }


def _headlines(found: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that others look up by name."""
    cost = found["cost"]["declared"]
    return {
        "floor_ratio": found["floor"]["ratio"],
        "actions": cost["billed"],
        "events": cost["events"],
        "history_bytes": cost["history_bytes"],
        "place_ratio": found["http"]["place_ratio"],
        "read_ratio": found["http"]["read_ratio"],
        "growth_ratio": found["growth"]["ratio"],
    }


@asynccontextmanager
async def _folder() -> AsyncGenerator[Path]:
    """A folder that the database's own account can reach, when root measures."""
    made = Path(tempfile.mkdtemp(prefix="caravan-bench-", dir="/var/tmp"))
    await asyncio.to_thread(made.chmod, 0o755)
    try:
        yield made
    finally:
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)


async def _main(size: str) -> None:
    async with _folder() as folder:
        found = await measured(SIZES[size], folder)
    await asyncio.to_thread(REPORT.write_text, json.dumps(found, indent=1) + "\n")
    await asyncio.to_thread(write_document, found, ROOT / "docs")
    say(f"Written: {REPORT.relative_to(ROOT)}, docs/performance.md")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1] if len(sys.argv) > 1 else "usual"))
