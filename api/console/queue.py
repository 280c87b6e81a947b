"""The queue: what needs me next, by due time; taken, given on, seen by saved views."""

import json
import secrets
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request
from pydantic import ConfigDict, ValidationError
from starlette.responses import Response

from api.asking import Asking
from api.auth import Caller
from api.console import lists
from api.console.pages import page_of, see_other
from api.console.visitor import PATH, Fields, Visitor, key_of, local, visitors
from api.deps import Database, Use
from api.problems import Problem
from api.routers import absences as absences_api
from api.routers import work as work_api
from api.schemas.absences import AbsenceIn
from api.schemas.work import AssignmentIn, QueueQuery
from domain.actors import STAFF, Role
from domain.casework import WorkKind
from domain.errors import VersionConflict
from persistence import absences, case_reading, casework

router = APIRouter()
Worker = Annotated[Visitor, Depends(visitors(*STAFF))]
Colleague = Annotated[Visitor, Depends(visitors(*(STAFF - {Role.AUDITOR})))]
WHOSE: Final = ("any", "mine", "nobody")
_LONGEST_NAME: Final = 40
_REFUSED: Final = 400


class ListQuery(QueueQuery):
    """What a visitor filters by; `whose` says it in words."""

    model_config = ConfigDict(extra="ignore")

    whose: str = WHOSE[0]


@dataclass(frozen=True)
class View:
    """A saved view, and whether it is what is shown."""

    name: str
    query: str
    is_shown: bool


@router.get("/queue")
async def show_queue(request: Request, who: Worker, db: Database) -> Response:
    """Show what needs the visitor next, and who has how much."""
    said = lists.said_in(request)
    wanted = _wanted(said, who.caller)
    page = page_of(request, who, "work")
    newest = await case_reading.newest(db, "")
    listed = await work_api.listed(who.caller, db, page.reading.now, wanted)
    kept = {name: value for name, value in said.items() if name not in {"cursor", "done"}}
    query = urlencode(kept)
    views = [
        View(name, each, is_shown=dict(parse_qsl(each)) == kept)
        for name, each in await casework.views(db, str(who.caller))
    ]
    return page.show(
        "queue.html",
        listed=listed.items,
        wanted=wanted,
        kinds=tuple(WorkKind),
        whose=WHOSE,
        query=query,
        later=lists.onward(kept, listed.next),
        loads=await work_api.loads(who.caller, db, page.reading.now),
        views=views,
        may_take=who.caller.role is not Role.AUDITOR,
        may_give=who.caller.role not in {Role.AUDITOR, Role.SUPPORT_AGENT},
        key=f"console-{secrets.token_urlsafe(12)}",
        newest=newest,
        path_of=path_of,
        away=await absences.at(db, page.reading.now),
        me=str(who.caller),
    )


def _wanted(said: dict[str, str], caller: Caller) -> ListQuery:
    """What is asked for, with the visitor's own name for what is theirs."""
    wanted = lists.wanted(ListQuery, said)
    assignee = {"mine": str(caller), "nobody": casework.NOBODY}.get(wanted.whose, wanted.assignee)
    return wanted.model_copy(update={"assignee": assignee})


@router.post("/queue/assignment")
async def assign(request: Request, who: Colleague, use: Use, fields: Fields) -> Response:
    """Take work, give it on or give it back, by the version that the page showed."""
    back = local(fields.get("to", f"{PATH}/queue"))
    try:
        body = AssignmentIn(
            subject=fields.get("subject", ""),
            kind=WorkKind(fields.get("kind", "")),
            assignee=fields.get("assignee", "").strip(),
            seen=int(fields.get("seen", "")),
        )
    except (ValidationError, ValueError):
        raise Problem("request-invalid", "the form says not what to give to whom") from None
    asked = Asking(request, use, who.caller, key_of(fields, f"-{body.subject}-{body.seen}"))
    answer = await work_api.assign_work(body, who.caller, asked)
    if answer.status_code >= _REFUSED:
        raise VersionConflict("somebody else was first: look at the queue again")
    return see_other(back)


@router.post("/queue/absences")
async def be_away(request: Request, who: Colleague, use: Use, fields: Fields) -> Response:
    """Be away from now on until the beginning of a day, by the visitor's own clock."""
    page = page_of(request, who, "work")
    cover = fields.get("cover", "").strip()
    if cover and ":" not in cover:
        # Mostly somebody of one's own role, who is known by their id.
        cover = f"{who.caller.role}:{cover}"
    try:
        day = date.fromisoformat(fields.get("until", ""))
        body = AbsenceIn(
            person=str(who.caller),
            until=page.reading.beginning_of(day),
            cover=cover,
            why=fields.get("why", ""),
        )
    except (ValidationError, ValueError):
        raise Problem("request-invalid", "the form says not until when, or for whom") from None
    asked = Asking(request, use, who.caller, key_of(fields))
    answer = await absences_api.begin_absence(body, who.caller, asked)
    return _led_back(answer, "away")


@router.post("/queue/absences/{absence}")
async def be_back(
    request: Request,
    absence: absences_api.AbsenceId,
    who: Colleague,
    use: Use,
    fields: Fields,
) -> Response:
    """Be back, or say that somebody is."""
    asked = Asking(request, use, who.caller, key_of(fields))
    return _led_back(await absences_api.end_absence(absence, who.caller, asked), "back")


def _led_back(answer: Response, done: str) -> Response:
    if answer.status_code >= _REFUSED:
        told = json.loads(bytes(answer.body))
        raise Problem(str(told["type"]).rpartition("/")[2], str(told["detail"]))
    return see_other(f"{PATH}/queue", done=done)


@router.post("/queue/views")
async def keep_view(who: Worker, use: Use, fields: Fields) -> Response:
    """Keep what is filtered by under a name, or forget a view."""
    name, query = fields.get("name", "").strip()[:_LONGEST_NAME], fields.get("query", "")[:500]
    if not (name + query).isprintable():
        raise Problem("request-invalid", "a view's name and filter are what can be shown")
    async with use.engine.begin() as db:
        if fields.get("step") == "forget":
            await casework.forget_view(db, str(who.caller), name)
        elif name:
            await casework.save_view(db, str(who.caller), name, query)
    return see_other(f"{PATH}/queue?{query}" if query else f"{PATH}/queue")


def path_of(subject: str) -> str:
    """The page of an object that work is about; "" where there is none."""
    kind, _, name = subject.partition("/")
    known = {
        "chargeback": "chargebacks",
        "dispute": "disputes",
        "order": "orders",
        "payout": "payouts",
    }
    return f"{PATH}/{known[kind]}/{name}" if kind in known else ""
