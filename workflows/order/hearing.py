"""What a request to an order means: whom it must satisfy, and which step it becomes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from activities import requests as steps
from activities.requests import Move
from domain.order import consent, facts, online_moves, rules
from domain.order.parcels import ParcelStage
from domain.order.rules import Action
from domain.order.state import OrderState
from workflows.order import messages as said
from workflows.order import tasks
from workflows.order.messages import RiskVerdict
from workflows.order.tasks import Task

_ACTIONS: Final = MappingProxyType(
    {
        said.CancelOrder: Action.CANCEL,
        said.PayAnotherWay: Action.PAY_ANOTHER_WAY,
        said.DecideAmount: Action.DECIDE_AMOUNT,
        said.ReportFraud: Action.REPORT_FRAUD,
        said.DecideFraud: Action.DECIDE_FRAUD,
        said.DecideRisk: Action.DECIDE_RISK,
        said.DeclareShipment: Action.DECLARE_SHIPMENT,
        said.ConfirmReceipt: Action.CONFIRM_RECEIPT,
        said.DenyReceipt: Action.DENY_RECEIPT,
        said.RefundOrder: Action.REFUND,
        said.PlaceHold: Action.PLACE_HOLD,
        said.LiftHold: Action.LIFT_HOLD,
        said.EditShipment: Action.EDIT_SHIPMENT,
        said.DisownShipment: Action.DISOWN_SHIPMENT,
        said.RuleOnCustoms: Action.RULE_ON_CUSTOMS,
        said.ChangeAddress: Action.CHANGE_ADDRESS,
        said.AskConsent: Action.ASK_CONSENT,
        said.AnswerConsent: Action.ANSWER_CONSENT,
        said.WithdrawQuestion: Action.WITHDRAW_QUESTION,
        said.BuyLabel: Action.BUY_LABEL,
        said.VoidLabel: Action.VOID_LABEL,
        said.SchedulePickup: Action.SCHEDULE_PICKUP,
    }
)
_RULINGS: Final = MappingProxyType(
    {
        said.CustomsRuling.COUNTERFEIT: Move.SEIZED,
        said.CustomsRuling.DUTY_UNPAID: Move.FORFEITED,
    }
)
_VERDICTS: Final = MappingProxyType(
    {
        RiskVerdict.ACCEPT: Move.RISK_ACCEPTED,
        RiskVerdict.REFUSE: Move.RISK_REFUSED,
        RiskVerdict.EXTEND: Move.RISK_EXTENDED,
    }
)
_DOUBTED: Final = (ParcelStage.DOUBTED,)
_AT_CUSTOMS: Final = (ParcelStage.AT_CUSTOMS,)
Told = tuple[Task[Any], Any]


def judge(state: OrderState, request: said.Request) -> None:
    """Refuse what the order's table does not allow this caller, now (`domain.order.rules`)."""
    amount = request.amount if isinstance(request, said.RefundOrder | said.PlaceHold) else 0
    action = _ACTIONS[type(request)]
    rules.check(state, action, request.actor, request.received_at, amount)
    if isinstance(request, said.BuyLabel | said.SchedulePickup):
        online_moves.check_window(request.fetch_from, request.fetch_until, request.received_at)
    _judge_details(state, request)


def _judge_details(state: OrderState, request: said.Request) -> None:
    """Which parcel, which lines, which question: what the action alone does not say."""
    actor, at = request.actor, request.received_at
    match request:
        case said.DeclareShipment() | said.BuyLabel():
            facts.must_be_unshipped(state, request.lines)
        case said.VoidLabel():
            online_moves.label_to_void(state, request.parcel)
        case said.SchedulePickup():
            online_moves.label_to_fetch(state, request.parcel)
        case said.EditShipment():
            facts.parcel_to_edit(state, request.parcel)
        case said.DisownShipment():
            facts.parcel_at(state, _DOUBTED, request.parcel)
        case said.RuleOnCustoms():
            facts.parcel_at(state, _AT_CUSTOMS, request.parcel)
        case said.AskConsent():
            consent.check_asking(state, request.topic, actor, at)
        case said.AnswerConsent():
            consent.check_answering(state, request.topic, actor, at)
        case said.WithdrawQuestion():
            consent.check_taking_back(state, request.topic, actor)
        case _:
            pass


def step_of(state: OrderState, request: Any) -> Told:  # noqa: ANN401 - one of said.Request
    """The step that a request becomes. What needs more than one step is not here (`KeyError`)."""
    return _STEPS[type(request)](state, request)


def _labelled(state: OrderState, request: said.BuyLabel) -> Told:
    wanted = steps.BuyLabel(
        state.order,
        state.labels_asked + 1,
        request.received_at,
        request.carrier,
        request.service,
        request.most,
        request.currency,
        request.grams,
        request.length_mm,
        request.width_mm,
        request.height_mm,
    )
    return tasks.BUY_LABEL, steps.ShipOnline(
        state,
        request.received_at,
        wanted,
        str(request.actor),
        request.lines,
        request.fetch_from,
        request.fetch_until,
    )


def _voided(state: OrderState, request: said.VoidLabel) -> Told:
    label = online_moves.label_to_void(state, request.parcel)
    step = steps.OfLabel(state, request.received_at, label.key, str(request.actor))
    return tasks.VOID_LABEL, step


def _fetched(state: OrderState, request: said.SchedulePickup) -> Told:
    label = online_moves.label_to_fetch(state, request.parcel)
    return tasks.SCHEDULE_PICKUP, steps.FetchParcel(
        state,
        request.received_at,
        label.key,
        request.fetch_from,
        request.fetch_until,
        str(request.actor),
    )


def _decided(state: OrderState, request: said.DecideRisk) -> Told:
    verdict, actor = _VERDICTS[request.verdict], str(request.actor)
    step = steps.Record(state, request.received_at, verdict, actor, request.reason)
    return tasks.RECORD_MOVE, step


def _amount_decided(state: OrderState, request: said.DecideAmount) -> Told:
    return tasks.DECIDE_AMOUNT, steps.DecideAmount(
        state,
        request.received_at,
        request.decision,
        str(request.actor),
        request.reason,
        request.borne_by,
    )


def _fraud_reported(state: OrderState, request: said.ReportFraud) -> Told:
    step = steps.Step(state, request.received_at, str(request.actor), request.reason)
    return tasks.REPORT_FRAUD, step


def _fraud_decided(state: OrderState, request: said.DecideFraud) -> Told:
    is_fraud = request.verdict is said.FraudVerdict.CONFIRMED
    return tasks.DECIDE_FRAUD, steps.DecideFraud(
        state, request.received_at, is_fraud, str(request.actor), request.reason
    )


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
        state,
        request.received_at,
        request.carrier,
        request.number,
        str(request.actor),
        request.lines,
    )


def _edited(state: OrderState, request: said.EditShipment) -> Told:
    parcel = facts.parcel_to_edit(state, request.parcel)
    return tasks.EDIT_SHIPMENT, steps.EditShipment(
        state, request.received_at, parcel.name, request.number, str(request.actor)
    )


def _disowned(state: OrderState, request: said.DisownShipment) -> Told:
    parcel = facts.parcel_at(state, _DOUBTED, request.parcel)
    return tasks.RECORD_MOVE, steps.Record(
        state,
        request.received_at,
        Move.SHIPMENT_FALSE,
        str(request.actor),
        parcel=parcel.name,
    )


def _ruled(state: OrderState, request: said.RuleOnCustoms) -> Told:
    parcel = facts.parcel_at(state, _AT_CUSTOMS, request.parcel)
    return tasks.RECORD_MOVE, steps.Record(
        state,
        request.received_at,
        _RULINGS[request.ruling],
        str(request.actor),
        request.reason,
        parcel=parcel.name,
    )


def _readdressed(state: OrderState, request: said.ChangeAddress) -> Told:
    return tasks.CHANGE_ADDRESS, steps.ChangeAddress(
        state, request.received_at, request.country, request.draft, str(request.actor)
    )


def _asked(state: OrderState, request: said.AskConsent) -> Told:
    return tasks.ASK_CONSENT, steps.Consent(
        state,
        request.received_at,
        request.topic,
        str(request.actor),
        request.actor.role,
        request.days,
        reason=request.reason,
    )


def _answered(state: OrderState, request: said.AnswerConsent) -> Told:
    return tasks.SETTLE_CONSENT, steps.Consent(
        state,
        request.received_at,
        request.topic,
        str(request.actor),
        request.actor.role,
        is_agreed=request.is_agreed,
        reason=request.reason,
    )


def _taken_back(state: OrderState, request: said.WithdrawQuestion) -> Told:
    return tasks.TAKE_BACK, steps.Consent(
        state, request.received_at, request.topic, str(request.actor), request.actor.role
    )


_STEPS: Final[Mapping[type, Callable[[OrderState, Any], Told]]] = MappingProxyType(
    {
        said.DecideAmount: _amount_decided,
        said.ReportFraud: _fraud_reported,
        said.DecideFraud: _fraud_decided,
        said.DecideRisk: _decided,
        said.DeclareShipment: _declared,
        said.ConfirmReceipt: _received,
        said.DenyReceipt: _denied,
        said.PlaceHold: _held,
        said.LiftHold: _lifted,
        said.EditShipment: _edited,
        said.DisownShipment: _disowned,
        said.RuleOnCustoms: _ruled,
        said.ChangeAddress: _readdressed,
        said.AskConsent: _asked,
        said.AnswerConsent: _answered,
        said.WithdrawQuestion: _taken_back,
        said.BuyLabel: _labelled,
        said.VoidLabel: _voided,
        said.SchedulePickup: _fetched,
    }
)
