"""`python -m benchmarks.api`: the product's API, and beside it what its reading is compared with.

The bare route knows its caller and runs the same statement; it decides nothing and shows what it
finds.
"""

import asyncio

import uvicorn
from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import col
from starlette.responses import JSONResponse

from api.app import create_app
from api.deps import Anybody, Use
from api.serving import opened
from persistence.engine import looking
from persistence.tables.business import OrderViewRow
from runtime.settings import Settings
from runtime.telemetry import configure_logging

router = APIRouter()


@router.get("/bare/{order}")
async def read_bare(order: str, _: Anybody, use: Use) -> JSONResponse:
    """Whoever may ask at all gets the row."""
    query = select(col(OrderViewRow.state)).where(col(OrderViewRow.order) == order)
    async with looking(use.engine) as db:
        return JSONResponse((await db.execute(query)).scalar_one())


async def _serve(settings: Settings) -> None:
    configure_logging("api", form=settings.log.format, level=settings.log.level)
    async with opened(settings) as services:
        config = uvicorn.Config(
            create_app(services, [router]),
            host=settings.api.host,
            port=settings.api.port,
            log_config=None,
            access_log=False,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(_serve(Settings.load()))
