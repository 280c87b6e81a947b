"""A clock is put forward once, whatever becomes of the connection."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from temporalio.client import Client
from temporalio.service import GrpcCompression

from runtime.child import LOOPBACK
from runtime.embedded import LocalTemporal
from runtime.trace.skips import Skips

A_MONTH: Final = timedelta(days=30)
_HEARD_WITHIN: Final = 0.5


class Line:
    """A line to the server that is cut when a certain call has been heard: its answer is lost.

    `cut_after` is something that the call holds; each cut is one of `cuts`.
    """

    def __init__(self) -> None:
        self.cut_after = b""
        self.cuts = 0
        self._is_silent = False
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def to(self, host: str, port: int) -> AsyncGenerator[str]:
        async def carry(near: asyncio.StreamReader, to_us: asyncio.StreamWriter) -> None:
            far, to_server = await asyncio.open_connection(host, port)
            self._open |= {to_us, to_server}
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry_calls(near, to_server, to_us))
                group.create_task(self._carry_answers(far, to_us))

        serving = await asyncio.start_server(carry, LOOPBACK, 0)
        try:
            yield f"{LOOPBACK}:{serving.sockets[0].getsockname()[1]}"
        finally:
            for one in self._open:
                one.close()
            serving.close()

    async def _carry_calls(
        self, calls: asyncio.StreamReader, server: asyncio.StreamWriter, us: asyncio.StreamWriter
    ) -> None:
        while data := await calls.read(65_536):
            server.write(data)
            if self.cut_after and self.cut_after in data:
                self.cut_after, self.cuts, self._is_silent = b"", self.cuts + 1, True
                await asyncio.sleep(_HEARD_WITHIN)
                us.close()
                self._is_silent = False
        server.close()

    async def _carry_answers(self, answers: asyncio.StreamReader, us: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await answers.read(65_536):
                if not self._is_silent:
                    us.write(data)
        us.close()


async def test_a_call_that_was_cut_off_skips_once(temporal: LocalTemporal) -> None:
    """The server skips again whenever it hears the call, so a repeat would pass deadlines."""
    line = Line()
    async with line.to(LOOPBACK, temporal.port) as address:
        client = await Client.connect(address, grpc_compression=GrpcCompression.NONE)
        process = await client.start_workflow(
            "anything", id=f"skip-{uuid4()}", task_queue="nobody", start_delay=20 * A_MONTH
        )
        there = datetime.now(UTC) + A_MONTH
        line.cut_after = b"time_skipping_config"
        is_there = await Skips(client).to(process, there)

        assert is_there
        assert line.cuts == 1
        assert timedelta() <= await _clock(client, process.id) - there < timedelta(hours=1)
        await process.terminate()


async def _clock(client: Client, process: str) -> datetime:
    found = await client.get_workflow_handle(process).describe()
    now = found.raw_description.workflow_extended_info.time_skipping_info.current_time
    return now.ToDatetime(UTC)
