"""Endpoints of outgoing webhooks: registered, read, changed, removed; their secrets."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.asking import ASKED, READ, Asked, Asking, body_hash, not_yours, problems
from api.auth import Caller
from api.deps import Database, Seen, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.schemas.order_views import etag
from api.schemas.webhooks import (
    EndpointChange,
    EndpointIn,
    EndpointView,
    NewEndpointView,
    NewSecretView,
    RotationIn,
)
from domain.actors import Role
from domain.ids import fingerprint
from persistence import endpoints, reading
from persistence.endpoints import Endpoint, subject_of
from runtime.desk import Ask
from runtime.endpoints import Wish

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["outgoing webhooks"])
EndpointId = Annotated[
    str,
    Path(
        description="The endpoint's id.",
        pattern=r"^we_[0-9a-f]{20}$",
        examples=["we_0123456789abcdef0123"],
    ),
]
Keeper = Annotated[Caller, Depends(only(Role.SERVICE, Role.OPERATOR, Role.SELLER))]


def own(caller: Caller) -> str | None:
    """Whose endpoints the caller sees: a seller their own, the others all."""
    return caller.seller if caller.role is Role.SELLER else None


@router.post("", status_code=201, response_model=NewEndpointView, responses=ASKED)
async def register_endpoint(body: EndpointIn, caller: Keeper, asked: Asked) -> Response:
    """Register an address that is told of events. Its secret is shown this once.

    A seller's endpoint sees what concerns the seller's own store, and nothing else.
    """
    use, name = asked.use, f"we_{fingerprint(str(caller), asked.key)[:20]}"
    at = use.clock.now(subject_of(name))
    wanted = Endpoint(
        id=name,
        version=1,
        owner=_owner(body, caller),
        url=body.url,
        description=body.description,
        kinds=body.kinds,
        is_enabled=True,
        disabled_because="",
        failing_since=None,
        created_by=str(caller),
        created_at=at,
    )

    async def work(db: AsyncConnection) -> tuple[int, dict[str, Any]]:
        if wanted.owner:
            await reading.seller(db, wanted.owner)
        row, number = await use.endpoints.register(db, wanted)
        return 201, EndpointView.of(row).model_dump(mode="json") | {"number": number}

    ask = Ask(
        caller=str(caller),
        route="webhook_endpoint.register",
        object=subject_of(name),
        key=asked.key,
        body_hash=body_hash(body),
        command="webhook_endpoint.register",
        received_at=at,
    )
    answer = await use.desk.do(ask, work)
    headers = {"Location": f"/v1/webhook-endpoints/{name}", "ETag": etag(1)}
    secret = await _secret(asked, name, answer.body.get("number"))
    return asked.answered(
        answer, lambda shown: (_without_number(shown) | {"secret": secret}, headers)
    )


def _owner(body: EndpointIn, caller: Caller) -> str:
    if caller.role is not Role.SELLER:
        return body.seller or ""
    if body.seller not in {None, caller.seller}:
        raise not_yours("a seller registers endpoints for nobody else")
    return caller.seller


def _without_number(body: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON document
    return {name: value for name, value in body.items() if name != "number"}


async def _secret(asked: Asking, name: str, number: int | None) -> str | None:
    """What is on record says which secret it was; it never holds the secret itself."""
    if number is None:
        return None
    async with asked.use.engine.connect() as db:
        return await asked.use.endpoints.shown(db, name, number)


@router.get("", responses=READ)
async def list_endpoints(
    caller: Keeper, db: Database, wanted: Annotated[PageQuery, Query()]
) -> Page[EndpointView]:
    """List endpoints, the newest first."""
    mark = decode_number(wanted.cursor)
    rows = await endpoints.listed(db, own(caller), mark, wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row.seq, EndpointView.of)


@router.get("/{endpoint}", response_model=EndpointView, responses=READ)
async def read_endpoint(endpoint: EndpointId, caller: Keeper, db: Database) -> Response:
    """Read an endpoint."""
    return _shown(await endpoints.found(db, endpoint, own(caller)))


@router.patch(
    "/{endpoint}", response_model=EndpointView, responses=problems(400, 404, 412, 422, 428)
)
async def change_endpoint(
    endpoint: EndpointId, body: EndpointChange, caller: Keeper, use: Use, seen: Seen
) -> Response:
    """Change, disable or enable an endpoint.

    What happens while it is disabled is not kept for it: ask for a replay afterwards.
    """
    wish = Wish(body.url, body.description, body.kinds, body.is_enabled)
    async with use.engine.begin() as db:
        before = await endpoints.found(db, endpoint, own(caller))
        return _shown(await use.endpoints.change(db, before, seen, wish))


@router.delete("/{endpoint}", status_code=204, responses=problems(404, 422))
async def remove_endpoint(endpoint: EndpointId, caller: Keeper, use: Use) -> Response:
    """Remove an endpoint with its secrets and its log."""
    async with use.engine.begin() as db:
        await use.endpoints.remove(db, await endpoints.found(db, endpoint, own(caller)))
    return Response(status_code=204)


@router.post("/{endpoint}/secret", status_code=201, response_model=NewSecretView, responses=ASKED)
async def rotate_secret(
    endpoint: EndpointId, body: RotationIn, caller: Keeper, asked: Asked
) -> Response:
    """Give an endpoint a new secret, shown this once. The old one signs as well for a while."""
    keep = timedelta(seconds=body.keep_old_for_seconds)
    received_at = asked.use.clock.now(subject_of(endpoint))

    async def work(db: AsyncConnection) -> tuple[int, dict[str, Any]]:
        row = await endpoints.found(db, endpoint, own(caller))
        number = await asked.use.endpoints.rotate(db, row, keep)
        until = (received_at + keep).isoformat()
        return 201, {"endpoint": endpoint, "number": number, "old_valid_until": until}

    answer = await asked.use.desk.do(
        asking_for(asked, endpoint, "webhook_endpoint.rotate", body_hash(body)), work
    )
    secret = await _secret(asked, endpoint, answer.body.get("number"))
    return asked.answered(answer, lambda shown: ({**shown, "secret": secret}, {}))


def asking_for(asked: Asking, endpoint: str, command: str, hashed: str) -> Ask:
    """A request about an endpoint that no process has to hear of."""
    return Ask(
        caller=str(asked.caller),
        route=f"{command}/{endpoint}",
        object=subject_of(endpoint),
        key=asked.key,
        body_hash=hashed,
        command=command,
        received_at=asked.use.clock.now(subject_of(endpoint)),
    )


def _shown(row: Endpoint) -> Response:
    view = EndpointView.of(row)
    return JSONResponse(view.model_dump(mode="json"), headers={"ETag": etag(view.version)})
