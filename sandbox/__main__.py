"""`python -m sandbox`: the stand-in world as a process of its own."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Generator

import structlog
import uvicorn

from sandbox import scanner
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
    http, mail = _listen(options.host, options.port), _listen(options.host, options.smtp_port)
    scans = _listen(options.host, options.scanner_port)
    store = Store(options.data / "sandbox.sqlite3")
    world = World(store)
    world.change(options.over(world.rules))
    courier = Courier(world)
    smtp = await Mailbox(world).serve(mail)
    looking = await scanner.serve(scans)
    carrying = asyncio.create_task(courier.run())
    told = {"url": f"http://{options.host}:{http.getsockname()[1]}", "data": str(options.data)}
    ports = {"smtp_port": mail.getsockname()[1], "scanner_port": scans.getsockname()[1]}
    log.info("sandbox.started", **ports, **told)
    try:
        await _server(world, courier).serve(sockets=[http])
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        smtp.close()
        looking.close()
        store.close()
        log.info("sandbox.stopped")


def _server(world: World, courier: Courier) -> Server:
    application = build(world, courier)
    return Server(
        uvicorn.Config(
            application,
            http=Protocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            # Longer than clients keep an idle connection: none is ended under a call.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    """Take a port, or end with a sentence that says what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        # The event loop sends answers without delay only on sockets that name their protocol.
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as taken:
        raise SystemExit(
            f"sandbox: {host}:{port} cannot be had ({taken.strerror}). Stop what listens there, or"
            " choose another port with --port, --smtp-port or --scanner-port."
        ) from None
    return listening


def main() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(serve(Options.read(sys.argv[1:])))


if __name__ == "__main__":
    main()
