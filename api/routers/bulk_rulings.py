"""Bulk rulings: foreseen, made, agreed to by a second person, taken back in their time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, Asking, body_hash
from api.auth import Caller
from api.deps import Database, Staff, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.schemas.bulk_rulings import (
    PATHS,
    WORDS,
    BulkFigures,
    BulkPreview,
    BulkQuery,
    BulkRulingIn,
    BulkRulingView,
    WordIn,
)
from api.schemas.common import Id
from domain.dispute.bulk import BulkRuling
from domain.dispute.rules import JUDGES, Action
from domain.dispute.state import Stage
from domain.errors import IllegalTransition, NotKnown
from domain.ids import fingerprint
from persistence.disputes import bulk as store
from persistence.disputes import reading
from persistence.disputes.bulk import Ruled
from persistence.disputes.reading import DisputeFilter
from runtime import bulk
from runtime.bulk import Foreseen, Mouth
from runtime.desk import Ask

router = APIRouter(prefix="/v1/bulk-rulings", tags=["disputes"])
Judge = Annotated[Caller, Depends(only(*sorted(JUDGES)))]
Worker = Annotated[Caller, Depends(only(*Staff))]
BulkId = Annotated[Id, Path(description="The bulk ruling's id.", examples=["b-1001"])]
_CLOCK: Final = "work"
# A case is decided in review, also where the platform has made a proposal of its own.
_STATUSES: Final = (Stage.IN_REVIEW, Stage.PLATFORM_PROPOSED)


@router.get("", responses=READ, dependencies=[Depends(only(*Staff))])
async def list_bulk_rulings(
    db: Database, wanted: Annotated[PageQuery, Query()]
) -> Page[BulkFigures]:
    """List bulk rulings, the newest first."""
    rows = await store.newest(db, decode_number(wanted.cursor), wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row[0], lambda row: BulkFigures.of(row[1]))


@router.get("/preview", responses=READ)
async def preview_bulk_ruling(
    caller: Judge, use: Use, db: Database, wanted: Annotated[BulkQuery, Query()]
) -> BulkPreview:
    """See which disputes in review fit the filter, and what a ruling would do to whose money.

    Nothing is asked. Rule on what you have seen by naming each dispute with its `revision`.
    """
    return BulkPreview.of(await foreseen(caller, use.clock.now(_CLOCK), db, wanted))


@router.post("", status_code=201, response_model=BulkRulingView, responses=ASKED)
async def rule_in_bulk(body: BulkRulingIn, caller: Judge, asked: Asked) -> Response:
    """Decide many disputes at once: all of them, or none where one may not be decided so.

    A second person must agree, and then it can be taken back for as long as the policy says.
    """
    at = asked.use.clock.now(_CLOCK)
    name = f"b-{fingerprint(str(caller), 'bulk', asked.key)[:20]}"
    ruling = BulkRuling(name, body.award, body.borne_by, body.why)

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        revisions = {case.dispute: case.revision for case in body.cases}
        await _mouth(asked, name).rule(db, ruling, revisions, at)
        return 201, await _shown(db, Ruled(ruling, str(caller), at), caller)

    ask = Ask(
        caller=str(caller),
        route="bulk.rule",
        object=f"bulk-ruling/{name}",
        key=asked.key,
        body_hash=body_hash(body),
        command="bulk.rule",
        received_at=at,
    )
    response = await asked.do(ask, work)
    if response.status_code == 201:  # noqa: PLR2004 - the status of the route itself
        response.headers["Location"] = f"/v1/bulk-rulings/{name}"
    return response


@router.get("/{bulk_ruling}", responses=READ)
async def read_bulk_ruling(caller: Worker, bulk_ruling: BulkId, db: Database) -> BulkRulingView:
    """Read a bulk ruling, and where it stands in each of its disputes."""
    made = await found(db, bulk_ruling)
    return BulkRulingView.made(made, await bulk.follow(db, bulk_ruling), caller)


@router.post("/{bulk_ruling}/approval", response_model=BulkRulingView, responses=ASKED)
async def approve_bulk_ruling(
    bulk_ruling: BulkId, body: WordIn, caller: Judge, asked: Asked
) -> Response:
    """Agree, as the second person, wherever it still waits for that.

    A dispute that has changed since it was ruled on is left out: it goes back to review.
    """
    return await _say(Action.APPROVE, bulk_ruling, body, caller, asked)


@router.post("/{bulk_ruling}/disapproval", response_model=BulkRulingView, responses=ASKED)
async def disapprove_bulk_ruling(
    bulk_ruling: BulkId, body: WordIn, caller: Judge, asked: Asked
) -> Response:
    """Do not agree: wherever it still waits for a second person, the case is judged anew."""
    return await _say(Action.DISAPPROVE, bulk_ruling, body, caller, asked)


@router.post("/{bulk_ruling}/taking-back", response_model=BulkRulingView, responses=ASKED)
async def take_back_bulk_ruling(
    bulk_ruling: BulkId, body: WordIn, caller: Judge, asked: Asked
) -> Response:
    """Take it back wherever it was agreed to and no money has moved: each case is judged anew."""
    return await _say(Action.TAKE_BACK, bulk_ruling, body, caller, asked)


async def _say(action: Action, name: str, body: WordIn, caller: Caller, asked: Asking) -> Response:
    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        made = await found(db, name)
        where = WORDS[action]
        if not await _mouth(asked, f"{name}/{action}").say(
            db, action, made.ruling, where, body.why
        ):
            raise IllegalTransition(
                f"bulk ruling {name} is nowhere {where} now: {action} is not possible",
                bulk=name,
                action=action,
            )
        return 200, await _shown(db, made, caller)

    ask = Ask(
        caller=str(caller),
        route=f"bulk.{PATHS[action]}",
        object=f"bulk-ruling/{name}",
        key=asked.key,
        body_hash=body_hash(body),
        command=f"bulk.{action}",
        received_at=asked.use.clock.now(_CLOCK),
    )
    return await asked.do(ask, work)


async def _shown(db: AsyncConnection, made: Ruled, caller: Caller) -> Mapping[str, Any]:
    cases = await bulk.follow(db, made.ruling.bulk)
    return BulkRulingView.made(made, cases, caller).model_dump(mode="json")


async def found(db: AsyncConnection, name: str) -> Ruled:
    """A bulk ruling on record (`NotKnown`)."""
    made = await store.found(db, name)
    if made is None:
        raise NotKnown(f"there is no bulk ruling {name}", bulk=name)
    return made


async def foreseen(
    caller: Caller, at: datetime, db: AsyncConnection, wanted: BulkQuery
) -> list[Foreseen]:
    """The disputes that fit, each with what the ruling would do there."""
    seen = [
        state
        for status in _STATUSES
        for _, state in await reading.disputes(
            db,
            DisputeFilter(status=str(status), reason=wanted.reason, seller=wanted.seller),
            None,
            wanted.limit,
        )
    ]
    ruling = BulkRuling("preview", wanted.award, wanted.borne_by, "…")
    cases = [(state, state.revision) for state in seen[: wanted.limit]]
    return await bulk.foresee(db, ruling, cases, caller.actor, at)


def _mouth(asked: Asking, about: str) -> Mouth:
    """*about* tells what is said apart from whatever else was asked with the same key."""
    use, caller = asked.use, asked.caller
    key = fingerprint(about, asked.key)
    return Mouth(use.vault, use.clock, caller.actor, str(caller), caller.id, key)
