"""The steps of a purchase by name: what runs, how long it may take, and what the UI calls it."""

from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from temporalio import workflow
from temporalio.types import MethodAsyncSingleParam

with workflow.unsafe.imports_passed_through():
    from activities import purchase_requests as steps
    from activities.purchase import PurchaseActivities
    from activities.purchase_amount import PurchaseAmountActivities
    from activities.purchase_attempts import PurchaseAttemptActivities
    from activities.purchase_payment import PurchasePaymentActivities
    from domain.purchase.state import PurchaseState
    from workflows._kit.options import PROVIDER, RECORD, summed_up

R = TypeVar(
    "R",
    steps.AskForAll,
    steps.ClosePurchase,
    steps.DecideExcess,
    steps.OpenPurchase,
    steps.ParkPurchase,
    steps.PurchaseStep,
)


@dataclass(frozen=True)
class Task(Generic[R]):
    """One kind of step."""

    name: str
    run: MethodAsyncSingleParam[Any, R, PurchaseState]
    options: workflow.ActivityConfig
    summary: str

    @property
    def config(self) -> workflow.ActivityConfig:
        """Time limits and retries, with the words that the UI shows."""
        return summed_up(self.options, self.summary)


OPEN: Final = Task("purchase.open", PurchaseActivities.open, RECORD, "Open every order")
REFUSE: Final = Task(
    "purchase.refuse", PurchaseActivities.refuse, RECORD, "Refuse the purchase and its orders"
)
REMIND: Final = Task("purchase.remind", PurchaseActivities.remind, RECORD, "Remind the buyer")
PARK: Final = Task(
    "purchase.park", PurchaseActivities.park, RECORD, "Show that an operator is needed"
)
ASK: Final = Task(
    "purchase.ask", PurchasePaymentActivities.ask, PROVIDER, "Ask the buyer for the sum"
)
SETTLE: Final = Task(
    "purchase.settle", PurchasePaymentActivities.settle, PROVIDER, "Look at the payment"
)
ASK_AGAIN: Final = Task(
    "purchase.ask_again", PurchaseAttemptActivities.ask_again, PROVIDER, "Ask for another payment"
)
CLOSE_OTHERS: Final = Task(
    "purchase.close_others",
    PurchaseAttemptActivities.close_others,
    PROVIDER,
    "Close what could be paid a second time",
)
DECIDE_AMOUNT: Final = Task(
    "purchase.decide_amount",
    PurchaseAmountActivities.decide,
    PROVIDER,
    "Settle a payment of another amount",
)
CLOSE: Final = Task(
    "purchase.close", PurchasePaymentActivities.close, PROVIDER, "Close the payment window"
)


def once_more(request: R, state: PurchaseState) -> R:
    """The same step again after an operator's word: same key, the state as it stands now."""
    changes: dict[str, Any] = {"state": state}
    if isinstance(request, steps.AskForAll):
        changes["again"] = True
    return replace(request, **changes)
