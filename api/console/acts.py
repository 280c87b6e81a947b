"""Acts on an order: a form, a preview of whose money would move, and then the act itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import visible_order
from api.console.choices import choices
from api.console.dispute_forms import OPENING
from api.console.filling import Around, Form
from api.console.forms import ACTS, Act
from api.console.orders import acts_for, case_of, may_dispute
from api.console.visitor import PATH, Fields, Somebody, Visitor
from api.deps import ActingDatabase, Database, Services, Use
from api.problems import Problem
from api.routers.orders import OrderId
from domain.actors import Role
from domain.errors import NotKnown
from domain.ids import order_workflow_id
from domain.order.rules import WHO_MAY, Action
from domain.order.state import OrderState
from persistence import case_reading

router = APIRouter()
_DISPUTER: Final = Role.BUYER


@router.get("/orders/{order}/acts/{action}")
async def show_act(
    request: Request, order: OrderId, action: Action, who: Somebody, use: Use, db: Database
) -> Response:
    """Show the form of an act; with what was written in it before the session ended."""
    return await (await _form(request, order, action, who, use, db)).open()


@router.post("/orders/{order}/acts/{action}")
async def take_act(
    request: Request,
    order: OrderId,
    action: Action,
    who: Somebody,
    use: Use,
    fields: Fields,
    db: ActingDatabase,
) -> Response:
    """Preview what the form says; or do it, if exactly that was previewed and is still so."""
    return await (await _form(request, order, action, who, use, db)).take(fields)


@router.get("/orders/{order}/dispute")
async def show_opening(
    request: Request, order: OrderId, who: Somebody, use: Use, db: Database
) -> Response:
    """Show the form by which a buyer disputes lines of an order."""
    return await (await _opening(request, order, who, use, db)).open()


@router.post("/orders/{order}/dispute")
async def take_opening(
    request: Request, order: OrderId, who: Somebody, use: Use, fields: Fields, db: ActingDatabase
) -> Response:
    """Preview what the dispute would hold; or open it."""
    return await (await _opening(request, order, who, use, db)).take(fields)


async def _form(
    request: Request, order: str, action: Action, who: Visitor, use: Services, db: AsyncConnection
) -> Form:
    """The form of an act. What is not there, or not theirs, is refused as the API does."""
    state = await visible_order(use, who.caller, order)
    act = ACTS.get(action)
    if act is None:
        raise NotKnown(f"the console has no form for {action}", action=action)
    if who.caller.role not in WHO_MAY[action]:
        raise Problem("not-allowed", f"a {who.caller.role} may not do this")
    return Form(request, who, use, Order(who, use, db, state), act)


async def _opening(
    request: Request, order: str, who: Visitor, use: Services, db: AsyncConnection
) -> Form:
    state = await visible_order(use, who.caller, order)
    if who.caller.role is not _DISPUTER:
        raise Problem("not-allowed", f"a {who.caller.role} may not do this")
    return Form(request, who, use, Order(who, use, db, state), OPENING)


@dataclass(frozen=True)
class Order:
    """An order that somebody acts on; keeps `api.console.filling.Thing`."""

    who: Visitor
    use: Services
    db: AsyncConnection
    state: OrderState
    head: str = "order_head.html"

    @property
    def name(self) -> str:
        """Its id."""
        return self.state.order

    @property
    def subject(self) -> str:
        """Its execution."""
        return order_workflow_id(self.state.order)

    @property
    def path(self) -> str:
        """Its page."""
        return f"{PATH}/orders/{self.state.order}"

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
        """The order's head and money, and what there is to choose from."""
        caller = self.who.caller
        case = await case_of(self.db, self.state, self.who, self.use.temporal.namespace)
        if act is OPENING:
            lines = await case_reading.lines(self.db, self.state.order)
            options = {each.name: list(each.options) for each in act.fields} | {"lines": lines}
            return Around(case, options, case.events, is_possible=may_dispute(self.state, caller))
        options = dict(await choices(self.db, self.state, act, caller.role))
        is_possible = str(act.action) in acts_for(self.state, caller)
        return Around(case, options, case.events, is_possible=is_possible)

    async def now(self) -> "Order":
        """The same, read again."""
        return replace(self, state=await visible_order(self.use, self.who.caller, self.name))
