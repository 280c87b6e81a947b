"""Late news of a purchase's payment: what is its own is cared for, the rest its orders hear."""

from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.aftercare import AftercareActivities
    from activities.purchase_care import PurchaseCareActivities
    from activities.requests import CareForPayment
    from domain.ids import order_workflow_id
    from workflows._kit.options import PROVIDER, summed_up
    from workflows.aftercare.messages import LateFact
    from workflows.order.messages import FraudWarned, PaymentChanged

_CHANGED: Final = ("payment_changed", PaymentChanged)
_FRAUD: Final = frozenset(
    {
        "radar.early_fraud_warning.created",
        "radar.early_fraud_warning.updated",
        "review.opened",
        "review.closed",
        "sweep.fraud",
    }
)


async def cared_for(purchase: str, fact: LateFact) -> str:
    """Look at the purchase's payment; returns what was done."""
    cared = await workflow.execute_activity_method(
        PurchaseCareActivities.care,
        CareForPayment(purchase, fact.received_at),
        **summed_up(PROVIDER, "A payment has news after its purchase's end"),
    )
    for order in cared.orders:
        await _told(order, fact)
    return cared.done


async def _told(order: str, fact: LateFact) -> None:
    """Let a running order look at its own; for one that has ended, look in its place."""
    process = workflow.get_external_workflow_handle(order_workflow_id(order))
    signal, said = ("fraud_warned", FraudWarned) if fact.kind in _FRAUD else _CHANGED
    try:
        await process.signal(signal, said(fact.event_id, fact.received_at))
    except FailureError:
        await workflow.execute_activity_method(
            AftercareActivities.payment,
            CareForPayment(order, fact.received_at, fact.kind),
            **summed_up(PROVIDER, "A payment has news after its order's end"),
        )
