"""`python -m runtime.relay`: the relay as a process of its own."""

import asyncio
import signal
import sys

import structlog
from temporalio.client import Client

from runtime.health import health_server
from runtime.relay.assembly import assemble
from runtime.relay.relay import Relay
from runtime.settings import Settings, SettingsError
from runtime.telemetry import configure_logging, configure_tracing
from runtime.wiring import Services, services

_TRY_AGAIN_SECONDS = 1.0
log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT; what is under way then is finished first."""
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    running: list[Relay] = []
    async with (
        services(settings) as shared,
        health_server(
            settings.relay.health_port,
            lambda: any(each.is_running for each in running),
            settings.relay.host,
        ),
    ):
        client = await _client(shared, stopping)
        if client is not None:
            running.append(assemble(shared, client))
            await _until(stopping, running[0])


async def _client(shared: Services, stopping: asyncio.Event) -> Client | None:
    """Wait for Temporal; None if we are told to end meanwhile."""
    while not stopping.is_set():
        try:
            return await shared.temporal()
        except RuntimeError as error:
            log.warning("temporal.awaited", error=str(error))
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
    return None


async def _until(stopping: asyncio.Event, relay: Relay) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run())
        await stopping.wait()
        relay.stop()


def main() -> int:
    """Run the relay; a setting that cannot be used is a sentence, not a traceback."""
    try:
        settings = Settings.load()
        configure_logging("relay", form=settings.log.format, level=settings.log.level)
        configure_tracing("relay")
        asyncio.run(serve(settings))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
