"""What happened to an order from outside, in the order of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from runtime.trace.orders import Paying, TracedOrder, TracedParcel
from runtime.trace.told import DisputeTold

# What an export does not tell, it is told here once: when a buyer who cancels does so, and when
# one who confirms does.
CANCELS_AFTER: Final = timedelta(hours=1)
CONFIRMS_AFTER: Final = timedelta(hours=1)
DECIDES_AFTER: Final = timedelta(hours=1)


class Confirm(StrEnum):
    """What buyers say when the goods are there."""

    SILENCE = "silence"
    PROMPT = "prompt"


class Happening(StrEnum):
    """One kind of thing that people, banks and carriers do. In the order of equal instants."""

    PLACED = "placed"
    CHOSEN_SLOW = "chosen_slow"
    DECLINED = "declined"
    ASKED_ANOTHER_WAY = "asked_another_way"
    CANCELLED = "cancelled"
    PAID = "paid"
    AMOUNT_DECIDED = "amount_decided"
    RISK_DECIDED = "risk_decided"
    FRAUD_REPORTED = "fraud_reported"
    FRAUD_DECIDED = "fraud_decided"
    ASKED = "asked"
    ANSWERED = "answered"
    TAKEN_BACK = "taken_back"
    ADDRESS_CHANGED = "address_changed"
    LABEL_BOUGHT = "label_bought"
    LABEL_VOIDED = "label_voided"
    DECLARED = "declared"
    NUMBER_CORRECTED = "number_corrected"
    HANDED_OVER = "handed_over"
    HELD_AT_CUSTOMS = "held_at_customs"
    CUSTOMS_RULED = "customs_ruled"
    REFUSED = "refused"
    RETURNING = "returning"
    RETURNED = "returned"
    LOST = "lost"
    DELIVERED = "delivered"
    DELIVERY_WITHDRAWN = "delivery_withdrawn"
    DISOWNED = "disowned"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    COUNTERED = "countered"
    AGREED = "agreed"
    ESCALATED = "escalated"
    RULED = "ruled"
    SENT_BACK = "sent_back"
    CAME_BACK = "came_back"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"


_RANK: Final = tuple(Happening)
_Told = tuple[Happening, datetime | None]


@dataclass(frozen=True)
class Happened:
    """One thing and its instant (the trace's own date, UTC).

    `about` is the export's name of the parcel, or the topic of the question, that it concerns.
    """

    at: datetime
    what: Happening
    about: str = ""

    @property
    def turn(self) -> tuple[datetime, int, str]:
        """What comes first of several."""
        return self.at, _RANK.index(self.what), self.about


def facts_of(order: TracedOrder, confirm: Confirm) -> list[Happened]:
    """What the trace tells of an order, after it was placed.

    A parcel that left before the order was placed is handed over as it is placed. What is told of
    a payment for several orders is none of one order's facts.
    """
    told = order.told
    happened = [] if order.is_part else payment_of(order)
    happened += _those(
        "",
        [
            (Happening.ASKED_ANOTHER_WAY, told.paid_another_way_at),
            (Happening.AMOUNT_DECIDED, told.amount_decided_at),
            (Happening.FRAUD_REPORTED, told.fraud_reported_at),
            (Happening.FRAUD_DECIDED, told.fraud_decided_at),
            (Happening.ADDRESS_CHANGED, told.address_changed_at),
            (Happening.CONFIRMED, told.confirmed_at or _confirmed_at(order, confirm)),
            (Happening.DENIED, told.denied_at),
            (Happening.REFUNDED, told.refunded_at),
        ],
    )
    happened += _those("", _of_dispute(order.of_dispute))
    for parcel in order.parcels:
        happened += _those(parcel.name, _of_parcel(parcel, order.purchased_at))
    for question in order.questions:
        happened += _those(
            question.topic,
            [
                (Happening.ASKED, question.asked_at),
                (Happening.ANSWERED, question.answered_at),
                (Happening.TAKEN_BACK, question.taken_back_at),
            ],
        )
    return sorted(happened, key=lambda one: one.turn)


def payment_of(order: TracedOrder) -> list[Happened]:
    """What the trace tells of the payment for an order, in the order of time."""
    placed = order.purchased_at
    told: list[_Told] = [
        (Happening.CHOSEN_SLOW, placed if order.paying is Paying.SLOW else None),
        (Happening.DECLINED, placed if order.is_declined else None),
        (Happening.PAID, order.paid_at),
        (Happening.CANCELLED, _cancelled_at(order)),
    ]
    return sorted(_those("", told), key=lambda one: one.turn)


def _those(about: str, told: Iterable[_Told]) -> list[Happened]:
    return [Happened(at, what, about) for what, at in told if at is not None]


def _of_parcel(parcel: TracedParcel, placed: datetime) -> list[_Told]:
    told = parcel.told
    return [
        (Happening.LABEL_BOUGHT, told.label_bought_at),
        (Happening.LABEL_VOIDED, told.label_voided_at),
        (Happening.DECLARED, told.declared_at and max(told.declared_at, placed)),
        (Happening.NUMBER_CORRECTED, told.number_corrected_at),
        (Happening.HANDED_OVER, parcel.shipped_at and max(parcel.shipped_at, placed)),
        (Happening.HELD_AT_CUSTOMS, told.customs_held_at),
        (Happening.CUSTOMS_RULED, told.customs_ruled_at),
        (Happening.REFUSED, told.refused_at),
        (Happening.RETURNING, told.returning_at),
        (Happening.RETURNED, told.returned_at),
        (Happening.LOST, told.lost_at),
        (Happening.DELIVERED, parcel.delivered_at),
        (Happening.DELIVERY_WITHDRAWN, told.delivery_withdrawn_at),
        (Happening.DISOWNED, told.disowned_at),
    ]


def _of_dispute(told: DisputeTold) -> list[_Told]:
    return [
        (Happening.DISPUTED, told.disputed_at),
        (Happening.COUNTERED, told.countered_at),
        (Happening.AGREED, told.agreed_at),
        (Happening.ESCALATED, told.escalated_at),
        (Happening.RULED, told.ruled_at),
        (Happening.SENT_BACK, told.goods_sent_back_at),
        (Happening.CAME_BACK, told.goods_back_at),
        (Happening.DISPUTE_WITHDRAWN, told.dispute_withdrawn_at),
    ]


def _cancelled_at(order: TracedOrder) -> datetime | None:
    """Only what is not paid can be called off by the buyer alone."""
    if not order.is_cancelled or order.paid_at is not None:
        return None
    return order.purchased_at + CANCELS_AFTER


def _confirmed_at(order: TracedOrder, confirm: Confirm) -> datetime | None:
    """A prompt buyer says so once everything is there."""
    delivered = [parcel.delivered_at for parcel in order.parcels if parcel.delivered_at]
    if confirm is not Confirm.PROMPT or len(delivered) < len(order.parcels):
        return None
    return max(delivered) + CONFIRMS_AFTER if delivered else None
