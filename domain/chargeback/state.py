"""A chargeback's stages, events and table; and what is known of one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.machine import Machine


class Stage(StrEnum):
    """Where a chargeback stands. `closed`: the bank only asked, and took nothing."""

    OPENING = "opening"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


class ChargebackEvent(StrEnum):
    """What happens to a chargeback."""

    OPENED = "opened"
    CONTESTED = "contested"
    ASKED_AGAIN = "asked_again"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


_OPEN: Final = (Stage.NEEDS_RESPONSE, Stage.UNDER_REVIEW)
CHARGEBACK: Final = Machine(
    "chargeback",
    MappingProxyType(
        {
            (Stage.OPENING, ChargebackEvent.OPENED): Stage.NEEDS_RESPONSE,
            (Stage.NEEDS_RESPONSE, ChargebackEvent.CONTESTED): Stage.UNDER_REVIEW,
            # An inquiry that was answered has become a chargeback after all.
            (Stage.UNDER_REVIEW, ChargebackEvent.ASKED_AGAIN): Stage.NEEDS_RESPONSE,
        }
        | {(stage, ChargebackEvent.WON): Stage.WON for stage in _OPEN}
        | {(stage, ChargebackEvent.LOST): Stage.LOST for stage in _OPEN}
        | {(stage, ChargebackEvent.CLOSED): Stage.CLOSED for stage in _OPEN}
    ),
)


@dataclass(frozen=True)
class Slice:
    """What of a chargeback falls on one order, in minor units.

    `held` of it is frozen in the order's escrow; `carried` is no longer there, and the platform
    stands in for it until the verdict. The two sum to `amount`.
    """

    order: str
    seller: str
    amount: int
    held: int = 0
    carried: int = 0


@dataclass(frozen=True)
class ChargebackState:
    """One chargeback. Amounts are minor units of `currency`.

    `payment` is the process whose payment it is ("order/o-1"), "" where it is none of ours. Of
    `amount`, what no order has any more is nobody's slice: the platform bears it if it is lost.
    `taken` says that the provider has taken the money (an inquiry has not), `fee` what it kept.
    `answer_by` is when the evidence goes out by itself, `respond_by` the provider's last moment.
    `source` hears the claim: a card's bank ("card") or a wallet ("paypal"). `given` is what of it
    the buyer keeps, where that was decided (None: all of it, or undecided).
    """

    chargeback: str
    opened_at: datetime
    payment: str = ""
    buyer: str = ""
    currency: str = ""
    version: int = 0
    stage: Stage = Stage.OPENING
    reason: str = ""
    amount: int = 0
    fee: int = 0
    taken: bool = False
    is_inquiry: bool = False
    slices: tuple[Slice, ...] = ()
    answer_by: datetime | None = None
    respond_by: datetime | None = None
    contested_at: datetime | None = None
    conceded_by: str = ""
    ended_at: datetime | None = None
    source: str = "card"
    given: int | None = None

    @property
    def lost(self) -> int:
        """What of the claim the buyer keeps, once the bank has found for them."""
        if self.stage is not Stage.LOST:
            return 0
        return self.amount if self.given is None else self.given

    @property
    def is_partly_lost(self) -> bool:
        """Whether the buyer keeps some of the claim, and the rest has come back."""
        return 0 < self.lost < self.amount

    @property
    def had_before(self) -> int:
        """What of the claim the buyer has had from us already; only known of a payment of ours."""
        return self.amount - sum(one.amount for one in self.slices) if self.slices else 0

    @property
    def is_open(self) -> bool:
        """Whether the bank has not decided."""
        return not CHARGEBACK.is_final(self.stage)

    @property
    def sellers(self) -> tuple[str, ...]:
        """Whose orders it concerns."""
        return tuple(sorted({one.seller for one in self.slices}))
