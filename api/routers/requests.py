"""Requests on record: where to ask for an answer that was not there at once."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.asking import READ, request_view
from api.deps import Anybody, Use
from api.schemas.common import RequestView
from domain.actors import Role
from domain.errors import NotKnown

router = APIRouter(prefix="/v1/requests", tags=["requests"])
RequestId = Annotated[
    str, Path(pattern=r"^r-[0-9a-f]{32}$", examples=["r-0123456789abcdef0123456789abcdef"])
]


@router.get("/{request}", responses=READ)
async def read_request(request: RequestId, caller: Anybody, use: Use) -> RequestView:
    """Read what became of a request of yours."""
    row = await use.desk.look(request)
    sees_all = caller.role in {Role.OPERATOR, Role.AUDITOR}
    if row is None or not (sees_all or row.caller == str(caller)):
        raise NotKnown(f"there is no request {request}", request=request)
    return request_view(row)
