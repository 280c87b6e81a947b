"""A purchase's states, events and table; and what is known of one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.machine import Machine
from domain.order.state import Clock, Parked


class Stage(StrEnum):
    """Where the one payment of a purchase stands."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    NEVER_PAID = "never_paid"
    CANCELLED_BY_BUYER = "cancelled_by_buyer"
    NOT_ACCEPTED = "not_accepted"


class PurchaseEvent(StrEnum):
    """What happens to the one payment of a purchase."""

    MONEY_ARRIVED = "money_arrived"
    WINDOW_CLOSED = "window_closed"
    CANCELLED = "cancelled"
    ORDER_REFUSED = "order_refused"


PURCHASE: Final = Machine(
    "purchase",
    MappingProxyType(
        {
            (Stage.AWAITING_PAYMENT, PurchaseEvent.MONEY_ARRIVED): Stage.PAID,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.WINDOW_CLOSED): Stage.NEVER_PAID,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.CANCELLED): Stage.CANCELLED_BY_BUYER,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.ORDER_REFUSED): Stage.NOT_ACCEPTED,
        }
    ),
)


@dataclass(frozen=True)
class Share:
    """What one order of a purchase takes of its payment: its exact total, in minor units."""

    order: str
    seller: str
    amount: int


@dataclass(frozen=True)
class PurchaseState:
    """One purchase, flat and small. Amounts are minor units of `currency`.

    `clock` is the one window in which the whole is paid; the orders have none for it. `excess` is
    money of another amount than was asked: it is kept apart from every order.
    """

    purchase: str
    buyer: str
    currency: str
    placed_at: datetime
    shares: tuple[Share, ...]
    version: int = 0
    stage: Stage = Stage.AWAITING_PAYMENT
    intent: str = ""
    captured: int = 0
    excess: int = 0
    reason: str = ""
    clock: Clock | None = None
    paid_at: datetime | None = None
    ended_at: datetime | None = None
    parked: Parked | None = None

    @property
    def total(self) -> int:
        """What the buyer pays for all orders."""
        return sum(share.amount for share in self.shares)
