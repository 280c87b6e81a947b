"""A payout's states, events and table; and what is known of one."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.machine import Machine


class Stage(StrEnum):
    """Where a payout stands."""

    DUE = "due"
    WITHHELD = "withheld"
    SENT = "sent"
    SETTLED = "settled"
    RETURNED = "returned"


class PayoutEvent(StrEnum):
    """What happens to a payout."""

    WITHHELD = "withheld"
    SENT = "sent"
    WATCH_ENDED = "watch_ended"
    CAME_BACK = "came_back"


PAYOUT: Final = Machine(
    "payout",
    MappingProxyType(
        {
            (Stage.DUE, PayoutEvent.WITHHELD): Stage.WITHHELD,
            (Stage.DUE, PayoutEvent.SENT): Stage.SENT,
            (Stage.SENT, PayoutEvent.WATCH_ENDED): Stage.SETTLED,
            (Stage.SENT, PayoutEvent.CAME_BACK): Stage.RETURNED,
            (Stage.SETTLED, PayoutEvent.CAME_BACK): Stage.RETURNED,
        }
    ),
)


@dataclass(frozen=True)
class PayoutState:
    """One payout. Amounts are minor units: `gross` leaves the payable balance, `fee` is kept.

    `as_of` is the business time up to which the balance counts; `watch_until` the end of the
    time in which a bank may send it back.
    """

    payout: str
    seller: str
    currency: str
    as_of: datetime
    version: int = 0
    stage: Stage = Stage.DUE
    gross: int = 0
    fee: int = 0
    account: str = ""
    transfer: str = ""
    reference: str = ""
    reason: str = ""
    watch_until: datetime | None = None
    ended_at: datetime | None = None

    @property
    def net(self) -> int:
        """What arrives at the bank."""
        return self.gross - self.fee


def withheld(state: PayoutState, reason: str, at: datetime) -> PayoutState:
    """Nothing is paid now, for a stated reason; the balance stays payable."""
    stage = PAYOUT.next(state.stage, PayoutEvent.WITHHELD)
    return replace(state, stage=stage, reason=reason, ended_at=at, version=state.version + 1)


def sent(state: PayoutState, transfer: str, reference: str, watch_until: datetime) -> PayoutState:
    """The money has left for the bank; a return is watched for."""
    return replace(
        state,
        stage=PAYOUT.next(state.stage, PayoutEvent.SENT),
        transfer=transfer,
        reference=reference,
        watch_until=watch_until,
        version=state.version + 1,
    )


def settled(state: PayoutState, at: datetime) -> PayoutState:
    """Nothing came back in time: the payout is final as far as we watch."""
    stage = PAYOUT.next(state.stage, PayoutEvent.WATCH_ENDED)
    return replace(state, stage=stage, ended_at=at, version=state.version + 1)


def returned(state: PayoutState, reason: str, at: datetime) -> PayoutState:
    """The bank sent it back: the amount is payable again, the fee is not returned."""
    stage = PAYOUT.next(state.stage, PayoutEvent.CAME_BACK)
    return replace(state, stage=stage, reason=reason, ended_at=at, version=state.version + 1)
