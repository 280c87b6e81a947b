"""Absences of the staff: entered, ended, listed; what somebody has goes to who is there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, Asking, body_hash, not_yours
from api.auth import Caller
from api.deps import Database, Staff, Use, only
from api.paging import Page
from api.problems import Problem
from api.schemas.absences import AbsenceIn, AbsenceView, HandedOverView
from domain.actors import STAFF, Role
from domain.dispute import rules
from domain.dispute.rules import JUDGES, Action
from domain.errors import NotKnown
from domain.ids import dispute_workflow_id, fingerprint
from persistence import absences, audit
from persistence.absences import Absence
from persistence.disputes import reading
from runtime import errands
from runtime.desk import Ask
from runtime.errands import Errand
from workflows.dispute.messages import DisputeRequest

AbsenceId = Annotated[int, Path(ge=1, le=2**62)]
router = APIRouter(prefix="/v1/absences", tags=["work"])
Worker = Annotated[Caller, Depends(only(*Staff))]
Colleague = Annotated[Caller, Depends(only(*sorted(STAFF - {Role.AUDITOR})))]
_CLOCK: Final = "work"
_WORKERS: Final = frozenset(map(str, STAFF - {Role.AUDITOR}))


@router.get("", responses=READ, dependencies=[Depends(only(*Staff))])
async def list_absences(use: Use, db: Database) -> Page[AbsenceView]:
    """List who is away now, the first to be back first."""
    found = await absences.at(db, use.clock.now(_CLOCK))
    return Page(items=[AbsenceView.of(each) for each in found], next=None)


@router.post("", status_code=201, response_model=HandedOverView, responses=ASKED)
async def begin_absence(body: AbsenceIn, caller: Colleague, asked: Asked) -> Response:
    """Be away, or say that somebody is: everybody for themselves, a lead for anybody.

    All that the person has taken goes to `cover`, or into the queue; until they are back nobody can
    give them more.
    """
    at = asked.use.clock.now(_CLOCK)
    _must_be_sound(caller, body, is_over=body.until <= at)
    new = Absence(0, body.person, body.cover, body.why, str(caller), at, body.until)

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        made = await absences.begin(db, new)
        subjects = await absences.hand_over(db, new.person, new.cover, str(caller), at)
        cases = await _hand_over_cases(db, made, asked)
        await _log(db, made, "absence_began", str(caller), at)
        return 201, HandedOverView.made(made, sorted({*subjects, *cases})).model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route="absence.begin",
        object=f"person/{body.person}",
        key=asked.key,
        body_hash=body_hash(body),
        command="absence.begin",
        received_at=at,
    )
    return await asked.do(ask, work)


@router.post("/{absence}/ending", response_model=AbsenceView, responses=ASKED)
async def end_absence(absence: AbsenceId, caller: Colleague, asked: Asked) -> Response:
    """Be back, or say that somebody is. What was handed over stays where it went."""
    at = asked.use.clock.now(_CLOCK)

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        ended = await absences.end(db, absence, at)
        if ended is None:
            raise NotKnown(f"nobody is away under {absence}", absence=absence)
        _must_be_theirs(caller, ended.person)
        await _log(db, ended, "absence_ended", str(caller), at)
        return 200, AbsenceView.of(ended).model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route="absence.end",
        object=f"absence/{absence}",
        key=asked.key,
        body_hash="",
        command="absence.end",
        received_at=at,
    )
    return await asked.do(ask, work)


def _must_be_theirs(caller: Caller, person: str) -> None:
    if person != str(caller) and caller.role is not Role.SUPPORT_LEAD:
        raise not_yours("everybody says for themselves that they are away; a lead for anybody")


def _must_be_sound(caller: Caller, body: AbsenceIn, *, is_over: bool) -> None:
    """Refuse (`Problem` 403, 422) an absence of nobody, covered by nobody, or over already."""
    _must_be_theirs(caller, body.person)
    errors = [
        {"field": name, "why": "role and id of somebody of the staff"}
        for name, person in (("person", body.person), ("cover", body.cover))
        if person and (person.partition(":")[0] not in _WORKERS or not person.partition(":")[2])
    ]
    if body.cover and _trade(body.cover) != _trade(body.person):
        errors.append({"field": "cover", "why": "somebody whose role does the same work"})
    if body.cover == body.person:
        errors.append({"field": "cover", "why": "somebody else"})
    if is_over:
        errors.append({"field": "until", "why": "an instant that is still to come"})
    if errors:
        fields = ", ".join(error["field"] for error in errors)
        raise Problem("request-invalid", f"cannot be accepted: {fields}", {"errors": errors})


def _trade(person: str) -> str:
    """Whose work somebody may do: agents and leads of support do each other's."""
    role = person.partition(":")[0]
    return str(Role.SUPPORT_AGENT) if role in JUDGES else role


async def _hand_over_cases(db: AsyncConnection, absence: Absence, asked: Asking) -> list[str]:
    """Let the disputes that are theirs hear whose they are from now on."""
    caller, use = asked.caller, asked.use
    if caller.role not in JUDGES or absence.person.partition(":")[0] not in JUDGES:
        return []
    names = await absences.cases_of(db, absence.name)
    covers = absence.cover.partition(":")
    to = covers[2] if covers[0] in JUDGES else ""
    said: list[Errand] = []
    for name, state in sorted((await reading.by_name(db, names)).items()):
        if not rules.is_possible(state, Action.ASSIGN):
            continue
        subject = dispute_workflow_id(name)
        received_at = use.clock.now(subject)
        wish = rules.Asked(to=to, why=absence.why)
        message = DisputeRequest(caller.actor, received_at, wish, caller.id)
        said.append(Errand(subject, "dispute.assign", message, state.buyer, received_at))
    if said:
        # The same key may have been another absence's.
        key = fingerprint("absence", str(absence.absence), asked.key)
        await errands.record(db, use.vault, str(caller), key, said)
    return [each.object for each in said]


async def _log(
    db: AsyncConnection, absence: Absence, action: str, actor: str, at: datetime
) -> None:
    facts = {
        "person": absence.person,
        "cover": absence.cover,
        "until": absence.ends_at.isoformat(),
    }
    subject = f"absence/{absence.absence}"
    entry = audit.Entry(0, subject, 1, action, actor, at, absence.why, facts)
    await db.execute(audit.adding(entry))
