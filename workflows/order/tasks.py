"""The steps of an order by name: what runs, how long it may take, and what the UI calls it."""

from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.types import MethodAsyncSingleParam
from temporalio.workflow import LocalActivityConfig

with workflow.unsafe.imports_passed_through():
    from activities import requests as steps
    from activities.amount import AmountActivities
    from activities.attempts import AttemptActivities
    from activities.capture import CaptureActivities
    from activities.consent import ConsentActivities
    from activities.dispute import DisputeActivities
    from activities.escrow import EscrowActivities
    from activities.fraud import FraudActivities
    from activities.online import OnlineActivities
    from activities.order import OrderActivities
    from activities.payment import PaymentActivities
    from activities.refund import RefundActivities
    from activities.shipment import ShipmentActivities
    from activities.standing import StandingActivities
    from domain.order.state import OrderState
    from workflows._kit.options import AT_ONCE, PROVIDER, RECORD, summed_up


class OrderStep(Protocol):
    """What a step is told: the order's state, and what it is about."""

    @property
    def state(self) -> OrderState: ...


R = TypeVar("R", bound=OrderStep)


@dataclass(frozen=True)
class Task(Generic[R]):
    """One kind of step."""

    name: str
    run: MethodAsyncSingleParam[Any, R, OrderState]
    options: workflow.ActivityConfig
    summary: str
    may: tuple[str, ...] = ("retry",)
    is_quick: bool = False
    """Whether it is tried within the process's own task first: see ADR 0029 for what may be."""

    @property
    def config(self) -> workflow.ActivityConfig:
        """Time limits and retries, with the words that the UI shows."""
        return summed_up(self.options, self.summary)

    @property
    def at_once(self) -> LocalActivityConfig:
        """One try that may not last."""
        config = LocalActivityConfig(summary=self.summary)
        config.update(AT_ONCE)
        return config


OPEN: Final = Task(
    "order.open", OrderActivities.open, RECORD, "Fix policy and terms", is_quick=True
)
ASK: Final = Task("payment.ask", PaymentActivities.ask, PROVIDER, "Ask the buyer for the money")
SETTLE: Final = Task("payment.settle", PaymentActivities.settle, PROVIDER, "Look at the payment")
CLOSE: Final = Task("payment.close", PaymentActivities.close, PROVIDER, "Close the payment window")
ASK_AGAIN: Final = Task(
    "payment.ask_again", AttemptActivities.ask_again, PROVIDER, "Open a further payment"
)
CLOSE_OTHERS: Final = Task(
    "payment.close_others",
    AttemptActivities.close_others,
    PROVIDER,
    "Close the payments that nobody waits for",
)
DECIDE_AMOUNT: Final = Task(
    "payment.decide_amount",
    AmountActivities.decide,
    PROVIDER,
    "Do what was decided about another amount",
)
CAPTURE: Final = Task(
    "payment.capture", CaptureActivities.capture, PROVIDER, "Take what the bank agreed to"
)
FOLLOW_AUTHORISATION: Final = Task(
    "payment.follow_authorisation",
    CaptureActivities.follow,
    PROVIDER,
    "See how the authorisation stands",
)
VOID: Final = Task("payment.void", CaptureActivities.void, PROVIDER, "Give the authorisation back")
REPORT_FRAUD: Final = Task("fraud.report", FraudActivities.report, RECORD, "Freeze the money")
HEED_FRAUD: Final = Task(
    "fraud.heed", FraudActivities.heed, PROVIDER, "Read what is reported of the payment"
)
DECIDE_FRAUD: Final = Task(
    "fraud.decide", FraudActivities.decide, RECORD, "Do what was decided about fraud"
)
RECORD_MOVE: Final = Task("order.record", OrderActivities.record, RECORD, "Record a change")
REMIND: Final = Task(
    "order.remind", OrderActivities.remind, RECORD, "Remind whom a clock waits for"
)
PARK: Final = Task("order.park", OrderActivities.park, RECORD, "Show that an operator is needed")
SHIP: Final = Task("shipment.declare", ShipmentActivities.declare, PROVIDER, "Declare the parcel")
CHECK_SHIPMENT: Final = Task(
    "shipment.check", ShipmentActivities.check, PROVIDER, "See whether the parcel can be declared"
)
FOLLOW: Final = Task(
    "shipment.follow", ShipmentActivities.follow, RECORD, "Follow the parcel", is_quick=True
)
EDIT_SHIPMENT: Final = Task(
    "shipment.edit", ShipmentActivities.edit, PROVIDER, "Put the number of a parcel right"
)
ASK_CONSENT: Final = Task("consent.ask", ConsentActivities.ask, RECORD, "Ask the other side")
SETTLE_CONSENT: Final = Task(
    "consent.settle", ConsentActivities.settle, RECORD, "Close a question by its answer"
)
TAKE_BACK: Final = Task(
    "consent.take_back", ConsentActivities.take_back, RECORD, "Take a question back"
)
CHANGE_ADDRESS: Final = Task(
    "order.change_address", StandingActivities.change_address, RECORD, "Change the address"
)
BUY_LABEL: Final = Task(
    "label.buy", OnlineActivities.buy, PROVIDER, "Buy a label and declare its parcel"
)
CHECK_LABEL: Final = Task(
    "label.check", OnlineActivities.check, PROVIDER, "See whether the label is sold"
)
VOID_LABEL: Final = Task("label.void", OnlineActivities.void, PROVIDER, "Give an unused label back")
SCHEDULE_PICKUP: Final = Task(
    "pickup.schedule", OnlineActivities.schedule, PROVIDER, "Order a courier"
)
LOOK_FOR_COURIER: Final = Task(
    "pickup.attempted", OnlineActivities.attempted, PROVIDER, "See whether the courier came"
)
CHECK_IN: Final = Task(
    "pickup.check_in", OnlineActivities.check_in, PROVIDER, "Ask where the collected parcel is"
)
HEED_STANDING: Final = Task(
    "order.heed_standing", StandingActivities.heed_standing, RECORD, "Heed the seller's standing"
)
HEED_DISPUTES: Final = Task(
    "order.heed_disputes", DisputeActivities.heed, RECORD, "Mirror what disputes hold and gave"
)
HOLD: Final = Task("escrow.hold", EscrowActivities.hold, RECORD, "Hold a share of the escrow")
LIFT: Final = Task("escrow.lift", EscrowActivities.lift, RECORD, "Lift a hold")
RELEASE: Final = Task("escrow.release", EscrowActivities.release, RECORD, "Release the escrow")
RELEASE_RESERVE: Final = Task(
    "escrow.release_reserve", EscrowActivities.release_reserve, RECORD, "Release the reserve"
)
FOLLOW_REFUNDS: Final = Task(
    "payment.follow_refunds", RefundActivities.follow, PROVIDER, "See how the refunds stand"
)
REFUND: Final = Task(
    "payment.refund",
    RefundActivities.refund,
    PROVIDER,
    "Refund the buyer",
    may=("retry", "settle_by_hand"),
)


def once_more(request: R, state: OrderState, by_hand: str) -> R:
    """The same step again after an operator's word: same key, the state as it stands now."""
    changes: dict[str, Any] = {"state": state}
    if isinstance(request, steps.AskPayment):
        changes["again"] = True
    if isinstance(request, steps.Refund):
        changes["by_hand"] = by_hand
    told: Any = request
    again: R = replace(told, **changes)
    return again
