"""Evidence of a dispute: files, shown by either side or by staff, and seen by both."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from api.asking import READ, problems, visible_dispute
from api.auth import Caller
from api.deps import Anybody, Use, only
from api.problems import Problem
from api.routers.disputes import DisputeId
from api.schemas.evidence import EvidenceList, EvidenceView
from domain.actors import Role
from domain.dispute.evidence import MEDIA_TYPES
from domain.ids import dispute_workflow_id
from persistence.disputes.evidence import Shown
from runtime.evidence import Sender

router = APIRouter(tags=["disputes"])
SHOWS: Final = (Role.BUYER, Role.SELLER, Role.SUPPORT_AGENT, Role.SUPPORT_LEAD)
Shower = Annotated[Caller, Depends(only(*SHOWS))]
Number = Annotated[int, Path(ge=1, le=10_000, description="Which file, in the order they came.")]
_PATIENCE: Final = 180.0
_FILE: Final = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/v1/disputes/{dispute}/evidence",
    status_code=201,
    response_model=EvidenceView,
    responses=problems(400, 404, 409, 410, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, _FILE)}},
)
async def show_evidence(
    request: Request, dispute: DisputeId, caller: Shower, use: Use
) -> JSONResponse:
    """Show a file (10 MB at the most) as it is: a picture, a film or a PDF.

    What it is, its content says. The same file again is the same evidence. After the round for
    evidence it is kept and marked as late: whoever decides need not look at it. A file in which a
    scanner finds malware is refused, and kept nowhere.
    """
    state = await visible_dispute(use, caller, dispute)
    with use.uploads.taken(str(caller)):
        content = await arrived(request.body())
        at = use.clock.now(dispute_workflow_id(dispute))
        shown = await use.evidence.show(state, Sender(caller.actor, str(caller)), content, at)
    view = EvidenceView.of(shown)
    return JSONResponse(view.model_dump(mode="json"), 201, {"Location": view.href})


async def arrived(content: Awaitable[bytes], seconds: float = _PATIENCE) -> bytes:
    """A file, once it is here. Raises `Problem` (400) if it takes too long.

    Whoever sends one slowly enough would otherwise keep others from sending any.
    """
    try:
        async with asyncio.timeout(seconds):
            return await content
    except TimeoutError:
        raise Problem(
            "request-unreadable",
            f"the file was not here within {seconds:g} seconds: send it again, or a smaller one",
        ) from None


@router.get("/v1/disputes/{dispute}/evidence", responses=READ)
async def list_evidence(dispute: DisputeId, caller: Anybody, use: Use) -> EvidenceList:
    """List what was shown, the first one first."""
    state = await visible_dispute(use, caller, dispute)
    return EvidenceList(
        items=[EvidenceView.of(one) for one in await use.evidence.of(state.dispute)]
    )


@router.get(
    "/v1/disputes/{dispute}/evidence/{number}",
    response_class=Response,
    responses={**problems(404, 410, 422), 200: {"content": dict.fromkeys(MEDIA_TYPES, _FILE)}},
)
async def read_evidence(dispute: DisputeId, number: Number, caller: Anybody, use: Use) -> Response:
    """Read one file."""
    state = await visible_dispute(use, caller, dispute)
    return as_file(*await use.evidence.file(state.dispute, number))


def as_file(shown: Shown, content: bytes) -> Response:
    """A stranger's file: shown as what its content is, with nothing in it being run."""
    name = f"{shown.dispute}-{shown.number}.{MEDIA_TYPES[shown.media_type]}"
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type=shown.media_type, headers=headers)
