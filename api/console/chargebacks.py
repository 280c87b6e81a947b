"""Chargebacks: the list, and one with what is claimed of whom, and how the bank is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import Asking, visible_order
from api.console import lists
from api.console.filling import Around, Form
from api.console.forms import Act, Fields, Kind
from api.console.forms import Field as Asked
from api.console.orders import Case as OrderCase
from api.console.orders import case_of as order_case_of
from api.console.pages import page_of
from api.console.visitor import PATH, Somebody, Visitor
from api.console.visitor import Fields as Posted
from api.deps import ActingDatabase, Database, Services, Use
from api.problems import Problem
from api.routers import chargebacks as api
from api.schemas.chargebacks import AnswerIn, ChargebackQuery, ChargebackView, StatementIn
from api.schemas.order_views import HappenedView
from domain.actors import STAFF, Role
from domain.chargeback import rules
from domain.chargeback.rules import WHO_MAY, Action
from domain.chargeback.state import ChargebackState
from domain.ids import chargeback_workflow_id
from persistence import case_reading, reading

router = APIRouter()
_MOST_EVENTS: Final = 300
STATUSES: Final = ("needs_response", "under_review", "won", "lost", "closed")
READERS: Final = frozenset({Role.SELLER, *STAFF})
SPEAKERS: Final = frozenset({Role.SELLER, *WHO_MAY[Action.CONTEST]})


async def _say(chargeback: str, body: Any, _: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
    return await api.say_to_bank(chargeback, body, asked.caller, asked)


async def _contest(chargeback: str, body: Any, _: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
    return await api.contest_chargeback(chargeback, body, asked)


async def _concede(chargeback: str, body: Any, _: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
    return await api.concede_chargeback(chargeback, body, asked)


_WHY: Final = Asked("why", Kind.REASON, required=False)
ACTS: Final[Mapping[rules.Act, Act]] = MappingProxyType(
    {
        rules.Act.SAY: Act(rules.Act.SAY, StatementIn, _say, (Asked("text", Kind.REASON),)),
        rules.Act.CONTEST: Act(rules.Act.CONTEST, AnswerIn, _contest, (_WHY,), is_grave=True),
        rules.Act.CONCEDE: Act(rules.Act.CONCEDE, AnswerIn, _concede, (_WHY,), is_grave=True),
    }
)


class ListQuery(ChargebackQuery):
    """What a visitor filters by; an empty field asks for nothing."""

    model_config = ConfigDict(extra="ignore")

    limit: Annotated[int, Field(ge=1, le=100)] = 40


@dataclass(frozen=True)
class Case:
    """A chargeback as its page shows it to one visitor; with its first order's money."""

    state: ChargebackState
    view: ChargebackView
    claimed: bool
    order: OrderCase | None
    own: list[HappenedView]
    newest: int
    acts: list[str]
    temporal: str


@router.get("/chargebacks")
async def list_chargebacks(request: Request, who: Somebody, db: Database) -> Response:
    """List chargebacks, the newest first."""
    _must_read(who)
    said = lists.said_in(request)
    wanted = lists.wanted(ListQuery, said)
    listed = await api.list_chargebacks(who.caller, db, wanted)
    return page_of(request, who).show(
        "chargebacks.html",
        listed=listed.items,
        wanted=wanted,
        statuses=STATUSES,
        older=lists.onward(said, listed.next),
        newest=await case_reading.newest(db, "") if who.caller.role in STAFF else 0,
    )


@router.get("/chargebacks/{chargeback}")
async def read_chargeback(
    request: Request, chargeback: api.ChargebackId, who: Somebody, use: Use, db: Database
) -> Response:
    """Show what the bank claims, of whom, and until when it is answered."""
    _must_read(who)
    state = await api.visible(use, who.caller, chargeback)
    case = await case_of(db, state, who, use)
    subject = chargeback_workflow_id(chargeback)
    return page_of(request, who, subject).show("chargeback.html", case=case)


@router.get("/chargebacks/{chargeback}/acts/{act}")
async def show_act(
    request: Request,
    chargeback: api.ChargebackId,
    act: rules.Act,
    who: Somebody,
    use: Use,
    db: Database,
) -> Response:
    """Show the form of an act."""
    return await (await _form(request, chargeback, act, who, use, db)).open()


@router.post("/chargebacks/{chargeback}/acts/{act}")
async def take_act(
    request: Request,
    chargeback: api.ChargebackId,
    act: rules.Act,
    who: Somebody,
    use: Use,
    fields: Posted,
    db: ActingDatabase,
) -> Response:
    """Preview what the form says; or do it, if exactly that was previewed and is still so."""
    return await (await _form(request, chargeback, act, who, use, db)).take(fields)


async def _form(
    request: Request,
    chargeback: str,
    act: rules.Act,
    who: Visitor,
    use: Services,
    db: AsyncConnection,
) -> Form:
    _must_read(who)
    state = await api.visible(use, who.caller, chargeback)
    if str(act) not in _may(who):
        raise Problem("not-allowed", f"a {who.caller.role} may not do this")
    return Form(request, who, use, Claim(who, use, db, state), ACTS[act])


def _must_read(who: Visitor) -> None:
    if who.caller.role not in READERS:
        raise Problem("not-allowed", f"a {who.caller.role} may not read chargebacks")


def _may(who: Visitor) -> list[str]:
    """What somebody of the visitor's role may ever do."""
    may = [rules.Act.SAY] if who.caller.role in SPEAKERS else []
    if who.caller.role in WHO_MAY[Action.CONTEST]:
        may += [rules.Act.CONTEST, rules.Act.CONCEDE]
    return [str(act) for act in may]


async def case_of(db: AsyncConnection, state: ChargebackState, who: Visitor, use: Services) -> Case:
    """Everything that *who* may know about a chargeback."""
    subject, namespace = chargeback_workflow_id(state.chargeback), use.temporal.namespace
    view = ChargebackView.of(state, who.caller)
    order = None
    if view.orders:
        about = await visible_order(use, who.caller, view.orders[0].order)
        order = await order_case_of(db, about, who, namespace)
    happened = await reading.timeline(db, subject, None, _MOST_EVENTS)
    own = [HappenedView.of(entry, who.caller) for entry in reversed(happened)]
    return Case(
        state=state,
        view=view,
        claimed=True,
        order=order,
        own=own if who.caller.role in STAFF else [],
        newest=happened[-1].seq if happened else 0,
        acts=_may(who) if rules.allowed(state) else [],
        temporal=f"/namespaces/{namespace}/workflows/{quote(subject, '')}",
    )


@dataclass(frozen=True)
class Claim:
    """A chargeback that somebody acts on; keeps `api.console.filling.Thing`."""

    who: Visitor
    use: Services
    db: AsyncConnection
    state: ChargebackState
    head: str = "chargeback_head.html"

    @property
    def name(self) -> str:
        """Its id."""
        return self.state.chargeback

    @property
    def subject(self) -> str:
        """Its execution."""
        return chargeback_workflow_id(self.state.chargeback)

    @property
    def path(self) -> str:
        """Its page."""
        return f"{PATH}/chargebacks/{self.state.chargeback}"

    @property
    def currency(self) -> str:
        """What its amounts are in."""
        return self.state.currency

    @property
    def version(self) -> int:
        """What an act goes by."""
        return self.state.version

    def given(self, act: Act) -> Mapping[str, str]:
        """Everything is asked."""
        del act
        return {}

    async def around(self, act: Act) -> Around:
        """The chargeback's head and its order's money."""
        case = await case_of(self.db, self.state, self.who, self.use)
        options = {each.name: list(each.options) for each in act.fields}
        return Around(case, options, case.own, is_possible=str(act.action) in case.acts)

    async def now(self) -> "Claim":
        """The same, read again."""
        return replace(self, state=await api.visible(self.use, self.who.caller, self.name))
