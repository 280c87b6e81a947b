"""What the locked row of an order's money says, and what may be asked of it."""

from dataclasses import dataclass, replace

from domain.errors import AmountExceeded
from domain.order.postings import PaidBy, RefundPlan, ReleasePlan


@dataclass(frozen=True)
class OrderFunds:
    """An order's money in minor units, as found under its lock: the truth that states mirror.

    `commission` is what the whole order would bear, `charged` what was kept so far; `recovered`
    is what later refunds took back from outside escrow. Of what was captured, `subsidised` came
    from the platform's subsidy and `borne` from its loss; the `_back` are what of each went back.
    `settles_in` is the seller's currency, "" for the order's; `settled` is what the seller has of
    the order in it, and `reserved` is in it. `contributed` is what others than the seller paid of
    what disputes gave back, or to the seller.
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
    subsidised: int = 0
    subsidised_back: int = 0
    borne: int = 0
    borne_back: int = 0
    settles_in: str = ""
    settled: int = 0
    contributed: int = 0

    @property
    def settlement(self) -> str:
        """The currency of the seller's accounts."""
        return self.settles_in or self.currency

    @property
    def paid_by_buyer(self) -> int:
        """What of the captured came from the buyer, and not from the platform."""
        return self.captured - self.subsidised - self.borne

    @property
    def left_of_buyer(self) -> int:
        """What of the buyer's money has not gone back to them."""
        back = self.refunded - self.subsidised_back - self.borne_back
        return self.paid_by_buyer - back - self.charged_back

    @property
    def with_seller(self) -> int:
        """What went to the seller and has not come back, in the order's currency."""
        return self.released - self.recovered - self.charged

    @property
    def escrow(self) -> int:
        """What is still in escrow, holds included."""
        returned = self.refunded + self.charged_back - self.recovered - self.contributed
        return self.captured - returned - self.released

    @property
    def refundable(self) -> int:
        """What may be refunded: captured, less what went back or is held for a stated claim."""
        return self.captured - self.refunded - self.charged_back - self.held

    @property
    def releasable(self) -> int:
        """What escrow may release now."""
        return max(0, self.escrow - self.held)

    def with_capture(self, amount: int, subsidy: int = 0, borne: int = 0) -> "OrderFunds":
        """The buyer's money has arrived, and with it what the platform pays of the price."""
        return replace(
            self,
            captured=self.captured + amount + subsidy + borne,
            subsidised=self.subsidised + subsidy,
            borne=self.borne + borne,
        )

    def share_of_refund(self, amount: int) -> PaidBy:
        """Divide a refund by who paid, pro rata and cumulative: all parts sum exactly.

        The odd minor unit goes to the larger remainder. What the platform paid is never paid
        out to the buyer: it goes back to the account that it came from.
        """
        back = self.subsidised_back + self.borne_back
        buyer = _next_part(
            amount,
            refunded=self.refunded,
            mine=self.paid_by_buyer,
            whole=self.captured,
            had=self.refunded - back,
        )
        subsidy = _next_part(
            amount - buyer,
            refunded=back,
            mine=self.subsidised,
            whole=self.subsidised + self.borne,
            had=self.subsidised_back,
        )
        return PaidBy(buyer, subsidy, amount - buyer - subsidy)

    def with_refund(
        self,
        amount: int,
        plan: RefundPlan,
        share: PaidBy | None = None,
        abroad: RefundPlan | None = None,
        *,
        contributed: int = 0,
    ) -> "OrderFunds":
        """A refund is set aside; more than is there is refused (`AmountExceeded`).

        *abroad* is what the seller gives for it in another currency, *contributed* the part of it
        for which the seller does not answer.
        """
        self._must_have(amount, self.refundable, "refund")
        share = share or PaidBy(amount)
        return replace(
            self,
            subsidised_back=self.subsidised_back + share.subsidy,
            borne_back=self.borne_back + share.loss,
            refunded=self.refunded + amount,
            recovered=self.recovered + plan.recovered,
            charged=self.charged - plan.commission,
            reserved=self.reserved - min(self.reserved, (abroad or plan).reserve),
            settled=self.settled - (abroad.recovered if abroad else 0),
            contributed=self.contributed + contributed,
        )

    def without_refund(
        self,
        amount: int,
        plan: RefundPlan,
        share: PaidBy | None = None,
        abroad: RefundPlan | None = None,
    ) -> "OrderFunds":
        """A refund failed for good: everything stands where it stood."""
        share = share or PaidBy(amount)
        return replace(
            self,
            subsidised_back=self.subsidised_back - share.subsidy,
            borne_back=self.borne_back - share.loss,
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

    def made_good(self, plan: ReleasePlan) -> "OrderFunds":
        """The platform has paid the seller what an appeal found to be theirs."""
        more = replace(self, contributed=self.contributed + plan.gross)
        return more.with_release(plan)

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


def _next_part(amount: int, *, refunded: int, mine: int, whole: int, had: int) -> int:
    """What of *amount* is due to who paid *mine* of the *whole*, and *had* some of it back.

    The target is their share of all that is refunded then, to the nearest unit (largest
    remainder of two); refunds that failed in between are made up for by the next ones.
    """
    if not mine:
        return 0
    until = (2 * mine * (refunded + amount) + whole) // (2 * whole)
    return min(amount, max(0, until - had))
