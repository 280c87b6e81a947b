"""A dispute: what happened, what is asked, what may be done, and whose money that would move."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import visible_dispute, visible_order
from api.auth import Caller
from api.console.dispute_forms import ACTS
from api.console.filling import Around, Form
from api.console.forms import Act, Field, Kind
from api.console.orders import Case as OrderCase
from api.console.orders import case_of as order_case_of
from api.console.pages import page_of
from api.console.previews import Preview, rehearsed
from api.console.visitor import PATH, Fields, Somebody, Visitor
from api.deps import ActingDatabase, Database, Services, Use
from api.problems import Problem
from api.routers.disputes import DisputeId
from api.routers.evidence import SHOWS
from api.schemas.disputes import DisputeView
from api.schemas.money import PostingView
from api.schemas.order_views import HappenedView
from domain.actors import Role
from domain.dispute import rules
from domain.dispute.evidence import is_open
from domain.dispute.reasons import REASONS, REMEDIES, Category, Remedy
from domain.dispute.rules import WHO_MAY, Action, Asked
from domain.dispute.state import DisputeState, Proposal, Stage
from domain.errors import NotKnown
from domain.ids import dispute_workflow_id
from domain.money import Money
from persistence import reading
from persistence.disputes import evidence
from persistence.disputes.evidence import Shown
from persistence.reading import PostingFilter
from workflows.dispute.messages import DisputeRequest

router = APIRouter()
_MOST_EVENTS: Final = 300
_MOST_POSTINGS: Final = 100
_SIDES: Final = (Role.BUYER, Role.SELLER)


@dataclass(frozen=True)
class Decision:
    """A ruling that could be made now, and what it would do; *query* fills its form in."""

    remedy: Remedy
    amount: int
    asked_by: tuple[str, ...]
    preview: Preview
    query: str


@dataclass(frozen=True)
class Case:
    """A dispute as its page shows it to one visitor: with its order, whose money it is about."""

    state: DisputeState
    view: DisputeView
    order: OrderCase
    own: list[HappenedView]
    events: list[HappenedView]
    postings: list[PostingView]
    newest: int
    acts: list[str]
    temporal: str
    evidence: Sequence[Shown]
    may_show: bool


@router.get("/disputes/{dispute}")
async def read_dispute(
    request: Request, dispute: DisputeId, who: Somebody, use: Use, db: Database, show: str = ""
) -> Response:
    """Show where a dispute stands, who offers what, and what each decision would do."""
    state = await visible_dispute(use, who.caller, dispute)
    case = await case_of(db, state, who, use)
    told = [event for event in case.events if show != "acts" or event.actor]
    return page_of(request, who, dispute_workflow_id(dispute)).show(
        "dispute.html",
        case=case,
        sides=sides(state),
        decisions=await decisions(use, state, who.caller),
        told=told,
        show=show,
    )


@router.get("/disputes/{dispute}/acts/{action}")
async def show_act(
    request: Request, dispute: DisputeId, action: Action, who: Somebody, use: Use, db: Database
) -> Response:
    """Show the form of an act; a decision that was picked on the case's page is filled in."""
    return await (await _form(request, dispute, action, who, use, db)).open()


@router.post("/disputes/{dispute}/acts/{action}")
async def take_act(
    request: Request,
    dispute: DisputeId,
    action: Action,
    who: Somebody,
    use: Use,
    fields: Fields,
    db: ActingDatabase,
) -> Response:
    """Preview what the form says; or do it, if exactly that was previewed and is still so."""
    return await (await _form(request, dispute, action, who, use, db)).take(fields)


async def _form(
    request: Request, dispute: str, action: Action, who: Visitor, use: Services, db: AsyncConnection
) -> Form:
    """The form of an act. What is not there, or not theirs, is refused as the API does."""
    state = await visible_dispute(use, who.caller, dispute)
    if who.caller.role not in WHO_MAY[action]:
        raise Problem("not-allowed", f"a {who.caller.role} may not do this")
    if action not in ACTS:
        raise NotKnown(f"the console has no form for {action}", action=action)
    return Form(request, who, use, Dispute(who, use, db, state), ACTS[action])


async def case_of(db: AsyncConnection, state: DisputeState, who: Visitor, use: Services) -> Case:
    """Everything that *who* may know about a dispute."""
    subject = dispute_workflow_id(state.dispute)
    namespace = use.temporal.namespace
    about = await visible_order(use, who.caller, state.order)
    order = await order_case_of(db, about, who, namespace)
    happened = await reading.timeline(db, subject, None, _MOST_EVENTS)
    own = [HappenedView.of(entry, who.caller) for entry in reversed(happened)]
    posted = await reading.postings(db, PostingFilter(process=subject), None, _MOST_POSTINGS)
    return Case(
        state=state,
        view=DisputeView.of(state, who.caller),
        order=order,
        own=own,
        # What is told at one instant keeps its own order: sorting is stable.
        events=sorted([*own, *order.events], key=lambda event: event.at, reverse=True),
        postings=[] if who.caller.role is Role.BUYER else [PostingView.of(one) for one in posted],
        newest=happened[-1].seq if happened else 0,
        acts=acts_for(state, who.caller),
        temporal=f"/namespaces/{namespace}/workflows/{quote(subject, '')}",
        evidence=await evidence.of(db, state.dispute),
        may_show=who.caller.role in SHOWS and is_open(state),
    )


def acts_for(state: DisputeState, caller: Caller) -> list[str]:
    """What *caller* may do now; a case that is nobody's is taken first."""
    open_to = rules.open_to(state, caller.actor)
    allowed = [act for act in ACTS if act in open_to]
    if not state.assignee and Action.ASSIGN in allowed:
        allowed.sort(key=lambda act: act is not Action.ASSIGN)
    return [str(act) for act in allowed if offers_to(state, caller) or act is not Action.ACCEPT]


def offers_to(state: DisputeState, caller: Caller) -> list[Proposal]:
    """The standing proposals that *caller* may accept: not their own."""
    return [offer for offer in state.proposals if offer.by is not caller.role]


def sides(state: DisputeState) -> list[tuple[str, Proposal | None]]:
    """Who offers what, side by side; the platform only once it does."""
    platform = next((one for one in state.proposals if one.by not in _SIDES), None)
    own = {one.by: one for one in state.proposals}
    shown: list[tuple[str, Proposal | None]] = [(str(side), own.get(side)) for side in _SIDES]
    return [*shown, ("platform", platform)] if platform else shown


async def decisions(use: Services, state: DisputeState, caller: Caller) -> list[Decision]:
    """For a judge: what was asked and offered, everything and nothing, each as it would end."""
    if Action.DECIDE not in rules.open_to(state, caller.actor):
        return []
    found: dict[tuple[Remedy, int], list[str]] = {}
    for offer in state.proposals:
        remedy = Remedy.REFUND if state.stage is Stage.APPEALED else offer.remedy
        by = str(offer.by) if offer.by in _SIDES else "platform"
        found.setdefault((remedy, offer.amount), []).append(by)
    for amount in (state.cap, 0):
        found.setdefault((Remedy.REFUND, amount), [])
    at = use.clock.now(dispute_workflow_id(state.dispute))
    shown: list[Decision] = []
    for (remedy, amount), asked_by in found.items():
        asked = Asked(version=state.revision, remedy=remedy, amount=amount)
        wish = DisputeRequest(caller.actor, at, asked, caller.id)
        preview = await rehearsed(use, state, Action.DECIDE, wish)
        said = {"remedy": str(remedy), "amount": Money(amount, state.currency).major}
        shown.append(Decision(remedy, amount, tuple(asked_by), preview, urlencode(said)))
    return shown


@dataclass(frozen=True)
class Dispute:
    """A dispute that somebody acts on; keeps `api.console.filling.Thing`."""

    who: Visitor
    use: Services
    db: AsyncConnection
    state: DisputeState
    head: str = "dispute_head.html"

    @property
    def name(self) -> str:
        """Its id."""
        return self.state.dispute

    @property
    def subject(self) -> str:
        """Its execution."""
        return dispute_workflow_id(self.state.dispute)

    @property
    def path(self) -> str:
        """Its page."""
        return f"{PATH}/disputes/{self.state.dispute}"

    @property
    def currency(self) -> str:
        """What its amounts are in."""
        return self.state.currency

    @property
    def version(self) -> int:
        """What an act goes by."""
        return self.state.version

    def given(self, act: Act) -> Mapping[str, str]:
        """The revision that is judged: what the page has shown."""
        known = {"revision": str(self.state.revision)}
        return {each.name: known[each.name] for each in act.fields if each.kind is Kind.GIVEN}

    async def around(self, act: Act) -> Around:
        """The case's head and money, and what there is to choose from."""
        caller = self.who.caller
        case = await case_of(self.db, self.state, self.who, self.use)
        options = {each.name: list(self._options(act, each)) for each in act.fields}
        is_possible = str(act.action) in acts_for(self.state, caller)
        return Around(case, options, case.own, is_possible=is_possible)

    def _options(self, act: Act, field: Field) -> Iterable[str]:
        state = self.state
        if field.kind is Kind.PROPOSAL:
            return [str(one.version) for one in offers_to(state, self.who.caller)]
        if field.family == "remedy":
            # Money can be given whatever the category; an appeal is about money alone.
            is_appeal = state.stage is Stage.APPEALED and str(act.action) == Action.DECIDE
            may = {Remedy.REFUND} if is_appeal else REMEDIES[state.category] | {Remedy.REFUND}
            return [one for one in field.options if one in may]
        if field.family == "cause":
            return [one for one in field.options if one in REASONS[Category.RECEIVED]]
        if field.name == "resolution":
            return state.parked.may if state.parked else ()
        return field.options

    async def now(self) -> "Dispute":
        """The same, read again."""
        return replace(self, state=await visible_dispute(self.use, self.who.caller, self.name))
