"""Evidence on a case's page: a file is sent from there, and looked at there."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.asking import visible_dispute
from api.console.pages import see_other
from api.console.visitor import PATH, Somebody, uploaded
from api.deps import Use
from api.problems import Problem
from api.routers.disputes import DisputeId
from api.routers.evidence import SHOWS, Number, arrived, as_file
from domain.ids import dispute_workflow_id
from runtime.evidence import Sender

router = APIRouter()


@router.get("/disputes/{dispute}/evidence/{number}")
async def show_file(dispute: DisputeId, number: Number, who: Somebody, use: Use) -> Response:
    """Show one file."""
    state = await visible_dispute(use, who.caller, dispute)
    return as_file(*await use.evidence.file(state.dispute, number))


@router.post("/disputes/{dispute}/evidence")
async def take_file(request: Request, dispute: DisputeId, who: Somebody, use: Use) -> Response:
    """Take a file in, and lead back to the case."""
    state = await visible_dispute(use, who.caller, dispute)
    if who.caller.role not in SHOWS:
        raise Problem("not-allowed", f"a {who.caller.role} may not do this")
    sender = Sender(who.caller.actor, str(who.caller))
    with use.uploads.taken(sender.name):
        content = await arrived(uploaded(request, who))
        at = use.clock.now(dispute_workflow_id(state.dispute))
        await use.evidence.show(state, sender, content, at)
    return see_other(f"{PATH}/disputes/{state.dispute}", done="show_evidence")
