"""What a request to an order means: whom it must satisfy, and which step it becomes."""

from types import MappingProxyType
from typing import Final

from activities import requests as steps
from activities.requests import Move
from domain.order import rules
from domain.order.rules import Action
from domain.order.state import OrderState
from workflows.order import messages as said
from workflows.order.messages import RiskVerdict

_ACTIONS: Final = MappingProxyType(
    {
        said.CancelOrder: Action.CANCEL,
        said.DecideRisk: Action.DECIDE_RISK,
        said.DeclareShipment: Action.DECLARE_SHIPMENT,
        said.ConfirmReceipt: Action.CONFIRM_RECEIPT,
        said.DenyReceipt: Action.DENY_RECEIPT,
        said.RefundOrder: Action.REFUND,
        said.PlaceHold: Action.PLACE_HOLD,
        said.LiftHold: Action.LIFT_HOLD,
    }
)
_VERDICTS: Final = MappingProxyType(
    {
        RiskVerdict.ACCEPT: Move.RISK_ACCEPTED,
        RiskVerdict.REFUSE: Move.RISK_REFUSED,
        RiskVerdict.EXTEND: Move.RISK_EXTENDED,
    }
)


def judge(state: OrderState, request: said.Request) -> None:
    """Refuse what the order's table does not allow this caller, now (`domain.order.rules`)."""
    amount = request.amount if isinstance(request, said.RefundOrder | said.PlaceHold) else 0
    action = _ACTIONS[type(request)]
    rules.check(state, action, request.actor, request.received_at, amount)


def move_of(
    state: OrderState,
    request: said.DecideRisk | said.ConfirmReceipt | said.DenyReceipt,
) -> steps.Record:
    """The change that a word about risk or receipt makes."""
    actor, at = str(request.actor), request.received_at
    if isinstance(request, said.DecideRisk):
        return steps.Record(state, at, _VERDICTS[request.verdict], actor, request.reason)
    is_here = isinstance(request, said.ConfirmReceipt)
    return steps.Record(state, at, Move.RECEIVED if is_here else Move.RECEIPT_DENIED, actor)


def hold_of(state: OrderState, request: said.PlaceHold | said.LiftHold) -> steps.ChangeHold:
    """The change of a hold."""
    amount = request.amount if isinstance(request, said.PlaceHold) else 0
    return steps.ChangeHold(
        state, request.received_at, request.hold, amount, str(request.actor), request.reason
    )


def shipment_of(state: OrderState, request: said.DeclareShipment) -> steps.Ship:
    """The parcel that the seller declares."""
    return steps.Ship(
        state, request.received_at, request.carrier, request.number, str(request.actor)
    )
