"""What may be asked of an order: one table of updates, each judged at once, then heard in turn."""

from types import MappingProxyType
from typing import Any, Final, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.order.state import OrderState
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


class Hearing(Protocol):
    """A process that is asked: it judges a request, and answers when its turn has come."""

    def judge(self, request: said.Request) -> None:
        """Refuse at once what the table does not allow."""
        ...

    async def asked(self, request: said.Request) -> OrderState:
        """Write it down and wait for its turn."""
        ...


def update(message: type[said.Request]) -> Any:  # noqa: ANN401 - the SDK's decorated form
    """The update that hears *message*: its validator refuses what the table does not allow."""
    name, description = REQUESTS[message]

    async def hear(self: Hearing, request: Any) -> OrderState:  # noqa: ANN401 - set below
        return await self.asked(request)

    def may(self: Hearing, request: Any) -> None:  # noqa: ANN401 - set below
        self.judge(request)

    for handler in (hear, may):
        handler.__name__ = name
        handler.__qualname__ = f"OrderWorkflow.{name}"
        # What the converter must make of the payload: the message, and no annotation on self.
        handler.__annotations__ = {"request": message, "return": handler.__annotations__["return"]}
    decorated = workflow.update(name=name, description=description)(hear)
    decorated.validator(may)
    return decorated
