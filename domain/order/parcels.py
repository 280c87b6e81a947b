"""One parcel of an order: its states, events and table, and what each end means for its money."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.machine import Machine

# A larger order is split into several.
MOST_PARCELS: Final = 20


class ParcelStage(StrEnum):
    """Where one parcel stands."""

    DECLARED = "declared"
    DOUBTED = "doubted"
    IN_TRANSIT = "in_transit"
    AT_CUSTOMS = "at_customs"
    ELSEWHERE = "delivered_elsewhere"
    BUYER_ASKED = "buyer_asked"
    RETURNING = "returning"
    DELIVERED = "delivered"
    NOT_RECEIVED = "not_received"
    LOST = "lost"
    RETURNED = "returned"
    SEIZED = "seized"
    FALSE = "false_shipment"
    FORFEITED = "forfeited"
    GIVEN_BACK = "label_given_back"


class ParcelEvent(StrEnum):
    """What happens to one parcel."""

    SCANNED = "scanned"
    DELIVERED = "delivered"
    WENT_ELSEWHERE = "went_elsewhere"
    HELD_AT_CUSTOMS = "held_at_customs"
    SENT_BACK = "sent_back"
    CAME_BACK = "came_back"
    LOST = "lost"
    WITHDRAWN = "withdrawn"
    UNSEEN = "unseen"
    DISOWNED = "disowned"
    PROMISE_PASSED = "promise_passed"
    NOT_PROVED = "not_proved"
    COUNTERFEIT_SEIZED = "counterfeit_seized"
    DUTY_UNPAID = "duty_unpaid"
    LABEL_GIVEN_BACK = "label_given_back"
    LABEL_USED = "label_used"


_MOVING: Final = (
    ParcelStage.DECLARED,
    ParcelStage.DOUBTED,
    ParcelStage.IN_TRANSIT,
    ParcelStage.AT_CUSTOMS,
    ParcelStage.ELSEWHERE,
)
_OPEN: Final = (*_MOVING, ParcelStage.BUYER_ASKED)

PARCEL: Final = Machine(
    "parcel",
    MappingProxyType(
        {(stage, ParcelEvent.SCANNED): ParcelStage.IN_TRANSIT for stage in _MOVING}
        | {(stage, ParcelEvent.HELD_AT_CUSTOMS): ParcelStage.AT_CUSTOMS for stage in _MOVING}
        | {(stage, ParcelEvent.WENT_ELSEWHERE): ParcelStage.ELSEWHERE for stage in _MOVING}
        | {(stage, ParcelEvent.PROMISE_PASSED): ParcelStage.BUYER_ASKED for stage in _MOVING}
        | {(stage, ParcelEvent.NOT_PROVED): ParcelStage.NOT_RECEIVED for stage in _OPEN}
        | {(stage, ParcelEvent.DELIVERED): ParcelStage.DELIVERED for stage in _OPEN}
        | {(stage, ParcelEvent.SENT_BACK): ParcelStage.RETURNING for stage in _OPEN}
        | {(stage, ParcelEvent.CAME_BACK): ParcelStage.RETURNED for stage in _OPEN}
        | {(stage, ParcelEvent.LOST): ParcelStage.LOST for stage in _OPEN}
        | {
            (ParcelStage.DECLARED, ParcelEvent.UNSEEN): ParcelStage.DOUBTED,
            (ParcelStage.IN_TRANSIT, ParcelEvent.UNSEEN): ParcelStage.DOUBTED,
            (ParcelStage.DOUBTED, ParcelEvent.DISOWNED): ParcelStage.FALSE,
            (ParcelStage.AT_CUSTOMS, ParcelEvent.COUNTERFEIT_SEIZED): ParcelStage.SEIZED,
            (ParcelStage.AT_CUSTOMS, ParcelEvent.DUTY_UNPAID): ParcelStage.FORFEITED,
            (ParcelStage.BUYER_ASKED, ParcelEvent.SCANNED): ParcelStage.BUYER_ASKED,
            (ParcelStage.BUYER_ASKED, ParcelEvent.HELD_AT_CUSTOMS): ParcelStage.AT_CUSTOMS,
            (ParcelStage.BUYER_ASKED, ParcelEvent.WENT_ELSEWHERE): ParcelStage.BUYER_ASKED,
            (ParcelStage.RETURNING, ParcelEvent.SCANNED): ParcelStage.RETURNING,
            (ParcelStage.RETURNING, ParcelEvent.DELIVERED): ParcelStage.DELIVERED,
            (ParcelStage.RETURNING, ParcelEvent.CAME_BACK): ParcelStage.RETURNED,
            (ParcelStage.RETURNING, ParcelEvent.LOST): ParcelStage.LOST,
            (ParcelStage.DELIVERED, ParcelEvent.SCANNED): ParcelStage.DELIVERED,
            (ParcelStage.DELIVERED, ParcelEvent.WITHDRAWN): ParcelStage.IN_TRANSIT,
            (ParcelStage.DECLARED, ParcelEvent.LABEL_GIVEN_BACK): ParcelStage.GIVEN_BACK,
            (ParcelStage.DOUBTED, ParcelEvent.LABEL_GIVEN_BACK): ParcelStage.GIVEN_BACK,
            (ParcelStage.GIVEN_BACK, ParcelEvent.LABEL_USED): ParcelStage.DECLARED,
        }
    ),
)

# Ends without goods for the buyer: what they paid for the lines in it goes back to them.
GONE: Final = frozenset(
    {
        ParcelStage.NOT_RECEIVED,
        ParcelStage.LOST,
        ParcelStage.RETURNED,
        ParcelStage.SEIZED,
        ParcelStage.FALSE,
    }
)
# Ends that count for the seller's record as not fulfilled.
SELLERS_FAULT: Final = frozenset({ParcelStage.SEIZED, ParcelStage.FALSE})


class Doubt(StrEnum):
    """Why a shipment is doubted."""

    NONE = ""
    NEVER_SCANNED = "never_scanned"
    SCANNED_BEFORE_ORDER = "scanned_before_order"


@dataclass(frozen=True)
class Parcel:
    """One shipment of some lines.

    `number` is the carrier's, `tracker` the tracking provider's reference, `name` ours within the
    order. `amount` is what the buyer paid for its `lines` (none named: all of them), `freight`
    the part of that for carriage, in minor units. `refused`: the addressee would not take it.
    `came_anyway` is the price of what arrived after its money had gone back, `refunded_by` the
    refund by which it did, if there was one for this parcel alone.
    """

    carrier: str
    number: str
    tracker: str = ""
    milestone: str = "declared"
    name: str = "1"
    stage: ParcelStage = ParcelStage.DECLARED
    lines: tuple[str, ...] = ()
    amount: int = 0
    freight: int = 0
    declared_at: datetime | None = None
    edits: int = 0
    refused: bool = False
    doubt: Doubt = Doubt.NONE
    came_anyway: int = 0
    refunded_by: str = ""

    @property
    def owed(self) -> int:
        """What its end without goods gives back: whoever refuses a parcel has its carriage to bear.

        Source: the project's own rule for parcels that the addressee refuses.
        """
        return self.amount - self.freight if self.refused else self.amount
