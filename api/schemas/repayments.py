"""What a buyer pays again for goods that came after their refund, as it is shown."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.schemas.common import Id, Money, View
from domain.order.repaying import RepaymentState, Stage


class RepaymentView(View):
    """One payment for goods that came although their money had gone back."""

    order: Id
    status: Stage = Field(description="`opening`: it may be asked for, or is being prepared.")
    amount: Money = Field(description="What the buyer pays.")
    attempt: int = Field(description="How often it has been asked for.")
    pay_by: datetime | None = Field(description="When the window closes (UTC).")
    ended_at: datetime | None
    links: dict[str, str]

    @classmethod
    def of(cls, state: RepaymentState) -> Self:
        """Show a state."""
        here = f"/v1/orders/{state.order}"
        return cls(
            order=state.order,
            status=state.stage,
            amount=Money(amount=state.amount, currency=state.currency),
            attempt=state.attempt,
            pay_by=state.closes_at,
            ended_at=state.ended_at,
            links={
                "self": f"{here}/repayment",
                "order": here,
                "payment": f"{here}/repayment/payment",
            },
        )
