"""What the locked row of an order's money says, and what may be asked of it."""

from dataclasses import dataclass, replace

from domain.errors import AmountExceeded
from domain.order.postings import RefundPlan, ReleasePlan


@dataclass(frozen=True)
class OrderFunds:
    """An order's money in minor units, as found under its lock: the truth that states mirror.

    `commission` is what the whole order would bear, `charged` what was kept so far; `recovered`
    is what later refunds took back from outside escrow. `settles_in` is the seller's currency, ""
    for the order's; `settled` is what the seller has of the order in it, and `reserved` is in it.
    """

    order: str
    seller: str
    currency: str
    total: int
    commission: int
    captured: int = 0
    refunded: int = 0
    charged_back: int = 0
    held: int = 0
    released: int = 0
    reserved: int = 0
    recovered: int = 0
    charged: int = 0
    settles_in: str = ""
    settled: int = 0

    @property
    def settlement(self) -> str:
        """The currency of the seller's accounts."""
        return self.settles_in or self.currency

    @property
    def with_seller(self) -> int:
        """What went to the seller and has not come back, in the order's currency."""
        return self.released - self.recovered - self.charged

    @property
    def escrow(self) -> int:
        """What is still in escrow, holds included."""
        returned = self.refunded + self.charged_back - self.recovered
        return self.captured - returned - self.released

    @property
    def refundable(self) -> int:
        """What may be refunded: captured, less what went back or is held for a stated claim."""
        return self.captured - self.refunded - self.charged_back - self.held

    @property
    def releasable(self) -> int:
        """What escrow may release now."""
        return max(0, self.escrow - self.held)

    def with_capture(self, amount: int) -> "OrderFunds":
        """The buyer's money has arrived."""
        return replace(self, captured=self.captured + amount)

    def with_refund(
        self, amount: int, plan: RefundPlan, abroad: RefundPlan | None = None
    ) -> "OrderFunds":
        """A refund is set aside; more than is there is refused (`AmountExceeded`).

        *abroad* is what the seller gives for it in another currency.
        """
        self._must_have(amount, self.refundable, "refund")
        return replace(
            self,
            refunded=self.refunded + amount,
            recovered=self.recovered + plan.recovered,
            charged=self.charged - plan.commission,
            reserved=self.reserved - min(self.reserved, (abroad or plan).reserve),
            settled=self.settled - (abroad.recovered if abroad else 0),
        )

    def without_refund(
        self, amount: int, plan: RefundPlan, abroad: RefundPlan | None = None
    ) -> "OrderFunds":
        """A refund failed for good: everything stands where it stood."""
        return replace(
            self,
            refunded=self.refunded - amount,
            recovered=self.recovered - plan.recovered,
            charged=self.charged + plan.commission,
            reserved=self.reserved + (abroad or plan).reserve,
            settled=self.settled + (abroad.recovered if abroad else 0),
        )

    def with_release(self, plan: ReleasePlan) -> "OrderFunds":
        """Escrow has gone to the seller."""
        return replace(
            self,
            released=self.released + plan.gross,
            charged=self.charged + plan.commission,
            reserved=self.reserved + plan.reserve,
            settled=self.settled + (plan.payable + plan.reserve if plan.exchanged else 0),
        )

    def without_reserve(self) -> "OrderFunds":
        """The order's reserve has become the seller's."""
        return replace(self, reserved=0)

    def with_hold(self, amount: int) -> "OrderFunds":
        """*amount* may not be released; more than is there is refused (`AmountExceeded`)."""
        self._must_have(amount, self.releasable, "hold")
        return replace(self, held=self.held + amount)

    def without_hold(self, amount: int) -> "OrderFunds":
        """A hold has ended."""
        return replace(self, held=self.held - amount)

    def _must_have(self, asked: int, available: int, what: str) -> None:
        if not 0 < asked <= available:
            raise AmountExceeded(
                f"at most {available} (minor units of {self.currency}) are left to {what}",
                asked=asked,
                available=available,
                currency=self.currency,
            )
