"""Chargebacks: listed, read, answered; what the sides have to say to the bank."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, Asking, body_hash, problems
from api.auth import Caller
from api.deps import Database, Services, Staff, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.routers.timeline import STREAM, told
from api.schemas.chargebacks import (
    AnswerIn,
    ChargebackQuery,
    ChargebackView,
    StatementIn,
    StatementView,
)
from api.schemas.order_views import HappenedView
from domain.actors import Role
from domain.chargeback import rules
from domain.chargeback.rules import WHO_MAY, Action
from domain.chargeback.state import ChargebackState
from domain.errors import IllegalTransition, NotKnown
from domain.ids import chargeback_workflow_id
from persistence.chargebacks import papers, reading
from persistence.chargebacks.reading import ChargebackFilter
from persistence.engine import looking
from persistence.records import CHARGEBACK_STATE
from runtime.commands import ANSWER_BANK, SAY_TO_BANK
from runtime.desk import Ask
from workflows.chargeback.messages import AnswerBank

router = APIRouter(prefix="/v1/chargebacks", tags=["chargebacks"])
ChargebackId = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_]{1,100}$", description="The provider's id.", examples=["du_1"]),
]
Reader = Annotated[Caller, Depends(only(Role.SELLER, Role.SERVICE, *Staff))]
# A seller reads of it in their orders' own timelines, and nothing of other sellers'.
SeesAll = Annotated[Caller, Depends(only(Role.SERVICE, *Staff))]
Speaker = Annotated[
    Caller, Depends(only(Role.SELLER, Role.SERVICE, *sorted(WHO_MAY[Action.CONTEST])))
]
Judge = Depends(only(*sorted(WHO_MAY[Action.CONTEST])))


@router.get("", responses=READ)
async def list_chargebacks(
    caller: Reader, db: Database, wanted: Annotated[ChargebackQuery, Query()]
) -> Page[ChargebackView]:
    """List chargebacks, the newest first. A seller sees those of their own orders."""
    seen = ChargebackFilter(
        status=wanted.status,
        order=wanted.order,
        seller=caller.seller if caller.role is Role.SELLER else wanted.seller,
    )
    rows = await reading.chargebacks(db, seen, decode_number(wanted.cursor), wanted.limit + 1)
    return page(
        rows, wanted.limit, lambda row: row[0], lambda row: ChargebackView.of(row[1], caller)
    )


@router.get("/{chargeback}", responses=READ)
async def read_chargeback(chargeback: ChargebackId, caller: Reader, use: Use) -> ChargebackView:
    """Read a chargeback: what is claimed of whom, where it stands, until when it is answered."""
    return ChargebackView.of(await visible(use, caller, chargeback), caller)


@router.get(
    "/{chargeback}/timeline",
    response_model=Page[HappenedView],
    responses={
        200: {"content": {STREAM: {"schema": {"type": "string"}}}},
        **problems(404, 422),
    },
)
async def read_chargeback_timeline(
    chargeback: ChargebackId,
    caller: SeesAll,
    use: Use,
    wanted: Annotated[PageQuery, Query()],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[
        str, Header(description="Of a stream: go on after this event.", max_length=200)
    ] = "",
) -> Response:
    """Read what happened, the oldest first; with `Accept: text/event-stream` it goes on."""
    await visible(use, caller, chargeback)
    subject = chargeback_workflow_id(chargeback)
    return await told(use, caller, subject, wanted, accept, last_event_id)


@router.post(
    "/{chargeback}/statements", status_code=201, response_model=StatementView, responses=ASKED
)
async def say_to_bank(
    chargeback: ChargebackId, body: StatementIn, caller: Speaker, asked: Asked
) -> Response:
    """Say something to the bank. It goes out with the evidence, and not any more after that."""
    state = await visible(asked.use, caller, chargeback)
    name = chargeback_workflow_id(chargeback)
    at = asked.use.clock.now(name)
    person = state.buyer or f"chargeback:{chargeback}"
    sealed = await asked.use.vault.seal(person, body.text.encode())

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        now = await reading.chargeback(db, chargeback)
        if now is None or not rules.allowed(now):
            raise IllegalTransition(
                f"the bank hears no more about chargeback {chargeback}",
                status=state.stage if now is None else now.stage,
            )
        number = await papers.say(db, chargeback, str(caller), (person, sealed), at)
        view = StatementView(chargeback=chargeback, number=number, said_at=at)
        return 201, view.model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route=f"{SAY_TO_BANK}/{chargeback}",
        object=name,
        key=asked.key,
        body_hash=body_hash(body),
        command=SAY_TO_BANK,
        received_at=at,
    )
    return await asked.do(ask, work)


@router.post(
    "/{chargeback}/contest", response_model=ChargebackView, responses=ASKED, dependencies=[Judge]
)
async def contest_chargeback(chargeback: ChargebackId, body: AnswerIn, asked: Asked) -> Response:
    """Submit the evidence now, rather than when it is due. Nothing can be added after that."""
    return await _answered(asked, chargeback, Action.CONTEST, body)


@router.post(
    "/{chargeback}/concession", response_model=ChargebackView, responses=ASKED, dependencies=[Judge]
)
async def concede_chargeback(chargeback: ChargebackId, body: AnswerIn, asked: Asked) -> Response:
    """Give it up: the buyer keeps the money, for good."""
    return await _answered(asked, chargeback, Action.CONCEDE, body)


async def _answered(asked: Asking, chargeback: str, action: Action, body: AnswerIn) -> Response:
    state = await visible(asked.use, asked.caller, chargeback)
    name = chargeback_workflow_id(chargeback)
    at = asked.use.clock.now(name)
    ask = Ask(
        caller=str(asked.caller),
        route=f"{ANSWER_BANK}/{action}",
        object=name,
        key=asked.key,
        body_hash=body_hash(body),
        command=ANSWER_BANK,
        received_at=at,
        message=AnswerBank(asked.caller.actor, at, action, body.why),
        person=state.buyer,
        seen=asked.seen,
    )
    return await asked.sent(ask, partial(_shown, asked.caller))


def _shown(caller: Caller, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
    view = ChargebackView.of(CHARGEBACK_STATE.validate_python(body), caller)
    return view.model_dump(mode="json"), {}


async def visible(use: Services, caller: Caller, name: str) -> ChargebackState:
    """A chargeback that the caller may see. All others do not exist for them (`NotKnown`)."""
    async with looking(use.engine) as db:
        state = await reading.chargeback(db, name)
    is_theirs = caller.role is not Role.SELLER or (
        state is not None and caller.seller in state.sellers
    )
    if state is None or not is_theirs:
        raise NotKnown(f"there is no chargeback {name}", chargeback=name)
    return state
