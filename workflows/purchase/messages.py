"""What is said to a purchase and asked of it. Public: services that speak to Temporal use these.

Fields are only ever added, each with a default. Instants are UTC, amounts minor units of the
purchase's currency. What is said of any payment is said with the order's messages
(`PaymentChanged`, `FraudWarned`, `PayAnotherWay`, `DecideAmount`), and so is an operator's word.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.actors import Actor
from domain.order.lines import OrderLine
from domain.purchase.state import PurchaseState, Share


@dataclass(frozen=True)
class SellerPart:
    """What is bought of one seller; it becomes the order of that name.

    `subsidy` is the platform's part of its price: the buyer pays the rest.
    """

    order: str
    seller: str
    lines: tuple[OrderLine, ...]
    subsidy: int = 0

    @property
    def total(self) -> int:
        """The price of this part, whoever pays it."""
        return sum(line.total for line in self.lines)


@dataclass(frozen=True)
class PlacePurchase:
    """Start a purchase over several sellers: one payment, one order for each.

    Holds what was asked and nothing that a caller must not choose. `ship_to` is the destination's
    ISO 3166 country, `method` the provider's token of a payment method, empty to pay later.
    `edition` is what its orders are told: whoever asks says it, not the worker that starts them.
    """

    purchase: str
    buyer: str
    currency: str
    parts: tuple[SellerPart, ...]
    ship_to: str
    received_at: datetime
    method: str = ""
    edition: int = 0

    @property
    def total(self) -> int:
        """The price of all, whoever pays it."""
        return sum(part.total for part in self.parts)

    def first_state(self) -> PurchaseState:
        """The purchase as it stands before its process has done anything (version 0)."""
        return PurchaseState(
            purchase=self.purchase,
            buyer=self.buyer,
            currency=self.currency,
            placed_at=self.received_at,
            shares=tuple(
                Share(part.order, part.seller, part.total, part.subsidy) for part in self.parts
            ),
        )


@dataclass(frozen=True)
class CancelPurchase:
    """Close the purchase, and every order of it, before it is paid."""

    actor: Actor
    received_at: datetime
    reason: str = ""
