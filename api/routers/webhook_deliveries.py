"""What endpoints were told: the log of deliveries, test events, replays."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, body_hash
from api.deps import Database
from api.paging import Page, decode_number, page
from api.routers.order_requests import Nothing
from api.routers.webhook_endpoints import EndpointId, Keeper, asking_for, own
from api.schemas.orders import NothingMore
from api.schemas.webhooks import (
    DeliveryDetail,
    DeliveryQuery,
    DeliveryView,
    ReplayIn,
    ReplayView,
)
from domain.ids import fingerprint
from persistence import endpoints, hooks
from persistence.endpoints import subject_of
from persistence.hooks import Sought
from runtime.endpoints import must_be_enabled

router = APIRouter(prefix="/v1/webhook-endpoints/{endpoint}", tags=["outgoing webhooks"])
DeliveryId = Annotated[int, Path(description="The delivery's id.", ge=1, lt=2**63, examples=[71])]


@router.post("/test", status_code=201, response_model=DeliveryView, responses=ASKED)
async def send_test(
    endpoint: EndpointId, caller: Keeper, asked: Asked, body: Nothing = None
) -> Response:
    """Send an event that means nothing (`webhook.test`), to see whether it arrives."""
    at = asked.use.clock.now(subject_of(endpoint))
    mark = fingerprint(str(caller), asked.key)[:20]

    async def work(db: AsyncConnection) -> tuple[int, dict[str, Any]]:
        row = await endpoints.found(db, endpoint, own(caller))
        made = await asked.use.endpoints.test(db, row, mark, at)
        return 201, DeliveryView.of(made).model_dump(mode="json")

    ask = asking_for(asked, endpoint, "webhook_endpoint.test", body_hash(body or NothingMore()))
    return await asked.do(ask, work)


@router.get("/deliveries", responses=READ)
async def list_deliveries(
    endpoint: EndpointId, caller: Keeper, db: Database, wanted: Annotated[DeliveryQuery, Query()]
) -> Page[DeliveryView]:
    """List what an endpoint was told, the newest first. It is kept for thirty days."""
    await endpoints.found(db, endpoint, own(caller))
    sought = Sought(wanted.state, wanted.kind, wanted.subject)
    mark = decode_number(wanted.cursor)
    rows = await hooks.listed(db, endpoint, sought, mark, wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row.seq, DeliveryView.of)


@router.get("/deliveries/{delivery}", responses=READ)
async def read_delivery(
    endpoint: EndpointId, delivery: DeliveryId, caller: Keeper, db: Database
) -> DeliveryDetail:
    """Read a delivery and how each attempt went."""
    await endpoints.found(db, endpoint, own(caller))
    row = await hooks.found(db, endpoint, delivery)
    return DeliveryDetail.with_log(row, await hooks.attempts(db, delivery))


@router.post("/deliveries/{delivery}/replay", response_model=DeliveryView, responses=ASKED)
async def replay_delivery(
    endpoint: EndpointId,
    delivery: DeliveryId,
    caller: Keeper,
    asked: Asked,
    body: Nothing = None,
) -> Response:
    """Send one event again, under the same id."""

    async def work(db: AsyncConnection) -> tuple[int, dict[str, Any]]:
        must_be_enabled(await endpoints.found(db, endpoint, own(caller)))
        await hooks.found(db, endpoint, delivery)
        await hooks.again(db, delivery)
        row = await hooks.found(db, endpoint, delivery)
        return 200, DeliveryView.of(row).model_dump(mode="json")

    command = "webhook_endpoint.replay_one"
    ask = asking_for(asked, f"{endpoint}/{delivery}", command, body_hash(body or NothingMore()))
    return await asked.do(ask, work)


@router.post("/replay", response_model=ReplayView, responses=ASKED)
async def replay_since(
    endpoint: EndpointId, body: ReplayIn, caller: Keeper, asked: Asked
) -> Response:
    """Send everything since an instant again, each event under its id, also what was missed."""

    async def work(db: AsyncConnection) -> tuple[int, dict[str, Any]]:
        row = await endpoints.found(db, endpoint, own(caller))
        must_be_enabled(row)
        queued, rest = await hooks.replay(db, row, body.since)
        return 200, ReplayView(queued=queued, go_on_from=rest).model_dump(mode="json")

    ask = asking_for(asked, endpoint, "webhook_endpoint.replay", body_hash(body))
    return await asked.do(ask, work)
