"""`python -m benchmarks.worker KIND QUEUE PORT [PROFILE]`: the product's worker, that reports.

It leaves a file PROFILE behind, where one is wanted: which parts of it were at work.
The floor's has the same settings as that of orders, and neither codec nor database.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from benchmarks.board import Reporting
from benchmarks.counting import Queries
from benchmarks.floor import FloorWorkflow, nothing
from benchmarks.reports import note_to
from benchmarks.sampling import Sampler
from runtime.settings import Settings
from runtime.telemetry import configure_logging
from runtime.wiring import services, worker


async def _serve(kind: str, queue: str, port: int, profile: str = "") -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    settings = Settings.load()
    configure_logging("worker", form=settings.log.format, level=settings.log.level)
    reporting = [Reporting(await note_to(port))]
    async with services(settings) as shared:
        if kind == "floor":
            serving = worker(
                await Client.connect(**settings.temporal.connection()),
                [nothing],
                task_queue=queue,
                workflows=[FloorWorkflow],
                interceptors=reporting,
            )
        else:
            serving = worker(
                await shared.temporal(), shared.steps, task_queue=queue, interceptors=reporting
            )
        async with serving:
            if profile:
                await _watched(stopping, shared.engine, Path(profile))
            else:
                await stopping.wait()


async def _watched(stopping: asyncio.Event, engine: AsyncEngine, profile: Path) -> None:
    """Work until told to stop, then leave behind what the time and the database were used for."""
    sampler, queries = Sampler(), Queries(engine)
    sampler.start()
    await stopping.wait()
    told = {
        "shares": sampler.shares(),
        "statements": queries.statements,
        "transactions": queries.transactions,
    }
    await asyncio.to_thread(profile.write_text, json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
