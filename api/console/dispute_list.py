"""The disputes of a visitor: staff see all, a side its own."""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field, ValidationError
from starlette.responses import Response

from api.console.pages import page_of
from api.console.visitor import Somebody
from api.deps import Database
from api.routers import disputes as disputes_api
from api.schemas.disputes import DisputeQuery
from domain.actors import STAFF
from persistence import case_reading

router = APIRouter()
# What people look for, in the order of a dispute's life.
STATUSES: Final = (
    *("needs_attention", "awaiting_seller", "awaiting_buyer", "evidence", "in_review"),
    *("platform_proposed", "awaiting_approval", "return_due", "return_under_way", "return_check"),
    *("reship_due", "reshipped", "appealable", "appealed", "refunded", "partly_refunded"),
    *("rejected", "withdrawn"),
)


class ListQuery(DisputeQuery):
    """What a visitor filters by; an empty field asks for nothing."""

    model_config = ConfigDict(extra="ignore")

    limit: Annotated[int, Field(ge=1, le=100)] = 40


def _wanted(said: dict[str, str]) -> ListQuery:
    """What is asked for; what cannot be read asks for nothing."""
    try:
        return ListQuery.model_validate(said)
    except ValidationError:
        return ListQuery()


@router.get("/disputes")
async def list_disputes(request: Request, who: Somebody, db: Database) -> Response:
    """List disputes, the newest first."""
    said = {name: value for name, value in request.query_params.items() if value}
    wanted = _wanted(said)
    listed = await disputes_api.list_disputes(who.caller, db, wanted)
    kept = {name: value for name, value in said.items() if name != "cursor"}
    return page_of(request, who).show(
        "disputes.html",
        listed=listed.items,
        wanted=wanted,
        statuses=STATUSES,
        older=f"?{urlencode(kept | {'cursor': listed.next})}" if listed.next else "",
        newest=await case_reading.newest(db, "") if who.caller.role in STAFF else 0,
    )
