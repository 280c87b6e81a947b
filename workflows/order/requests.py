"""What may be asked of an order: one table of updates, each judged at once, then heard in turn."""

from types import MappingProxyType
from typing import Any, Final, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.order.state import OrderState
    from workflows._kit.handlers import signal_of, update_of
    from workflows.dispute.messages import DisputesChanged
    from workflows.order import messages as said

# The name of each update, and what the UI says of it.
REQUESTS: Final = MappingProxyType(
    {
        said.CancelOrder: ("cancel", "Close the order before it is paid."),
        said.PayAnotherWay: ("pay_another_way", "Open a further payment beside the first."),
        said.DecideAmount: (
            "decide_amount",
            "Support decides about money of another amount.",
        ),
        said.ReportFraud: ("report_fraud", "Compliance doubts the payment: freeze its money."),
        said.DecideFraud: ("decide_fraud", "Compliance clears the payment, or calls it fraud."),
        said.DecideRisk: (
            "decide_risk",
            "Compliance decides about a payment that was put aside.",
        ),
        said.DeclareShipment: ("declare_shipment", "The seller declares carrier and number."),
        said.ConfirmReceipt: ("confirm_receipt", "The buyer has the goods."),
        said.DenyReceipt: ("deny_receipt", "The buyer, asked, says that nothing came."),
        said.RefundOrder: ("refund", "Give a part or all back to the buyer."),
        said.PlaceHold: ("place_hold", "Keep a share of the escrow for a stated reason."),
        said.LiftHold: ("lift_hold", "End a hold."),
        said.EditShipment: ("edit_shipment", "The seller puts the number of a parcel right."),
        said.DisownShipment: ("disown_shipment", "The buyer calls a doubted shipment off."),
        said.RuleOnCustoms: ("rule_on_customs", "Support says why customs keep a parcel."),
        said.ChangeAddress: ("change_address", "The buyer wants the goods elsewhere."),
        said.AskConsent: ("ask_consent", "One side asks the other for something."),
        said.AnswerConsent: ("answer_consent", "The side that was asked answers."),
        said.WithdrawQuestion: ("withdraw_question", "Whoever asked wants it no longer."),
        said.BuyLabel: ("buy_label", "The seller buys a label, and a courier if they wish."),
        said.VoidLabel: ("void_label", "The seller gives an unused label back."),
        said.SchedulePickup: ("schedule_pickup", "The seller lets a courier come."),
    }
)
# The name of each signal, and what the UI says of it.
FACTS: Final = MappingProxyType(
    {
        said.PaymentChanged: (
            "payment_changed",
            "The provider says that the payment or a refund has news.",
        ),
        said.ParcelMoved: ("parcel_moved", "The carrier has reached a milestone with the parcel."),
        said.SellerChanged: (
            "seller_changed",
            "The seller was suspended, closed or let back in.",
        ),
        said.FraudWarned: ("fraud_warned", "The provider reports the payment as fraudulent."),
        DisputesChanged: ("disputes_changed", "A dispute was opened, or settled."),
    }
)
_OWNER: Final = "OrderWorkflow"


class Hearing(Protocol):
    """A process that is asked: it judges a request, and answers when its turn has come."""

    def judge(self, request: said.Request) -> None:
        """Refuse at once what the table does not allow."""
        ...

    async def asked(self, request: said.Request) -> OrderState:
        """Write it down and wait for its turn."""
        ...


def _update(message: type[said.Request]) -> Any:  # noqa: ANN401 - the SDK's decorated form
    """The update that hears *message*: its validator refuses what the table does not allow."""

    async def hear(self: Hearing, request: Any) -> OrderState:  # noqa: ANN401 - named by the kit
        return await self.asked(request)

    def may(self: Hearing, request: Any) -> None:  # noqa: ANN401 - named by the kit
        self.judge(request)

    return update_of(_OWNER, REQUESTS[message], message, hear, may)


def _signal(message: type[said.Fact]) -> Any:  # noqa: ANN401 - the SDK's decorated form
    """The signal that writes *message* down."""
    return signal_of(_OWNER, FACTS[message], message)


class Conversation:
    """What may be said to an order. All executions share this module, and so these handlers."""

    payment_changed = _signal(said.PaymentChanged)
    parcel_moved = _signal(said.ParcelMoved)
    seller_changed = _signal(said.SellerChanged)
    fraud_warned = _signal(said.FraudWarned)
    disputes_changed = _signal(DisputesChanged)

    cancel = _update(said.CancelOrder)
    pay_another_way = _update(said.PayAnotherWay)
    decide_amount = _update(said.DecideAmount)
    report_fraud = _update(said.ReportFraud)
    decide_fraud = _update(said.DecideFraud)
    decide_risk = _update(said.DecideRisk)
    declare_shipment = _update(said.DeclareShipment)
    confirm_receipt = _update(said.ConfirmReceipt)
    deny_receipt = _update(said.DenyReceipt)
    refund = _update(said.RefundOrder)
    place_hold = _update(said.PlaceHold)
    lift_hold = _update(said.LiftHold)
    edit_shipment = _update(said.EditShipment)
    disown_shipment = _update(said.DisownShipment)
    rule_on_customs = _update(said.RuleOnCustoms)
    change_address = _update(said.ChangeAddress)
    ask_consent = _update(said.AskConsent)
    answer_consent = _update(said.AnswerConsent)
    withdraw_question = _update(said.WithdrawQuestion)
    buy_label = _update(said.BuyLabel)
    void_label = _update(said.VoidLabel)
    schedule_pickup = _update(said.SchedulePickup)
