"""What a request to an order means: whom it must satisfy, and which step it becomes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from activities import requests as steps
from activities.requests import Move
from domain.order import rules
from domain.order.rules import Action
from domain.order.state import OrderState
from workflows.order import messages as said
from workflows.order import tasks
from workflows.order.messages import RiskVerdict
from workflows.order.tasks import Task

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
Told = tuple[Task[Any], Any]


def judge(state: OrderState, request: said.Request) -> None:
    """Refuse what the order's table does not allow this caller, now (`domain.order.rules`)."""
    amount = request.amount if isinstance(request, said.RefundOrder | said.PlaceHold) else 0
    action = _ACTIONS[type(request)]
    rules.check(state, action, request.actor, request.received_at, amount)


def step_of(state: OrderState, request: Any) -> Told:  # noqa: ANN401 - one of said.Request
    """The step that a request becomes. What needs more than one step is not here (`KeyError`)."""
    return _STEPS[type(request)](state, request)


def _decided(state: OrderState, request: said.DecideRisk) -> Told:
    verdict, actor = _VERDICTS[request.verdict], str(request.actor)
    step = steps.Record(state, request.received_at, verdict, actor, request.reason)
    return tasks.RECORD_MOVE, step


def _received(state: OrderState, request: said.ConfirmReceipt) -> Told:
    step = steps.Record(state, request.received_at, Move.RECEIVED, str(request.actor))
    return tasks.RECORD_MOVE, step


def _denied(state: OrderState, request: said.DenyReceipt) -> Told:
    step = steps.Record(state, request.received_at, Move.RECEIPT_DENIED, str(request.actor))
    return tasks.RECORD_MOVE, step


def _held(state: OrderState, request: said.PlaceHold) -> Told:
    return tasks.HOLD, steps.ChangeHold(
        state,
        request.received_at,
        request.hold,
        request.amount,
        str(request.actor),
        request.reason,
    )


def _lifted(state: OrderState, request: said.LiftHold) -> Told:
    return tasks.LIFT, steps.ChangeHold(
        state, request.received_at, request.hold, 0, str(request.actor), request.reason
    )


def _declared(state: OrderState, request: said.DeclareShipment) -> Told:
    return tasks.SHIP, steps.Ship(
        state, request.received_at, request.carrier, request.number, str(request.actor)
    )


_STEPS: Final[Mapping[type, Callable[[OrderState, Any], Told]]] = MappingProxyType(
    {
        said.DecideRisk: _decided,
        said.DeclareShipment: _declared,
        said.ConfirmReceipt: _received,
        said.DenyReceipt: _denied,
        said.PlaceHold: _held,
        said.LiftHold: _lifted,
    }
)
