"""Alive, ready, metrics; and what each problem means."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.responses import Response

from api.deps import Services, Use
from api.problems import KINDS
from api.schemas.common import ProblemView
from domain.errors import NotKnown

router = APIRouter(tags=["health"])
_PATIENCE: Final = 2.0


@router.get("/livez")
async def live() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "Which of the two does not answer."}})
async def ready(use: Use) -> Response:
    """Say whether the database and Temporal answer.

    Without Temporal requests are still taken: they are answered 202 and heard later.
    """
    found = await asyncio.gather(_answers(_database(use)), _answers(_temporal(use)))
    state = dict(zip(("database", "temporal"), found, strict=True))
    return JSONResponse(state, 200 if all(word == "ok" for word in found) else 503)


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """The process's figures, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/problems/{code}",
    tags=["problems"],
    responses={404: {"description": "There is no such problem.", "model": ProblemView}},
)
async def explain(code: str) -> dict[str, str | int]:
    """Read what a problem means and what can be done."""
    kind = KINDS.get(code)
    if kind is None:
        raise NotKnown(f"there is no problem {code}", code=code)
    return {"code": code, "title": kind.title, "status": kind.status, "help": kind.help}


async def _answers(question: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            await question
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
        return type(error).__name__
    return "ok"


async def _database(use: Services) -> None:
    async with use.engine.connect() as db:
        await db.execute(text("SELECT 1"))


async def _temporal(use: Services) -> None:
    await use.temporal.service_client.check_health(timeout=timedelta(seconds=_PATIENCE))
