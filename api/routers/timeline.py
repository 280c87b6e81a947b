"""What happened to an order: as pages, or as it happens (server-sent events)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import JSONResponse, Response

from api.asking import problems, visible_order
from api.auth import Caller
from api.deps import Anybody, Services, Use
from api.paging import Page, PageQuery, decode_number, encode, page
from api.routers.orders import OrderId
from api.schemas.order_views import HappenedView
from api.streams import Stream, seconds_left
from domain.ids import order_workflow_id
from persistence import reading
from persistence.reading import Happened

router = APIRouter(prefix="/v1/orders/{order}", tags=["orders"])
STREAM: Final = "text/event-stream"
_BATCH: Final = 100
_LOOK_EVERY: Final = 2.0
_BEAT_EVERY: Final = 15.0
_RECONNECT_MS: Final = 2000


@router.get(
    "/timeline",
    response_model=Page[HappenedView],
    responses={
        200: {"content": {STREAM: {"schema": {"type": "string"}}}},
        **problems(404, 422),
    },
)
async def read_timeline(
    order: OrderId,
    caller: Anybody,
    use: Use,
    wanted: Annotated[PageQuery, Query()],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[
        str, Header(description="Of a stream: go on after this event.", max_length=200)
    ] = "",
) -> Response:
    """Read what happened, the oldest first.

    With `Accept: text/event-stream` it goes on as things happen; `Last-Event-ID` resumes.
    """
    await visible_order(use, caller, order)
    return await told(use, caller, order_workflow_id(order), wanted, accept, last_event_id)


async def told(
    use: Services, caller: Caller, subject: str, wanted: PageQuery, accept: str, last_event_id: str
) -> Response:
    """What happened to *subject*: a page, or a stream for whoever accepts one."""
    after = decode_number(last_event_id or wanted.cursor)
    if STREAM in accept.lower():
        return Stream(use.streams, caller, _stream(use, caller, subject, after))
    async with use.engine.connect() as db:
        rows = await reading.timeline(db, subject, after, wanted.limit + 1)
    shown = page(rows, wanted.limit, lambda row: row.seq, lambda row: HappenedView.of(row, caller))
    return JSONResponse(shown.model_dump(mode="json"))


async def _stream(
    use: Services, caller: Caller, subject: str, after: int | None
) -> AsyncIterator[bytes]:
    """Send what is there, then what comes, with a beat where nothing does.

    It ends after a quarter of an hour, or with the caller's token: the client comes back by itself
    and says where it was.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds_left(caller)
    beat = loop.time() + _BEAT_EVERY
    yield f"retry: {_RECONNECT_MS}\n\n".encode()
    await use.wakeups.listen()
    with use.wakeups.of(subject) as news:
        while loop.time() < ends:
            news.clear()
            entries = await _entries(use, subject, after)
            for entry in entries:
                yield _event(entry, caller)
                after = entry.seq
            if entries:
                beat = loop.time() + _BEAT_EVERY
                continue
            if loop.time() >= beat:
                yield KEEPALIVE_COMMENT
                beat = loop.time() + _BEAT_EVERY
            await _wait(news, min(_LOOK_EVERY, ends - loop.time()))


async def _entries(use: Services, subject: str, after: int | None) -> list[Happened]:
    async with use.engine.connect() as db:
        return await reading.timeline(db, subject, after, _BATCH)


def _event(entry: Happened, caller: Caller) -> bytes:
    return format_sse_event(
        data_str=HappenedView.of(entry, caller).model_dump_json(),
        event=entry.kind,
        id=encode(str(entry.seq)),
    )


async def _wait(news: asyncio.Event, seconds: float) -> None:
    """Wait for a wake-up call, but not for long: one may have been missed."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
