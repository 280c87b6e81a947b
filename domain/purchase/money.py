"""The one payment of a purchase: its locked row, its shares, and the entries it makes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.errors import AmountExceeded
from domain.money import allocate
from domain.purchase.state import Share


@dataclass(frozen=True)
class PaymentFunds:
    """A purchase's payment in minor units, as found under its lock.

    It is locked before the rows of its orders. `total` is what the buyer was asked for, and
    `refunded` what they had back, the sum over its orders: the platform's money is no part of it.
    """

    purchase: str
    currency: str
    total: int
    captured: int = 0
    fee: int = 0
    refunded: int = 0
    charged_back: int = 0

    @property
    def refundable(self) -> int:
        """What the payment has left, whichever order asks for it."""
        return self.captured - self.refunded - self.charged_back

    def with_capture(self, amount: int, fee: int) -> "PaymentFunds":
        """The buyer's money has arrived; the provider kept *fee* of it."""
        return replace(self, captured=self.captured + amount, fee=self.fee + fee)

    def with_refund(self, amount: int) -> "PaymentFunds":
        """One order's refund is set aside; more than the payment has is refused."""
        if not 0 < amount <= self.refundable:
            raise AmountExceeded(
                f"at most {self.refundable} (minor units of {self.currency}) are left of the "
                f"payment of purchase {self.purchase}",
                asked=amount,
                available=self.refundable,
                currency=self.currency,
            )
        return replace(self, refunded=self.refunded + amount)

    def without_refund(self, amount: int) -> "PaymentFunds":
        """A refund failed for good: the payment has it again."""
        return replace(self, refunded=self.refunded - amount)


def fee_shares(fee: int, shares: tuple[Share, ...]) -> tuple[int, ...]:
    """What each order bears of the provider's fee: by what is paid for it, exact in sum."""
    return allocate(fee, [share.due for share in shares])


def paid_shares(paid: int, shares: tuple[Share, ...]) -> tuple[int, ...]:
    """What each order has of a payment that was accepted though it is short: pro rata, exact."""
    return allocate(paid, [share.due for share in shares])


def chargeback_shares(amount: int, left: Mapping[str, int]) -> dict[str, int]:
    """What a chargeback of *amount* takes of each order: pro rata to what it has left, exact.

    *left* is what each order captured less what went back. More than all have: `AmountExceeded`.
    """
    available = sum(left.values())
    if not 0 < amount <= available:
        raise AmountExceeded(
            f"at most {available} are left to charge back", asked=amount, available=available
        )
    return dict(zip(left, allocate(amount, list(left.values())), strict=True))


def capture_key(purchase: str, intent: str, order: str) -> str:
    """The entry by which one order gets its share: "purchase/p-1/capture/pi_1/p-1-2"."""
    return f"purchase/{purchase}/capture/{intent}/{order}"


def owner(purchase: str) -> str:
    """Whose money is that no order has; an order's id has no slash, so the two never meet."""
    return f"purchase/{purchase}"
