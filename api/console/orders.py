"""Orders: the list, and one order with everything that there is to know about it."""

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import visible_order
from api.auth import Caller
from api.console import lists
from api.console.forms import ACTS
from api.console.pages import page_of
from api.console.visitor import Somebody, Visitor
from api.deps import Database, Use
from api.routers import orders as orders_api
from api.routers.orders import OrderId
from api.schemas.common import Sought
from api.schemas.disputes import DisputeFigures
from api.schemas.money import PostingView
from api.schemas.order_views import HappenedView, OrderView
from api.schemas.orders import OrderQuery
from api.schemas.repayments import RepaymentView
from domain.actors import STAFF, Role
from domain.ids import order_workflow_id
from domain.order.repaying import has_come
from domain.order.state import OrderState, Outcome
from domain.order.whereabouts import Part, whereabouts
from domain.order.whereabouts import Whereabouts as At
from persistence import case_reading, reading, repayments
from persistence.disputes import reading as dispute_reading
from persistence.disputes.reading import DisputeFilter
from persistence.reading import Happened

router = APIRouter()
_MOST_EVENTS: Final = 300
_MOST_DISPUTES: Final = 50
# What people look for in a list, in the order of an order's life.
STATUSES: Final = (
    *("needs_attention", "awaiting_payment", "amount_differs", "in_risk_check", "not_started"),
    *("awaiting_shipment", "partly_shipped", "declared", "in_transit", "buyer_asked"),
    *("delivered", "held", "in_protection", "refunding", "completed", "refunded"),
)


class ListQuery(OrderQuery):
    """What a visitor filters by; an empty field asks for nothing."""

    model_config = ConfigDict(extra="ignore")

    q: Sought = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 40


@router.get("/orders")
async def list_orders(request: Request, who: Somebody, db: Database) -> Response:
    """List orders, the newest first; an id that was sought and found opens at once."""
    said = lists.said_in(request)
    wanted = lists.wanted(ListQuery, said)
    listed = await orders_api.listed_orders(who.caller, db, wanted, wanted.q)
    return page_of(request, who).show(
        "orders.html",
        listed=listed.items,
        wanted=wanted,
        statuses=STATUSES,
        older=lists.onward(said, listed.next),
        newest=await case_reading.newest(db, "") if who.caller.role in STAFF else 0,
    )


@dataclass(frozen=True)
class Case:
    """An order as its page shows it to one visitor."""

    state: OrderState
    view: OrderView
    parts: tuple[Part, ...]
    postings: list[PostingView]
    events: list[HappenedView]
    newest: int
    acts: list[str]
    temporal: str
    disputes: list[DisputeFigures]
    may_dispute: bool
    repayment: RepaymentView | None


@router.get("/orders/{order}")
async def read_order(
    request: Request, order: OrderId, who: Somebody, use: Use, db: Database, show: str = ""
) -> Response:
    """Show where an order stands, where its money is, what happened, and what may be done."""
    state = await visible_order(use, who.caller, order)
    case = await case_of(db, state, who, use.temporal.namespace)
    page = page_of(request, who, order_workflow_id(order))
    told = [event for event in case.events if show != "acts" or event.actor]
    return page.show("order.html", case=case, told=told, show=show, lines=state.unshipped)


async def case_of(
    db: AsyncConnection, state: OrderState, who: Visitor, namespace: str = ""
) -> Case:
    """Everything that *who* may know about an order."""
    funds = await case_reading.funds(db, state.order)
    happened = await _happened(db, state.order)
    again = await repayments.offered(db, state.order) if has_come(state) else None
    return Case(
        state=state,
        view=OrderView.of(state, who.caller),
        parts=parts_for(who.caller, whereabouts(funds, state.received) if funds else ()),
        postings=await _postings(db, state.order, who.caller),
        events=[HappenedView.of(entry, who.caller) for entry in reversed(happened)],
        newest=happened[-1].seq if happened else 0,
        acts=acts_for(state, who.caller),
        disputes=await _disputes(db, state.order, who.caller),
        may_dispute=may_dispute(state, who.caller),
        repayment=RepaymentView.of(again) if again else None,
        temporal=f"/namespaces/{namespace}/workflows/{quote(order_workflow_id(state.order), '')}",
    )


def may_dispute(state: OrderState, caller: Caller) -> bool:
    """Whether the buyer may try: which lines are ripe, and until when, the process judges."""
    is_alive = state.outcome in {Outcome.OPEN, Outcome.COMPLETED}
    return caller.role is Role.BUYER and is_alive and bool(state.parcels)


async def _disputes(db: AsyncConnection, order: str, caller: Caller) -> list[DisputeFigures]:
    wanted = DisputeFilter(order=order)
    found = await dispute_reading.disputes(db, wanted, None, _MOST_DISPUTES)
    return [DisputeFigures.of(state, caller) for _, state in found]


def acts_for(state: OrderState, caller: Caller) -> list[str]:
    """What *caller* may do now, as far as the console has a form for it."""
    view = OrderView.of(state, caller)
    names = {allowed.action for allowed in view.allowed}
    return [str(action) for action in ACTS if str(action) in names]


def parts_for(caller: Caller, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """A buyer sees what went to the seller as one: what is kept of it is not theirs to know."""
    if caller.role is not Role.BUYER:
        return parts
    sellers = (At.SELLER, At.RESERVE, At.COMMISSION)
    released = sum(part.amount for part in parts if part.where in sellers)
    rest = tuple(part for part in parts if part.where not in sellers)
    return (*rest, Part(At.SELLER, released)) if released else rest


async def _postings(db: AsyncConnection, order: str, caller: Caller) -> list[PostingView]:
    if caller.role is Role.BUYER:
        return []
    return [PostingView.of(entry) for entry in await reading.process_postings(db, order)]


async def _happened(db: AsyncConnection, order: str) -> list[Happened]:
    return await reading.timeline(db, order_workflow_id(order), None, _MOST_EVENTS)
