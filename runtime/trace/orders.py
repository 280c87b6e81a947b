"""What a trace tells of its orders, once read: one per seller of a purchase."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.actors import Role
from domain.order.agreements import Topic
from domain.order.lines import OrderLine
from runtime.trace.told import DisputeTold, OrderTold, ParcelTold, SellerTold


class Paying(StrEnum):
    """How the buyer pays."""

    CARD = "card"
    SLOW = "slow"


@dataclass(frozen=True)
class TracedParcel:
    """One parcel. `name` is the export's ("" for the only one), `told` what else it tells of it.

    `lines` are those in it; none named: all of the order. A parcel that nobody declared or handed
    over are lines that were never shipped.
    """

    name: str = ""
    lines: tuple[str, ...] = ()
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    told: ParcelTold = field(default_factory=ParcelTold)

    @property
    def declared_at(self) -> datetime | None:
        """When the seller told of it: in so many words, by a label, or by handing it over."""
        return self.told.declared_at or self.told.label_bought_at or self.shipped_at


@dataclass(frozen=True)
class Question:
    """What one side asked the other. `answer`: None for silence, or if it was taken back."""

    topic: Topic
    asked_by: Role
    asked_at: datetime
    days: int = 0
    answer: bool | None = None
    answered_at: datetime | None = None
    taken_back_at: datetime | None = None


@dataclass(frozen=True)
class TracedOrder:
    """One order as the export has it. Instants are UTC, amounts minor units of `currency`.

    `status` is the export's own word for what finally happened. `is_declined` says that the
    first card was refused, `is_cancelled` that the buyer called the purchase off, `is_part` that
    one payment is for several orders.
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
    promised_at: datetime | None = None
    parcels: tuple[TracedParcel, ...] = ()
    told: OrderTold = field(default_factory=OrderTold)
    of_dispute: DisputeTold = field(default_factory=DisputeTold)
    of_seller: SellerTold = field(default_factory=SellerTold)
    is_declined: bool = False
    is_cancelled: bool = False
    is_part: bool = False

    @property
    def total(self) -> int:
        """What the buyer pays."""
        return sum(line.total for line in self.lines)

    @property
    def disputed_lines(self) -> tuple[str, ...]:
        """Which lines a dispute is about, if there is one."""
        return self.of_dispute.disputed_lines or tuple(line.line for line in self.lines)

    @property
    def disputable(self) -> int:
        """What those lines cost."""
        return sum(line.total for line in self.lines if line.line in self.disputed_lines)

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the sides asked each other."""
        return tuple(_questions(self.told))

    @property
    def last(self) -> datetime:
        """The last instant that the export knows of."""
        known = [self.purchased_at, self.paid_at]
        for parcel in self.parcels:
            known += [parcel.shipped_at, parcel.delivered_at]
        for told in (self.told, self.of_dispute, *(parcel.told for parcel in self.parcels)):
            known += [value for value in vars(told).values() if isinstance(value, datetime)]
        return max(instant for instant in known if instant is not None)


def _questions(told: OrderTold) -> Iterator[Question]:
    if told.extension_asked_at is not None:
        yield Question(
            Topic.EXTENSION,
            Role.SELLER,
            told.extension_asked_at,
            told.extension_days,
            told.extension_answer,
            told.extension_answered_at,
            told.extension_taken_back_at,
        )
    if told.cancellation_asked_at is not None:
        yield Question(
            Topic.CANCELLATION,
            told.cancellation_asked_by or Role.BUYER,
            told.cancellation_asked_at,
            answer=told.cancellation_answer,
            answered_at=told.cancellation_answered_at,
            taken_back_at=told.cancellation_taken_back_at,
        )
    if told.protection_asked_at is not None:
        yield Question(
            Topic.PROTECTION,
            Role.BUYER,
            told.protection_asked_at,
            answer=told.protection_answer,
            answered_at=told.protection_answered_at,
            taken_back_at=told.protection_taken_back_at,
        )
