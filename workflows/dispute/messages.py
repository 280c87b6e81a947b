"""What is said to a dispute and asked of it. Public: services that speak to Temporal use these.

Fields are only ever added, each with a default. Instants are UTC, amounts minor units. That its
payment has news is said with the order's `PaymentChanged`, that its own parcel has with
`ParcelMoved`, and an operator's word with `Resolve`.
"""

from dataclasses import dataclass, field
from datetime import datetime

from domain.actors import Actor
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.rules import Asked
from domain.dispute.state import DisputeState, PauseEvent


@dataclass(frozen=True)
class OpenDispute:
    """Start a dispute about *lines* of an order, by an update-with-start ("open").

    `seller` and `buyer` are the order's; `amount` is in `currency`, the order's or the one that
    its seller settles in. `order_currency` is what everything is counted in from then on.
    """

    dispute: str
    order: str
    buyer: str
    seller: str
    order_currency: str
    lines: tuple[str, ...]
    category: Category
    reason: Reason
    remedy: Remedy
    amount: int
    currency: str
    received_at: datetime

    def first_state(self) -> DisputeState:
        """The dispute as it stands before its process has done anything (version 0)."""
        return DisputeState(
            dispute=self.dispute,
            order=self.order,
            buyer=self.buyer,
            seller=self.seller,
            currency=self.order_currency,
            category=self.category,
            reason=self.reason,
            opened_at=self.received_at,
        )


@dataclass(frozen=True)
class DisputeRequest:
    """What somebody asks; the update's name says what, `asked` about which version, how much.

    `person` is who acts for a side: staff of a seller's, for whom `actor` is the seller.
    """

    actor: Actor
    received_at: datetime
    asked: Asked = field(default_factory=Asked)
    person: str = ""


@dataclass(frozen=True)
class GoodsArrived:
    """The carrier says that a parcel with disputed lines was delivered."""

    event_id: str
    received_at: datetime


@dataclass(frozen=True)
class ChargebackChanged:
    """A chargeback on the order's payment was opened, won or lost.

    `given` is what the buyer has had from their bank for what is disputed, if it was lost in part.
    """

    event_id: str
    received_at: datetime
    chargeback: str
    event: PauseEvent
    given: int = 0


@dataclass(frozen=True)
class DisputesChanged:
    """Said to an order: a dispute was opened, or its verdict posted; both are read again."""

    event_id: str
    received_at: datetime
