"""`python -m sandbox`: the stand-in world as a process of its own."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Generator

import structlog
import uvicorn

from sandbox.app import build
from sandbox.courier import Courier
from sandbox.mailbox import Mailbox
from sandbox.options import Options
from sandbox.store import Store
from sandbox.wire import Protocol
from sandbox.world import World

log = structlog.get_logger()


class Server(uvicorn.Server):
    """Ends when told to, and leaves the process to end by itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        # The library's own would raise the signal again, before the books are closed.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def serve(options: Options) -> None:
    """Run until a signal ends it; what was answered is on disk by then."""
    store = Store(options.data / "sandbox.sqlite3")
    world = World(store)
    world.change(options.over(world.rules))
    courier = Courier(world)
    server = Server(
        uvicorn.Config(
            build(world, courier),
            host=options.host,
            port=options.port,
            http=Protocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
    )
    smtp = await Mailbox(world).serve(options.host, options.smtp_port)
    carrying = asyncio.create_task(courier.run())
    log.info("sandbox.started", url=f"http://{options.host}:{options.port}", data=str(options.data))
    try:
        await server.serve()
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        smtp.close()
        store.close()
        log.info("sandbox.stopped")


def main() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(serve(Options.read(sys.argv[1:])))


if __name__ == "__main__":
    main()
