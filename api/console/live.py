"""News as they happen: pages listen, and ask again for what they show (server-sent events)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import Response

from api.asking import visible_dispute, visible_order
from api.auth import Caller
from api.console.chargebacks import READERS
from api.console.visitor import Somebody, Visitor, visitors
from api.deps import Services, Use
from api.routers.chargebacks import ChargebackId
from api.routers.chargebacks import visible as visible_chargeback
from api.routers.disputes import DisputeId
from api.routers.orders import OrderId
from api.streams import Stream, seconds_left
from domain.actors import STAFF
from domain.ids import chargeback_workflow_id, dispute_workflow_id, order_workflow_id
from persistence import case_reading
from runtime.wakeups import ANYTHING

router = APIRouter()
After = Annotated[int, Query(ge=0, description="The newest entry that the page shows.")]
Reader = Annotated[Visitor, Depends(visitors(*READERS))]
Staff = Annotated[Visitor, Depends(visitors(*STAFF))]
_LOOK_EVERY: Final = 5.0
_RECONNECT_MS: Final = 3000
# However much happens, a list is not drawn anew more often than this.
_AT_MOST_EVERY: Final = 2.0


@router.get("/orders/{order}/news")
async def order_news(order: OrderId, who: Somebody, use: Use, after: After = 0) -> Response:
    """Say when something has happened to an order."""
    await visible_order(use, who.caller, order)
    return _streaming(use, who, order_workflow_id(order), after, 0)


@router.get("/disputes/{dispute}/news")
async def dispute_news(dispute: DisputeId, who: Somebody, use: Use, after: After = 0) -> Response:
    """Say when something has happened to a dispute."""
    await visible_dispute(use, who.caller, dispute)
    return _streaming(use, who, dispute_workflow_id(dispute), after, 0)


@router.get("/chargebacks/{chargeback}/news")
async def chargeback_news(
    chargeback: ChargebackId, who: Reader, use: Use, after: After = 0
) -> Response:
    """Say when something has happened to a chargeback."""
    await visible_chargeback(use, who.caller, chargeback)
    return _streaming(use, who, chargeback_workflow_id(chargeback), after, 0)


@router.get("/news")
async def all_news(who: Staff, use: Use, after: After = 0) -> Response:
    """Say when something has happened to anything."""
    return _streaming(use, who, ANYTHING, after, _AT_MOST_EVERY)


def _streaming(use: Services, who: Visitor, subject: str, after: int, pause: float) -> Response:
    return Stream(use.streams, who.caller, _news(use, who.caller, subject, after, pause))


async def _news(
    use: Services, caller: Caller, subject: str, after: int, pause: float
) -> AsyncIterator[bytes]:
    """Say how far things are whenever they go on, until the session ends."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds_left(caller)
    yield f"retry: {_RECONNECT_MS}\n\n".encode()
    await use.wakeups.listen()
    with use.wakeups.of(subject) as woken:
        while loop.time() < ends:
            woken.clear()
            async with use.engine.connect() as db:
                newest = await case_reading.newest(db, subject)
            if newest > after:
                after = newest
                yield format_sse_event(data_str=str(newest), event="news")
                await asyncio.sleep(pause)
            else:
                yield KEEPALIVE_COMMENT
            await _wait(woken, min(_LOOK_EVERY, ends - loop.time()))


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    """Wait for a wake-up call, but not for long: one may have been missed."""
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        return
