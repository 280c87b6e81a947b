"""What needs a person: listed by due time, taken, given on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, body_hash, not_yours
from api.auth import Caller
from api.deps import Database, Staff, Use, only
from api.paging import SEPARATOR, Page, decode, page
from api.problems import Problem
from api.schemas.work import AssignmentIn, LoadView, QueueQuery, WorkQuery, WorkView
from domain.actors import STAFF, Role
from persistence import absences, casework
from persistence.casework import Item, Mark, Wanted
from runtime.desk import Ask

router = APIRouter(prefix="/v1/work-items", tags=["work"])
Worker = Annotated[Caller, Depends(only(*Staff))]
Taker = Annotated[Caller, Depends(only(*sorted(STAFF - {Role.AUDITOR})))]
_CLOCK = "work"


@router.get("", responses=READ)
async def list_work(
    caller: Worker, use: Use, db: Database, wanted: Annotated[WorkQuery, Query()]
) -> Page[WorkView]:
    """List what needs a person, the first to be due first; without `all`, what you may do."""
    return await listed(caller, db, use.clock.now(_CLOCK), QueueQuery(**wanted.model_dump()))


@router.get("/loads", responses=READ)
async def list_loads(caller: Worker, use: Use, db: Database) -> Page[LoadView]:
    """Read how much each person has taken of what your role may do, and how much is overdue."""
    found = await loads(caller, db, use.clock.now(_CLOCK))
    return Page(items=found, next=None)


@router.post("/assignment", response_model=WorkView, responses=ASKED)
async def assign_work(body: AssignmentIn, caller: Taker, asked: Asked) -> Response:
    """Take work, give it to somebody, or give it back. Only a lead gives what another has."""
    may_be_given(caller, body)
    at = asked.use.clock.now(_CLOCK)

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        if body.assignee:
            await absences.must_be_here(db, body.assignee, at)
        item = await casework.assign(
            db, body.subject, body.kind, body.assignee, str(caller), body.seen, at
        )
        return 200, WorkView.of(item, at).model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route=f"work.assign/{body.kind}",
        object=body.subject,
        key=asked.key,
        body_hash=body_hash(body),
        command="work.assign",
        received_at=at,
    )
    return await asked.do(ask, work)


def may_be_given(caller: Caller, body: AssignmentIn) -> None:
    """Refuse to give work to somebody who is no colleague (`Problem` 403, 422)."""
    role = body.assignee.partition(":")[0]
    if body.assignee and role not in STAFF - {Role.AUDITOR}:
        errors = [{"field": "assignee", "why": "role and id of somebody of the staff"}]
        raise Problem("request-invalid", "cannot be accepted: assignee", {"errors": errors})
    is_own = body.assignee in {"", str(caller)}
    if not is_own and caller.role is Role.SUPPORT_AGENT:
        raise not_yours("an agent takes work or gives it back; a lead gives it to others")


async def listed(
    caller: Caller, db: AsyncConnection, at: datetime, wanted: QueueQuery
) -> Page[WorkView]:
    """A page of the work that *caller* wants to see, as it stands *at* a moment."""
    filtered = Wanted(
        role=_role(caller, everything=wanted.all),
        assignee=wanted.assignee,
        kind=wanted.kind,
        seller=wanted.seller,
        late_at=at if wanted.overdue else None,
        sought=wanted.q,
    )
    rows = await casework.items(db, filtered, _mark(wanted.cursor), wanted.limit + 1)
    return page(rows, wanted.limit, _marked, lambda item: WorkView.of(item, at))


async def loads(caller: Caller, db: AsyncConnection, at: datetime) -> list[LoadView]:
    """Who has how much of what *caller* may do."""
    mine = Wanted(role=_role(caller, everything=False))
    return [LoadView.of(load) for load in await casework.loads(db, mine, at)]


def _role(caller: Caller, *, everything: bool) -> str | None:
    """Whose work is seen: one's own role's, or everybody's; an auditor has none."""
    return None if everything or caller.role is Role.AUDITOR else str(caller.role)


def _marked(item: Item) -> str:
    return SEPARATOR.join((item.due_at.isoformat(), item.subject, item.kind))


def _mark(cursor: str) -> Mark | None:
    due_at, *rest = decode(cursor).split(SEPARATOR)
    if not due_at:
        return None
    try:
        subject, kind = rest
        return datetime.fromisoformat(due_at), subject, kind
    except ValueError:
        errors = [{"field": "query cursor", "why": "not a cursor of ours"}]
        raise Problem(
            "request-invalid", "the cursor is not one of ours", {"errors": errors}
        ) from None
