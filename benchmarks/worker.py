"""`python -m benchmarks.worker KIND QUEUE PORT`: a worker as the product's own, that reports.

The floor's has the same settings as that of orders, and neither codec nor database.
"""

import asyncio
import signal
import sys

from temporalio.client import Client

from benchmarks.board import Reporting
from benchmarks.floor import FloorWorkflow, nothing
from benchmarks.reports import note_to
from runtime.settings import Settings
from runtime.telemetry import configure_logging
from runtime.wiring import services, worker


async def _serve(kind: str, queue: str, port: int) -> None:
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
            await stopping.wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
