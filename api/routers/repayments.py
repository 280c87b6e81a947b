"""Paying again for goods that came after their refund: asked for, read, and what to pay with."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, body_hash, problems, visible_order
from api.auth import Caller
from api.deps import Anybody, Database, Use, only
from api.routers.orders import OrderId, shown_payment
from api.schemas.money import PaymentView
from api.schemas.orders import PaymentIn
from api.schemas.repayments import RepaymentView
from domain.actors import Role
from domain.errors import IllegalTransition, NotKnown
from domain.ids import repayment_workflow_id
from domain.order.repaying import RepaymentState
from persistence import repayments
from persistence.engine import looking
from persistence.records import REPAYMENT_STATE
from runtime.commands import REPAY
from runtime.desk import Ask
from workflows.repayment.messages import PayAgain

router = APIRouter(prefix="/v1/orders/{order}/repayment", tags=["orders"])
Payer = Annotated[Caller, Depends(only(Role.BUYER, Role.SERVICE))]


@router.post("", status_code=201, response_model=RepaymentView, responses=ASKED)
async def pay_again(order: OrderId, body: PaymentIn, caller: Payer, asked: Asked) -> Response:
    """Pay again for goods that came after their money had gone back. Nothing is ever debited.

    The amount is what went back for them. One that is open already is answered with; after its
    window has closed, it may be asked for again.
    """
    state = await visible_order(asked.use, caller, order)
    name = repayment_workflow_id(order)
    received_at = asked.use.clock.now(name)
    ask = Ask(
        caller=str(caller),
        route=REPAY,
        object=name,
        key=asked.key,
        body_hash=body_hash(body),
        command=REPAY,
        received_at=received_at,
        message=PayAgain(
            order, state.buyer, state.seller, state.currency, received_at, body.method
        ),
        person=state.buyer,
    )
    return await asked.sent(
        ask,
        lambda said: (
            RepaymentView.of(REPAYMENT_STATE.validate_python(said)).model_dump(mode="json"),
            {},
        ),
    )


@router.get("", responses=READ)
async def read_repayment(order: OrderId, caller: Anybody, use: Use, db: Database) -> RepaymentView:
    """Read what is to be paid again, and how far that is. Nothing to pay: 404."""
    await visible_order(use, caller, order)
    state = await repayments.offered(db, order) or await repayments.repayment(db, order)
    if state is None:
        raise NotKnown(f"nothing of order {order} is to be paid again", order=order)
    return RepaymentView.of(state)


@router.get("/payment", responses={**READ, **problems(409)})
async def read_repayment_payment(order: OrderId, caller: Payer, use: Use) -> PaymentView:
    """Read what the buyer's browser needs to pay with, fresh from the provider."""
    await visible_order(use, caller, order)
    state = await _asked_for(use, order)
    return shown_payment(use.payments.name, await use.payments.look(state.intent))


async def _asked_for(use: Use, order: str) -> RepaymentState:
    async with looking(use.engine) as db:
        state = await repayments.repayment(db, order)
    if state is None or not state.intent:
        raise IllegalTransition(
            f"no payment is open to pay again for order {order}: ask for it first, or look again "
            "shortly",
            order=order,
        )
    return state
