"""What is said to a repayment. Public: services that speak to Temporal use these.

Fields are only ever added, each with a default. That its payment has news is said with the order's
message (`PaymentChanged`).
"""

from dataclasses import dataclass
from datetime import datetime

from domain.order.repaying import RepaymentState


@dataclass(frozen=True)
class PayAgain:
    """Let the buyer pay again for what came after their refund.

    How much that is nobody says: it is what came and was not paid again. `method` is the
    provider's token of a payment method, empty to pay later; `request` is what asks, "" for nobody
    who would ask twice.
    """

    order: str
    buyer: str
    seller: str
    currency: str
    received_at: datetime
    method: str = ""
    request: str = ""

    def first_state(self) -> RepaymentState:
        """The repayment as it stands before its process has done anything (version 0)."""
        return RepaymentState(
            self.order,
            self.buyer,
            self.seller,
            self.currency,
            asked_at=self.received_at,
            request=self.request,
        )
