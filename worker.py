"""Starts the worker: it serves every workflow and activity until it is told to stop."""

import asyncio
import signal
import sys

import structlog

from runtime.health import health_server
from runtime.schedules import ensure_payout_cycles, ensure_schedules, published
from runtime.settings import Settings, SettingsError
from runtime.telemetry import configure_logging, configure_tracing, temporal_runtime
from runtime.temporal import register_search_attributes
from runtime.wiring import services, worker

log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; steps that are under way then are finished first."""
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    own = settings.worker
    async with services(settings) as shared:
        client = await shared.temporal(temporal_runtime(own.metrics_port, host=own.host))
        await register_search_attributes(client)
        queue = settings.temporal.task_queue
        await ensure_schedules(client, queue)
        await ensure_payout_cycles(client, queue, await published(shared.engine))
        serving = worker(
            client,
            shared.steps,
            task_queue=queue,
            deployment=own.deployment_name,
            build_id=own.build_id,
        )
        async with health_server(own.health_port, lambda: serving.is_running, own.host), serving:
            log.info("worker.started", task_queue=queue)
            await stopping.wait()
            log.info("worker.stopping")
    log.info("worker.stopped")


def main() -> int:
    """Run the worker; a setting that cannot be used is a sentence, not a traceback."""
    try:
        settings = Settings.load()
        configure_logging("worker", form=settings.log.format, level=settings.log.level)
        configure_tracing("worker")
        asyncio.run(serve(settings))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
