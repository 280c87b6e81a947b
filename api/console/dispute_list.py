"""The disputes of a visitor: staff see all, a side its own."""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.console import lists
from api.console.pages import page_of
from api.console.visitor import Somebody
from api.deps import Database
from api.routers import disputes as disputes_api
from api.schemas.disputes import DisputeQuery
from domain.actors import STAFF
from domain.dispute.reasons import Reason
from persistence import case_reading

router = APIRouter()
# What people look for, in the order of a dispute's life.
STATUSES: Final = (
    *("needs_attention", "awaiting_seller", "awaiting_buyer", "evidence", "in_review"),
    *(
        "platform_proposed",
        "awaiting_approval",
        "ruled",
        "return_due",
        "return_under_way",
        "return_check",
    ),
    *("reship_due", "reshipped", "appealable", "appealed", "refunded", "partly_refunded"),
    *("rejected", "withdrawn"),
)


class ListQuery(DisputeQuery):
    """What a visitor filters by; an empty field asks for nothing."""

    model_config = ConfigDict(extra="ignore")

    limit: Annotated[int, Field(ge=1, le=100)] = 40


@router.get("/disputes")
async def list_disputes(request: Request, who: Somebody, db: Database) -> Response:
    """List disputes, the newest first."""
    said = lists.said_in(request)
    wanted = lists.wanted(ListQuery, said)
    listed = await disputes_api.list_disputes(who.caller, db, wanted)
    return page_of(request, who).show(
        "disputes.html",
        listed=listed.items,
        wanted=wanted,
        statuses=STATUSES,
        reasons=tuple(Reason),
        older=lists.onward(said, listed.next),
        newest=await case_reading.newest(db, "") if who.caller.role in STAFF else 0,
    )
