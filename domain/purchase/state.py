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
    AMOUNT_DIFFERS = "amount_differs"
    PAID = "paid"
    NEVER_PAID = "never_paid"
    CANCELLED_BY_BUYER = "cancelled_by_buyer"
    NOT_ACCEPTED = "not_accepted"


class PurchaseEvent(StrEnum):
    """What happens to the one payment of a purchase."""

    MONEY_ARRIVED = "money_arrived"
    OTHER_AMOUNT_ARRIVED = "other_amount_arrived"
    AMOUNT_ACCEPTED = "amount_accepted"
    AMOUNT_SENT_BACK = "amount_sent_back"
    WINDOW_CLOSED = "window_closed"
    CANCELLED = "cancelled"
    ORDER_REFUSED = "order_refused"


PURCHASE: Final = Machine(
    "purchase",
    MappingProxyType(
        {
            (Stage.AWAITING_PAYMENT, PurchaseEvent.MONEY_ARRIVED): Stage.PAID,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.OTHER_AMOUNT_ARRIVED): Stage.AMOUNT_DIFFERS,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.WINDOW_CLOSED): Stage.NEVER_PAID,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.CANCELLED): Stage.CANCELLED_BY_BUYER,
            (Stage.AWAITING_PAYMENT, PurchaseEvent.ORDER_REFUSED): Stage.NOT_ACCEPTED,
            (Stage.AMOUNT_DIFFERS, PurchaseEvent.AMOUNT_ACCEPTED): Stage.PAID,
            (Stage.AMOUNT_DIFFERS, PurchaseEvent.AMOUNT_SENT_BACK): Stage.AWAITING_PAYMENT,
            (Stage.AMOUNT_DIFFERS, PurchaseEvent.WINDOW_CLOSED): Stage.NEVER_PAID,
            (Stage.AMOUNT_DIFFERS, PurchaseEvent.CANCELLED): Stage.CANCELLED_BY_BUYER,
        }
    ),
)


@dataclass(frozen=True)
class Share:
    """One order's part of a purchase, in minor units.

    `amount` is the order's exact price, of which the platform pays `subsidy`.
    """

    order: str
    seller: str
    amount: int
    subsidy: int = 0

    @property
    def due(self) -> int:
        """What the buyer pays for it."""
        return self.amount - self.subsidy


@dataclass(frozen=True)
class PurchaseState:
    """One purchase, flat and small. Amounts are minor units of `currency`.

    `clock` is the one window in which the whole is paid, or somebody decides about `excess`,
    money of another amount than was asked, which is kept apart from every order; the orders have
    no clock for it. `intent` is the payment that was asked for last, or that paid; the `others`
    are open beside it, `attempts` were asked for in all. `captured` is what the buyer paid, and
    `asked_at` when they were asked again, if the window began anew with that.
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
    others: tuple[str, ...] = ()
    attempts: int = 1
    asked_at: datetime | None = None

    @property
    def total(self) -> int:
        """The price of all orders, whoever pays it."""
        return sum(share.amount for share in self.shares)

    @property
    def due(self) -> int:
        """What the buyer is asked for: the price less the platform's subsidies of it."""
        return sum(share.due for share in self.shares)

    @property
    def is_open(self) -> bool:
        """Whether its payment is still waited for, or decided about."""
        return self.stage in (Stage.AWAITING_PAYMENT, Stage.AMOUNT_DIFFERS)
