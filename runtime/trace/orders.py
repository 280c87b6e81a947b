"""What a trace tells of its orders, once read: one per seller of a purchase."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.order.lines import OrderLine


class Paying(StrEnum):
    """How the buyer pays."""

    CARD = "card"
    SLOW = "slow"


@dataclass(frozen=True)
class TracedOrder:
    """One order as the export has it. Instants are UTC, amounts minor units of `currency`.

    `status` is the export's own word for what finally happened. `is_declined` says that the
    first card was refused, `is_cancelled` that the buyer called the purchase off.
    """

    order: str
    purchase: str
    buyer: str
    seller: str
    currency: str
    lines: tuple[OrderLine, ...]
    status: str
    paying: Paying
    purchased_at: datetime
    paid_at: datetime | None = None
    ship_by: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    promised_at: datetime | None = None
    is_declined: bool = False
    is_cancelled: bool = False

    @property
    def total(self) -> int:
        """What the buyer pays."""
        return sum(line.total for line in self.lines)

    @property
    def last(self) -> datetime:
        """The last instant that the export knows of."""
        known = (self.purchased_at, self.paid_at, self.shipped_at, self.delivered_at)
        return max(instant for instant in known if instant is not None)
