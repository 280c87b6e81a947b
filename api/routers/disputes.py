"""Disputes: opened, read, listed; what people ask of them is judged by their process."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.asking import (
    ASKED,
    READ,
    Asked,
    Asking,
    body_hash,
    problems,
    visible_dispute,
    visible_order,
)
from api.auth import Caller
from api.deps import Anybody, Database, Staff, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.routers.orders import OrderId
from api.routers.timeline import STREAM, told
from api.schemas.common import Id
from api.schemas.disputes import (
    PATHS,
    AcceptanceIn,
    ApprovalIn,
    AssignmentIn,
    CauseIn,
    DeedView,
    DisputeFigures,
    DisputeIn,
    DisputeQuery,
    DisputeResolutionIn,
    DisputeView,
    ParcelIn,
    ProposalIn,
    RulingIn,
    WhyIn,
)
from api.schemas.online import BoxQuery
from api.schemas.order_views import HappenedView, etag
from api.schemas.returns import ReturnIn
from domain.actors import Role
from domain.dispute import rules
from domain.dispute.rules import WHO_MAY, Action
from domain.dispute.state import Sent
from domain.ids import dispute_workflow_id, fingerprint, order_workflow_id
from domain.shipment.labels import Box
from persistence import absences, audit
from persistence.audit import AuditFilter
from persistence.disputes import reading
from persistence.disputes.reading import DisputeFilter
from runtime.commands import DISPUTE
from runtime.desk import Ask, Condition
from workflows.dispute.messages import DisputeRequest, OpenDispute
from workflows.order.messages import Resolve

router = APIRouter(tags=["disputes"])
DisputeId = Annotated[Id, Path(description="The dispute's id.", examples=["d-1001"])]
Disputer = Annotated[Caller, Depends(only(Role.BUYER))]
Handler = Callable[..., Awaitable[Response]]


@router.post(
    "/v1/orders/{order}/disputes", status_code=201, response_model=DisputeView, responses=ASKED
)
async def open_dispute(order: OrderId, body: DisputeIn, caller: Disputer, asked: Asked) -> Response:
    """Dispute lines of an order, running or ended. Their share is held at once.

    The seller has days to answer, else what was asked is carried out, clamped to what the lines
    cost. Repeating the call with the same key is harmless.
    """
    dispute = f"d-{fingerprint(str(caller), order, asked.key)[:20]}"
    received_at = asked.use.clock.now(order_workflow_id(order))
    state = await visible_order(asked.use, caller, order)
    opening = OpenDispute(
        dispute=dispute,
        order=order,
        buyer=state.buyer,
        seller=state.seller,
        order_currency=state.currency,
        lines=tuple(sorted(set(body.lines))),
        category=body.category,
        reason=body.reason,
        remedy=body.remedy,
        amount=body.amount,
        currency=body.currency or state.currency,
        received_at=received_at,
    )
    ask = Ask(
        caller=str(caller),
        route=DISPUTE,
        # The order's: what its deadlines would do waits until this has been heard.
        object=order_workflow_id(order),
        key=asked.key,
        body_hash=body_hash(body),
        command=DISPUTE,
        received_at=received_at,
        message=opening,
        person=state.buyer,
        seen=asked.seen,
    )
    response = await asked.sent(ask, asked.show_dispute)
    if response.status_code == 201:  # noqa: PLR2004 - the status of the route itself
        response.headers["Location"] = f"/v1/disputes/{dispute}"
    return response


@router.get("/v1/disputes", responses=READ)
async def list_disputes(
    caller: Anybody, db: Database, wanted: Annotated[DisputeQuery, Query()]
) -> Page[DisputeFigures]:
    """List disputes, the newest first. A buyer or seller sees only their own."""
    seen = DisputeFilter(
        status=wanted.status,
        reason=wanted.reason,
        order=wanted.order,
        seller=caller.seller if caller.role is Role.SELLER else wanted.seller,
        buyer=caller.id if caller.role is Role.BUYER else wanted.buyer,
        assignee="" if wanted.unassigned else wanted.assignee,
        needs_attention=wanted.needs_attention,
    )
    rows = await reading.disputes(db, seen, decode_number(wanted.cursor), wanted.limit + 1)
    return page(
        rows, wanted.limit, lambda row: row[0], lambda row: DisputeFigures.of(row[1], caller)
    )


@router.get("/v1/disputes/{dispute}", response_model=DisputeView, responses=READ)
async def read_dispute(dispute: DisputeId, caller: Anybody, use: Use) -> Response:
    """Read a dispute: who offers what, what you may do, what happens next and when."""
    view = DisputeView.of(await visible_dispute(use, caller, dispute), caller)
    return JSONResponse(view.model_dump(mode="json"), headers={"ETag": etag(view.version)})


@router.get("/v1/disputes/{dispute}/log", responses=READ, dependencies=[Depends(only(*Staff))])
async def read_dispute_log(
    dispute: DisputeId,
    caller: Anybody,
    use: Use,
    db: Database,
    wanted: Annotated[PageQuery, Query()],
) -> Page[DeedView]:
    """Read who did what and why, the oldest first. Nothing of it is ever edited or deleted."""
    await visible_dispute(use, caller, dispute)
    after = decode_number(wanted.cursor)
    seen = AuditFilter(subject=dispute_workflow_id(dispute))
    rows = await audit.entries(db, seen, after, wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row.seq, DeedView.of)


@router.get(
    "/v1/disputes/{dispute}/timeline",
    response_model=Page[HappenedView],
    responses={
        200: {"content": {STREAM: {"schema": {"type": "string"}}}},
        **problems(404, 422),
    },
)
async def read_dispute_timeline(
    dispute: DisputeId,
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
    await visible_dispute(use, caller, dispute)
    return await told(use, caller, dispute_workflow_id(dispute), wanted, accept, last_event_id)


def _asks(action: Action) -> Callable[[Handler], Handler]:
    """Declare a route. The domain's table says who may; the process asks it again."""
    return router.post(
        f"/v1/disputes/{{dispute}}/{PATHS[action]}",
        response_model=DisputeView,
        responses={**ASKED, **problems(412)},
        dependencies=[Depends(only(*sorted(WHO_MAY[action])))],
    )


async def _ask(
    asked: Asking,
    name: str,
    action: Action,
    body: BaseModel,
    about: rules.Asked | None = None,
    only_if: Condition | None = None,
) -> Response:
    """Ask something of a dispute that the caller may see; answer with how it then stands."""
    wish = partial(DisputeRequest, asked=about or rules.Asked(), person=asked.caller.id)
    return await asked.dispute(name, f"dispute.{action}", body, wish, only_if)


@_asks(Action.PROPOSE)
async def propose(dispute: DisputeId, body: ProposalIn, asked: Asked) -> Response:
    """Offer something else; what you offered before is superseded. Zero offers nothing."""
    about = rules.Asked(remedy=body.remedy, amount=body.amount)
    return await _ask(asked, dispute, Action.PROPOSE, body, about)


@_asks(Action.ACCEPT)
async def accept_proposal(dispute: DisputeId, body: AcceptanceIn, asked: Asked) -> Response:
    """Accept a standing proposal by its version. The platform's binds once both sides have."""
    return await _ask(asked, dispute, Action.ACCEPT, body, rules.Asked(version=body.version))


@_asks(Action.DECLINE)
async def decline_proposal(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Do not take the platform's proposal: a person decides."""
    return await _ask(asked, dispute, Action.DECLINE, body, rules.Asked(why=body.why))


@_asks(Action.ESCALATE)
async def escalate(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Ask the platform to step in now; it does by itself on the policy's day."""
    return await _ask(asked, dispute, Action.ESCALATE, body, rules.Asked(why=body.why))


@_asks(Action.EXTEND_EVIDENCE)
async def extend_evidence(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Take more time for evidence, once in a round."""
    return await _ask(asked, dispute, Action.EXTEND_EVIDENCE, body, rules.Asked(why=body.why))


@_asks(Action.DECIDE)
async def decide_dispute(dispute: DisputeId, body: RulingIn, asked: Asked) -> Response:
    """Rule on the case, or on its appeal. Above the policy's limit a second person must agree."""
    about = rules.Asked(
        version=body.revision,
        remedy=body.remedy,
        amount=body.amount,
        platform=body.platform,
        carrier=body.carrier,
        why=body.why,
    )
    return await _ask(asked, dispute, Action.DECIDE, body, about)


@_asks(Action.APPROVE)
async def approve_decision(dispute: DisputeId, body: ApprovalIn, asked: Asked) -> Response:
    """Agree, as the second person, to what another one ruled."""
    about = rules.Asked(version=body.revision, why=body.why)
    return await _ask(asked, dispute, Action.APPROVE, body, about)


@_asks(Action.DISAPPROVE)
async def disapprove_decision(dispute: DisputeId, body: ApprovalIn, asked: Asked) -> Response:
    """Do not agree: the ruling is void, and somebody rules anew."""
    about = rules.Asked(version=body.revision, why=body.why)
    return await _ask(asked, dispute, Action.DISAPPROVE, body, about)


@_asks(Action.TAKE_BACK)
async def take_back_decision(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Take a bulk ruling back in this case, in its time: somebody rules anew."""
    return await _ask(asked, dispute, Action.TAKE_BACK, body, rules.Asked(why=body.why))


@_asks(Action.ASSIGN)
async def assign_dispute(dispute: DisputeId, body: AssignmentIn, asked: Asked) -> Response:
    """Take a case, hand it on, or put it back into the queue."""

    async def is_here(db: AsyncConnection) -> None:
        if body.to:
            await absences.must_be_here(db, body.to, asked.use.clock.now("work"))

    about = rules.Asked(to=body.to or "", why=body.why)
    return await _ask(asked, dispute, Action.ASSIGN, body, about, is_here)


@_asks(Action.RETURN_LABEL)
async def buy_return_label(dispute: DisputeId, body: BoxQuery, asked: Asked) -> Response:
    """Get the label by which the goods go back; who pays it is the policy's word.

    Nothing is bought for goods that are worth less than their way back.
    """
    box = Box(body.grams, body.length_mm, body.width_mm, body.height_mm)
    return await _ask(asked, dispute, Action.RETURN_LABEL, body, rules.Asked(box=box))


@_asks(Action.SEND_BACK)
async def declare_return(dispute: DisputeId, body: ReturnIn, asked: Asked) -> Response:
    """Say that the goods are on their way back. A scan must follow."""
    parcel = Sent(body.carrier, body.number) if body.carrier and body.number else None
    about = rules.Asked(parcel=parcel)
    return await _ask(asked, dispute, Action.SEND_BACK, body, about)


@_asks(Action.ACCEPT_RETURN)
async def accept_return(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Take the return as it is, or do without it: the buyer is refunded."""
    return await _ask(asked, dispute, Action.ACCEPT_RETURN, body, rules.Asked(why=body.why))


@_asks(Action.SEND_AGAIN)
async def declare_reshipment(dispute: DisputeId, body: ParcelIn, asked: Asked) -> Response:
    """Say that the goods were sent once more."""
    about = rules.Asked(parcel=Sent(body.carrier, body.number))
    return await _ask(asked, dispute, Action.SEND_AGAIN, body, about)


@_asks(Action.ACCEPT_GOODS)
async def accept_goods(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Say that what was sent again is there and right."""
    return await _ask(asked, dispute, Action.ACCEPT_GOODS, body, rules.Asked(why=body.why))


@_asks(Action.OBJECT_TO_GOODS)
async def object_to_goods(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Say that what came is empty or wrong: a further round of evidence begins."""
    return await _ask(asked, dispute, Action.OBJECT_TO_GOODS, body, rules.Asked(why=body.why))


@_asks(Action.CHANGE_REASON)
async def change_reason(dispute: DisputeId, body: CauseIn, asked: Asked) -> Response:
    """What was missing has come, and is not right: the same case goes on."""
    about = rules.Asked(reason=body.reason)
    return await _ask(asked, dispute, Action.CHANGE_REASON, body, about)


@_asks(Action.CONTEST_ARRIVAL)
async def contest_arrival(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Say that nothing came, whatever the carrier says."""
    return await _ask(asked, dispute, Action.CONTEST_ARRIVAL, body, rules.Asked(why=body.why))


@_asks(Action.WITHDRAW)
async def withdraw_dispute(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Dispute nothing any more: what was held is the seller's."""
    return await _ask(asked, dispute, Action.WITHDRAW, body, rules.Asked(why=body.why))


@_asks(Action.APPEAL)
async def appeal_ruling(dispute: DisputeId, body: WhyIn, asked: Asked) -> Response:
    """Have another person look at the ruling, once."""
    return await _ask(asked, dispute, Action.APPEAL, body, rules.Asked(why=body.why))


@_asks(Action.RESOLVE)
async def resolve_dispute(dispute: DisputeId, body: DisputeResolutionIn, asked: Asked) -> Response:
    """Let a parked dispute go on: try the step again, or take it as settled by hand."""
    word = partial(Resolve, resolution=body.resolution, note=body.note)
    return await asked.dispute(dispute, "dispute.resolve", body, word)
