"""What activities need of the database about purchases; a part of `persistence.port`.

Rows are locked in one order, or two steps would wait for one another: a purchase's payment, then
the money of its orders by their names, then balances.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.purchase.money import PaymentFunds
from domain.purchase.state import PurchaseState, Share


@dataclass(frozen=True)
class PurchaseRecord:
    """What a purchase lives by, fixed when it was opened; its windows are seconds."""

    purchase: str
    buyer: str
    currency: str
    shares: tuple[Share, ...]
    placed_at: datetime
    pay_within: int
    pending_within: int
    authenticate_within: int
    decide_within: int

    @property
    def total(self) -> int:
        """What the buyer pays for all orders, in minor units."""
        return sum(share.due for share in self.shares)


class Purchases(Protocol):
    """Purchases: their payment, and how it is allocated to their orders."""

    async def open(self, record: PurchaseRecord) -> PurchaseRecord:
        """Put a new purchase on record with its allocations; a repeat finds the first."""
        ...

    async def get(self, purchase: str) -> PurchaseRecord:
        """What a purchase lives by. Unknown: `NotKnown`."""
        ...

    async def state(self, purchase: str) -> PurchaseState | None:
        """The last state that was written of it."""
        ...

    async def locked(self, purchase: str) -> PaymentFunds:
        """The payment; its row is locked until the transaction ends."""
        ...

    async def paying(self, order: str) -> PaymentFunds | None:
        """The payment that an order has its share of, locked; None if it is paid by itself."""
        ...

    async def put(self, funds: PaymentFunds) -> None:
        """Write what changed of a locked payment."""
        ...

    async def bear(self, fees: Mapping[str, int]) -> None:
        """Write down what each order bears of the provider's fee."""
        ...

    async def charge_back(self, chargeback: str, purchase: str, amount: int) -> Mapping[str, int]:
        """Allocate a chargeback to the orders, pro rata to what each has left, and keep it.

        The same chargeback is allocated once; more than the payment has is refused.
        """
        ...
