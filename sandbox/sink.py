"""The sink: takes webhooks from whoever sends them and keeps them, so that they can be read.

It stands for a subscriber of the marketplace, and verifies nothing: a person compares.
"""

import json
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox import wire
from sandbox.store import Json, Row, Store, is_table
from sandbox.world import World

log = structlog.get_logger()

_LARGEST: Final = 256 * 1024


class Sink:
    """Accepts every message below `/hooks`. One that comes again under its id is counted."""

    def __init__(self, world: World) -> None:
        self._world = world

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/hooks/{name:path}", self.take, methods=["POST"], response_model=None)
        return router

    async def take(self, request: Request) -> Response:
        path = request.url.path
        known = request.headers.get("webhook-id", "")
        struck = self._world.faults.strike(f"POST {path}", known)
        if broken := await wire.cut(request, struck):
            return broken
        await wire.delay(struck)
        if fault := wire.named(struck, "error"):
            return JSONResponse({"error": "out of order"}, fault.status)
        raw = await request.body()
        if len(raw) > _LARGEST:
            return JSONResponse({"error": "too large"}, 413)
        with self._world.store.transaction():
            keep(self._world.store, path, dict(request.headers), raw.decode(errors="replace"))
        return await wire.after(request, struck, Response(status_code=204))


def keep(store: Store, path: str, headers: dict[str, str], body: str) -> None:
    """Write a message down; one without an id is always another one."""
    known = headers.get("webhook-id", "")
    repeated = known and store.run(
        "UPDATE hooks SET times = times + 1 WHERE path = ? AND message_id = ?", path, known
    )
    if not repeated:
        store.run(
            "INSERT INTO hooks (path, message_id, headers, body, received) VALUES (?, ?, ?, ?, ?)",
            *(path, known, json.dumps(headers), body, store.now()),
        )
    log.info("hook.received", path=path, message_id=known, repeated=bool(repeated))


def listed(store: Store, path: str | None, limit: int) -> list[Json]:
    """The latest messages first, those to a path that contains *path*."""
    rows = store.rows(
        "SELECT * FROM hooks WHERE ? IS NULL OR instr(path, ?) > 0 ORDER BY seq DESC LIMIT ?",
        *(path, path, limit),
    )
    return [_shown(row) for row in rows]


def one(store: Store, seq: int) -> Json | None:
    row = store.row("SELECT * FROM hooks WHERE seq = ?", seq)
    return None if row is None else _shown(row)


def _shown(row: Row) -> Json:
    names = ("seq", "path", "message_id", "body", "received", "times")
    event = _event(row["body"])
    return {name: row[name] for name in names} | {
        "headers": json.loads(row["headers"]),
        "type": str(event.get("type", "")),
        "subject": str(event.get("subject", "")),
        "pretty": json.dumps(event, indent=2, ensure_ascii=False) if event else row["body"],
        "repeated": row["times"] > 1,
    }


def _event(body: str) -> Json:
    try:
        read: Any = json.loads(body)
    except ValueError:
        return {}
    return read if is_table(read) else {}
