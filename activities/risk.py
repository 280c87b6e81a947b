"""A person's look at a payment: what calls for it, and when nobody is called any more."""

from datetime import datetime
from typing import Final

from domain.ids import order_workflow_id
from domain.order.state import OrderState, Outcome, Payment
from persistence.port import Facts, Transaction

REVIEW: Final = "risk_review"
LATE: Final = "risk_check_late"
SUSPECTED: Final = "fraud_suspected"


async def call_for_review(
    tx: Transaction, state: OrderState, words: str, at: datetime, facts: Facts | None = None
) -> None:
    """Compliance looks at the order before its goods may leave; *words* say why."""
    await tx.story.alarm(REVIEW, order_workflow_id(state.order), words, at, facts)


async def review_over(tx: Transaction, before: OrderState, after: OrderState, at: datetime) -> None:
    """Call nobody any more for a check that is decided, or whose order is called off.

    A warning that came during the check was weighed with it.
    """
    if before.payment is not Payment.IN_RISK_CHECK:
        return
    if after.payment is Payment.IN_RISK_CHECK and after.outcome is Outcome.OPEN:
        return
    for kind in (REVIEW, LATE, SUSPECTED):
        await tx.story.clear(kind, order_workflow_id(after.order), at)
