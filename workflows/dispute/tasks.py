"""The steps of a dispute by name, and what is its own about taking them."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import dispute_requests as steps
    from activities.dispute import DisputeActivities
    from activities.dispute_money import DisputeMoneyActivities
    from activities.return_label import ReturnLabelActivities
    from domain.dispute import clocks, rules
    from domain.dispute.state import DisputeState
    from domain.order.state import Parked
    from workflows._kit.attributes import Shown
    from workflows._kit.options import PROVIDER, RECORD
    from workflows._kit.steps import Task
    from workflows.dispute.details import describe
    from workflows.order.messages import Resolution, Resolve

OPEN: Final = Task("dispute.open", DisputeActivities.open, RECORD, "Hold the disputed share")
ACT: Final = Task("dispute.act", DisputeActivities.act, PROVIDER, "Do what was asked")
BUY_LABEL: Final = Task(
    "dispute.buy_label", ReturnLabelActivities.buy, PROVIDER, "Buy the label of the return"
)
GIVE_BACK_LABEL: Final = Task(
    "dispute.give_back_label",
    ReturnLabelActivities.give_back,
    PROVIDER,
    "Give back the label that was not used",
)
RING: Final = Task("dispute.ring", DisputeActivities.ring, RECORD, "Do what a clock's end means")
HEAR: Final = Task("dispute.hear", DisputeActivities.hear, RECORD, "Hear of a parcel")
HEAR_BANK: Final = Task(
    "dispute.hear_bank", DisputeActivities.hear_bank, RECORD, "Hear of a chargeback"
)
PARK: Final = Task(
    "dispute.park", DisputeActivities.park, RECORD, "Show that an operator is needed"
)
SETTLE: Final = Task("dispute.settle", DisputeMoneyActivities.settle, RECORD, "Post the verdict")
PAY: Final = Task(
    "dispute.pay",
    DisputeMoneyActivities.pay,
    PROVIDER,
    "Pay the buyer",
    may=("retry", "settle_by_hand"),
)
FOLLOW: Final = Task(
    "dispute.follow", DisputeMoneyActivities.follow, PROVIDER, "See how the refund stands"
)


class DisputeManner:
    """Keeps `workflows._kit.steps.Manner`."""

    def __init__(self, state: DisputeState) -> None:
        """Begin with what was given at the start."""
        self._shown = Shown(rules.headline(state))

    def parking(
        self, state: DisputeState, at: datetime, why: Parked | None, word: Resolve | None
    ) -> tuple[Task[steps.ParkDispute, DisputeState], steps.ParkDispute]:
        """Show it in view, timeline and alarms."""
        actor, note = (str(word.actor), word.note) if word else ("", "")
        return PARK, steps.ParkDispute(state, at, why, actor, note)

    def once_more(self, request: Any, state: DisputeState, word: Resolve) -> Any:  # noqa: ANN401 - any step's
        """With the operator's note, if the money went out by hand."""
        changes: dict[str, Any] = {"state": state}
        if isinstance(request, steps.PayBuyer):
            changes["by_hand"] = by_hand(word)
        return replace(request, **changes)

    def show(self, state: DisputeState) -> None:
        """In the search attributes and the current details."""
        due = clocks.next_due(state)
        self._shown.show(
            rules.headline(state),
            due.at if due else None,
            needs_attention=state.parked is not None,
        )
        workflow.set_current_details(describe(state))


def by_hand(word: Resolve) -> str:
    """The note of what an operator settled outside; "" if it is to be tried again."""
    if word.resolution is not Resolution.SETTLE_BY_HAND:
        return ""
    return word.note or f"settled by {word.actor}"
