"""What people ask of an order; each is judged by its process and answered at once."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path
from starlette.responses import Response

from api.asking import ASKED, Asked, Draft
from api.deps import only
from api.routers.orders import OrderId
from api.schemas.common import Id
from api.schemas.order_views import PATHS, OrderView
from api.schemas.orders import (
    AmountDecisionIn,
    AttemptIn,
    CancellationIn,
    ConsentIn,
    CustomsRulingIn,
    DisownIn,
    FraudDecisionIn,
    FraudReportIn,
    HoldIn,
    LiftingIn,
    NothingMore,
    NumberIn,
    QuestionIn,
    RefundIn,
    ResolutionIn,
    RiskDecisionIn,
    ShipmentIn,
    ShipToIn,
)
from domain.ids import fingerprint, order_workflow_id
from domain.order.agreements import Topic
from domain.order.rules import WHO_MAY, Action
from runtime.contact import CONTACT, carried_over
from workflows.order import messages as said

router = APIRouter(prefix="/v1/orders/{order}", tags=["requests of an order"])
HoldId = Annotated[Id, Path(description="The hold's name.", examples=["h-1"])]
QuestionTopic = Annotated[Topic, Path(description="What was asked for.")]
Nothing = Annotated[NothingMore | None, Body()]
Handler = Callable[..., Awaitable[Response]]


def asks_for(where: APIRouter, action: Action) -> Callable[[Handler], Handler]:
    """Declare a route. The domain's table says who may; the process asks it again."""
    return where.post(
        f"/{PATHS[action]}",
        response_model=OrderView,
        responses=ASKED,
        dependencies=[Depends(only(*sorted(WHO_MAY[action])))],
    )


def _asks_for(action: Action) -> Callable[[Handler], Handler]:
    return asks_for(router, action)


@_asks_for(Action.CANCEL)
async def cancel(order: OrderId, body: CancellationIn, asked: Asked) -> Response:
    """Close the order before it is paid."""
    return await asked.order(
        order, "order.cancel", body, lambda actor, at: said.CancelOrder(actor, at, body.reason)
    )


@_asks_for(Action.PAY_ANOTHER_WAY)
async def pay_another_way(order: OrderId, body: AttemptIn, asked: Asked) -> Response:
    """Open a further payment, while a slip is out perhaps. The first that is paid counts."""
    return await asked.order(
        order,
        "order.pay_another_way",
        body,
        lambda actor, at: said.PayAnotherWay(actor, at, body.method),
    )


@_asks_for(Action.DECIDE_AMOUNT)
async def decide_amount(order: OrderId, body: AmountDecisionIn, asked: Asked) -> Response:
    """Decide about a payment of another amount: accept it, or send it back and wait, or close."""
    return await asked.order(
        order,
        "order.decide_amount",
        body,
        lambda actor, at: said.DecideAmount(actor, at, body.decision, body.reason, body.borne_by),
    )


@_asks_for(Action.REPORT_FRAUD)
async def report_fraud(order: OrderId, body: FraudReportIn, asked: Asked) -> Response:
    """Doubt the payment: its money is frozen, nothing is shipped, parcels are asked back."""
    return await asked.order(
        order,
        "order.report_fraud",
        body,
        lambda actor, at: said.ReportFraud(actor, at, body.reason),
    )


@_asks_for(Action.DECIDE_FRAUD)
async def decide_fraud(order: OrderId, body: FraudDecisionIn, asked: Asked) -> Response:
    """Clear the payment, or call it fraud: then everything goes back to the card's holder."""
    return await asked.order(
        order,
        "order.decide_fraud",
        body,
        lambda actor, at: said.DecideFraud(actor, at, body.verdict, body.reason),
    )


@_asks_for(Action.DECIDE_RISK)
async def decide_risk(order: OrderId, body: RiskDecisionIn, asked: Asked) -> Response:
    """Accept or refuse a payment that was put aside, or take the longer window."""
    return await asked.order(
        order,
        "order.decide_risk",
        body,
        lambda actor, at: said.DecideRisk(actor, at, body.verdict, body.reason),
    )


@_asks_for(Action.DECLARE_SHIPMENT)
async def declare_shipment(order: OrderId, body: ShipmentIn, asked: Asked) -> Response:
    """Say which carrier has the goods, and under which number."""
    return await asked.order(
        order,
        "order.declare_shipment",
        body,
        lambda actor, at: said.DeclareShipment(actor, at, body.carrier, body.number, body.lines),
    )


@_asks_for(Action.EDIT_SHIPMENT)
async def edit_shipment(order: OrderId, body: NumberIn, asked: Asked) -> Response:
    """Put a mistyped number right: twice at most, in time, and never after the first scan."""
    return await asked.order(
        order,
        "order.edit_shipment",
        body,
        lambda actor, at: said.EditShipment(actor, at, body.number, body.parcel),
    )


@_asks_for(Action.DISOWN_SHIPMENT)
async def disown_shipment(order: OrderId, body: DisownIn, asked: Asked) -> Response:
    """Call off a shipment that no carrier has seen in time; what it should hold is refunded."""
    return await asked.order(
        order,
        "order.disown_shipment",
        body,
        lambda actor, at: said.DisownShipment(actor, at, body.parcel),
    )


@_asks_for(Action.RULE_ON_CUSTOMS)
async def rule_on_customs(order: OrderId, body: CustomsRulingIn, asked: Asked) -> Response:
    """Say whose fault it is that customs keep a parcel; its money follows."""
    return await asked.order(
        order,
        "order.rule_on_customs",
        body,
        lambda actor, at: said.RuleOnCustoms(actor, at, body.ruling, body.parcel, body.reason),
    )


@_asks_for(Action.CHANGE_ADDRESS)
async def change_address(order: OrderId, body: ShipToIn, asked: Asked) -> Response:
    """Have the goods sent elsewhere in the same country, before they leave.

    Of the words about the person (`email`, `name`, `language`, `zone`), what is absent stays.
    """
    use, silent = asked.use, CONTACT - body.model_fields_set
    said_now = body.model_dump(mode="json", exclude=set(silent))
    async with use.engine.connect() as db:
        told = await carried_over(db, use.vault, order_workflow_id(order), said_now)
    draft = f"{order_workflow_id(order)}/address/{fingerprint(str(asked.caller), asked.key)[:16]}"
    return await asked.order(
        order,
        "order.change_address",
        body,
        lambda actor, at: said.ChangeAddress(actor, at, body.country, draft),
        Draft(draft, told),
    )


@_asks_for(Action.ASK_CONSENT)
async def ask_consent(order: OrderId, body: QuestionIn, asked: Asked) -> Response:
    """Ask the other side for more time to ship, for a cancellation, or for longer protection."""
    return await asked.order(
        order,
        "order.ask_consent",
        body,
        lambda actor, at: said.AskConsent(actor, at, body.topic, body.days, body.reason),
    )


@_asks_for(Action.ANSWER_CONSENT)
async def answer_consent(
    order: OrderId, topic: QuestionTopic, body: ConsentIn, asked: Asked
) -> Response:
    """Agree with what the other side has asked for, or do not."""
    return await asked.order(
        order,
        f"order.answer_consent/{topic}",
        body,
        lambda actor, at: said.AnswerConsent(actor, at, topic, body.agreed, body.reason),
    )


@_asks_for(Action.WITHDRAW_QUESTION)
async def withdraw_question(
    order: OrderId, topic: QuestionTopic, asked: Asked, body: Nothing = None
) -> Response:
    """Take back what you have asked for."""
    return await asked.order(
        order,
        f"order.withdraw_question/{topic}",
        body or NothingMore(),
        lambda actor, at: said.WithdrawQuestion(actor, at, topic),
    )


@_asks_for(Action.CONFIRM_RECEIPT)
async def confirm_receipt(order: OrderId, asked: Asked, body: Nothing = None) -> Response:
    """Confirm that the goods arrived. Protection runs on; then the seller is paid."""
    return await asked.order(
        order, "order.confirm_receipt", body or NothingMore(), said.ConfirmReceipt
    )


@_asks_for(Action.DENY_RECEIPT)
async def deny_receipt(order: OrderId, asked: Asked, body: Nothing = None) -> Response:
    """Say, when asked, that nothing came. The seller may still prove that it did."""
    return await asked.order(order, "order.deny_receipt", body or NothingMore(), said.DenyReceipt)


@_asks_for(Action.REFUND)
async def refund(order: OrderId, body: RefundIn, asked: Asked) -> Response:
    """Give money back to the buyer, in full or in part."""
    return await asked.order(
        order,
        "order.refund",
        body,
        lambda actor, at: said.RefundOrder(actor, at, body.amount, body.reason),
    )


@_asks_for(Action.PLACE_HOLD)
async def place_hold(order: OrderId, body: HoldIn, asked: Asked) -> Response:
    """Keep money from being released, for a stated reason, until the hold is lifted."""
    return await asked.order(
        order,
        "order.place_hold",
        body,
        lambda actor, at: said.PlaceHold(actor, at, body.hold, body.amount, body.reason),
    )


@_asks_for(Action.LIFT_HOLD)
async def lift_hold(order: OrderId, hold: HoldId, body: LiftingIn, asked: Asked) -> Response:
    """End a hold: what it kept may be released."""
    return await asked.order(
        order,
        f"order.lift_hold/{hold}",
        body,
        lambda actor, at: said.LiftHold(actor, at, hold, body.reason),
    )


@_asks_for(Action.RESOLVE)
async def resolve(order: OrderId, body: ResolutionIn, asked: Asked) -> Response:
    """Let a parked order go on: try the step again, or settle it by hand."""
    return await asked.order(
        order,
        "order.resolve",
        body,
        lambda actor, at: said.Resolve(actor, at, body.resolution, body.note),
    )
