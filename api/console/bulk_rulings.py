"""Bulk rulings on pages: many disputes looked at, foreseen, decided, and followed."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import ConfigDict, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import Asking
from api.console import lists
from api.console.pages import page_of, see_other
from api.console.visitor import PATH, Fields, Posted, Visitor, key_of, visitors
from api.deps import ActingDatabase, Database, Use
from api.paging import PageQuery, decode_number, page
from api.problems import Problem
from api.routers import bulk_rulings as bulk_api
from api.schemas.bulk_rulings import (
    WORDS,
    BulkCaseView,
    BulkFigures,
    BulkQuery,
    BulkRulingIn,
    BulkRulingView,
    CaseIn,
    ForeseenView,
    WordIn,
    totals,
)
from domain.actors import STAFF
from domain.dispute.bulk import MOST, Award, BorneBy, BulkRuling, Standing
from domain.dispute.reasons import Reason
from domain.dispute.rules import JUDGES, Action
from persistence import case_reading
from persistence.disputes import bulk as store
from persistence.disputes import reading
from runtime import bulk
from runtime.bulk import Foreseen

router = APIRouter()
Judge = Annotated[Visitor, Depends(visitors(*JUDGES))]
Worker = Annotated[Visitor, Depends(visitors(*STAFF))]
_HERE: Final = f"{PATH}/bulk-rulings"
_REFUSED: Final = 400


class NewQuery(BulkQuery):
    """What a visitor filters by; the rest of the form is not asked for here."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class Count:
    """How many of a ruling's disputes stand so."""

    standing: Standing
    cases: int


@router.get("/bulk-rulings")
async def list_bulk_rulings(request: Request, who: Worker, db: Database) -> Response:
    """List bulk rulings, the newest first."""
    said = lists.said_in(request)
    wanted = lists.wanted(_Listed, said)
    newest = await case_reading.newest(db, "")
    rows = await store.newest(db, decode_number(wanted.cursor), wanted.limit + 1)
    listed = page(rows, wanted.limit, lambda row: row[0], lambda row: BulkFigures.of(row[1]))
    return page_of(request, who).show(
        "bulk_list.html",
        listed=listed.items,
        older=lists.onward(said, listed.next),
        newest=newest,
        may_rule=who.caller.role in JUDGES,
    )


class _Listed(PageQuery):
    model_config = ConfigDict(extra="ignore")


@router.get("/bulk-rulings/new")
async def choose(request: Request, who: Judge, use: Use, db: Database) -> Response:
    """Show the disputes in review that fit, and what a ruling would do to whose money."""
    wanted = lists.wanted(NewQuery, lists.said_in(request))
    shown = await bulk_api.foreseen(who.caller, use.clock.now("work"), db, wanted)
    cases = [f"{each.state.dispute}:{each.state.revision}" for each in shown]
    chosen = [case for case, each in zip(cases, shown, strict=True) if each.refusal is None]
    fields = {
        "award": str(wanted.award),
        "borne_by": str(wanted.borne_by),
        "reason": str(wanted.reason or ""),
        "seller": wanted.seller or "",
        "all": ",".join(cases),
        "cases": ",".join(chosen),
    }
    form = _Form(request, who, use.clock.now("work"), db, fields)
    return await form.show(foreseen=[each for each in shown if each.refusal is None])


@router.post("/bulk-rulings")
async def rule(
    request: Request, who: Judge, use: Use, fields: Fields, db: ActingDatabase
) -> Response:
    """Foresee what the form says; or rule, if exactly that was foreseen."""
    form = _Form(request, who, use.clock.now("work"), db, fields)
    if fields.get("step") != "do" or fields.get("previewed") != form.digest:
        return await form.show(is_changed=fields.get("step") == "do")
    body = form.body()
    if body is None:
        return await form.show(is_unfit=True)
    asked = Asking(request, use, who.caller, key_of(fields))
    answer = await bulk_api.rule_in_bulk(body, who.caller, asked)
    if answer.status_code >= _REFUSED:
        return await form.show(problem=_problem(answer))
    made = answer.headers["Location"].replace("/v1", PATH, 1)
    return see_other(made, done="bulk_ruled")


@router.get("/bulk-rulings/{bulk_ruling}")
async def read(
    request: Request, bulk_ruling: bulk_api.BulkId, who: Worker, db: Database
) -> Response:
    """Show what was ruled, and where it stands in each dispute."""
    return await _followed(request, bulk_ruling, who, db)


@router.post("/bulk-rulings/{bulk_ruling}/words")
async def say(
    request: Request,
    bulk_ruling: bulk_api.BulkId,
    who: Judge,
    use: Use,
    fields: Fields,
    db: ActingDatabase,
) -> Response:
    """Agree as the second person, disagree, or take it back."""
    ask = {
        Action.APPROVE: bulk_api.approve_bulk_ruling,
        Action.DISAPPROVE: bulk_api.disapprove_bulk_ruling,
        Action.TAKE_BACK: bulk_api.take_back_bulk_ruling,
    }
    try:
        action = Action(fields.get("word", ""))
        handler, body = ask[action], WordIn(why=fields.get("why", ""))
    except (ValueError, KeyError):
        raise Problem("request-invalid", "the form says not which word to say") from None
    asked = Asking(request, use, who.caller, key_of(fields))
    answer = await handler(bulk_ruling, body, who.caller, asked)
    if answer.status_code >= _REFUSED:
        return await _followed(request, bulk_ruling, who, db, _problem(answer))
    return see_other(f"{_HERE}/{bulk_ruling}", done=f"bulk_{action}")


def _problem(answer: Response) -> Problem:
    told = json.loads(bytes(answer.body))
    return Problem(str(told["type"]).rpartition("/")[2], str(told["detail"]))


async def _followed(
    request: Request,
    name: str,
    who: Visitor,
    db: AsyncConnection,
    problem: Problem | None = None,
) -> Response:
    newest = await case_reading.newest(db, "")
    made = await bulk_api.found(db, name)
    followed = await bulk.follow(db, name)
    view = BulkRulingView.made(made, followed, who.caller)
    return page_of(request, who, "work").show(
        "bulk.html",
        409 if problem else 200,
        bulk=view,
        counts=_counts(view.cases),
        words=[str(action) for action in WORDS if str(action) in view.allowed],
        waits=[each for each in view.cases if each.take_back_by],
        key=f"console-{secrets.token_urlsafe(16)}",
        newest=newest,
        problem=problem,
    )


def _counts(cases: Sequence[BulkCaseView]) -> list[Count]:
    found = [(each, sum(case.standing is each for case in cases)) for each in Standing]
    return [Count(each, count) for each, count in found if count]


class _Form:
    """The form of a bulk ruling in a visitor's hands: its cases and what it says about them."""

    def __init__(
        self, request: Request, who: Visitor, at: datetime, db: AsyncConnection, fields: Posted
    ) -> None:
        self.request, self.who, self.at, self.db, self.fields = request, who, at, db, fields

    @property
    def digest(self) -> str:
        """What was foreseen: everything that decides, not the reason."""
        said = [self.fields.get(name, "") for name in ("award", "borne_by", "cases")]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def body(self) -> BulkRulingIn | None:
        """What the form asks; None where it cannot be asked."""
        try:
            return BulkRulingIn(
                award=Award(self.fields.get("award", "")),
                borne_by=BorneBy(self.fields.get("borne_by", "")),
                why=self.fields.get("why", ""),
                cases=tuple(
                    CaseIn(dispute=name, revision=revision)
                    for name, revision in self._named("cases").items()
                ),
            )
        except (ValidationError, ValueError):
            return None

    def _named(self, field: str) -> Mapping[str, int]:
        """The disputes of a field, with the revision that was looked at."""
        found: dict[str, int] = {}
        for each in filter(None, self.fields.get(field, "").split(",")[:MOST]):
            name, _, revision = each.partition(":")
            with suppress(ValueError):
                case = CaseIn(dispute=name, revision=int(revision))
                found[case.dispute] = case.revision
        return found

    async def show(
        self,
        *,
        is_changed: bool = False,
        is_unfit: bool = False,
        problem: Problem | None = None,
        foreseen: list[Foreseen] | None = None,
    ) -> Response:
        """The form with what it would do as everything stands now, if that is not *foreseen*."""
        everything, chosen = self._named("all"), self._named("cases")
        newest = await case_reading.newest(self.db, "")
        states = await reading.by_name(self.db, list(everything))
        ruling = self._ruling()
        cases = [(states[name], seen) for name, seen in everything.items() if name in states]
        listed = [state for state, _ in cases]
        wanted = [(state, seen) for state, seen in cases if state.dispute in chosen]
        if foreseen is None:
            actor = self.who.caller.actor
            foreseen = await bulk.foresee(self.db, ruling, wanted, actor, self.at)
        shown = {each.state.dispute: ForeseenView.of(each) for each in foreseen}
        return page_of(self.request, self.who, "work").show(
            "bulk_new.html",
            409 if problem or is_changed else 422 if is_unfit else 200,
            listed=listed,
            revisions=everything,
            chosen=chosen,
            shown=shown,
            totals=totals(foreseen),
            refused=[each for each in shown.values() if each.refused],
            fields=self.fields,
            awards=tuple(Award),
            payers=tuple(BorneBy),
            reasons=tuple(Reason),
            previewed=self.digest,
            key=self.fields.get("key") or f"console-{secrets.token_urlsafe(16)}",
            is_changed=is_changed,
            is_unfit=is_unfit,
            problem=problem,
            newest=newest,
        )

    def _ruling(self) -> BulkRuling:
        try:
            award = Award(self.fields.get("award", Award.ASKED))
            payer = BorneBy(self.fields.get("borne_by", BorneBy.SELLER))
        except ValueError:
            raise Problem("request-invalid", "the form says not what to give") from None
        return BulkRuling("preview", award, payer, "…")
