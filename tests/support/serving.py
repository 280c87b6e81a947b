"""An application on a real port of the loopback, for what a call within the process cannot show."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from runtime.child import free_port


@asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str]:  # noqa: ANN401 - any ASGI application
    """Serve *app* while inside; gives its address."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving
