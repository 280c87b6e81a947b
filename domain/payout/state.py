"""A payout's states, events and table; and what is known of one."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

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
    PAID_BY_HAND = "paid_by_hand"


PAYOUT: Final = Machine(
    "payout",
    MappingProxyType(
        {
            (Stage.DUE, PayoutEvent.WITHHELD): Stage.WITHHELD,
            (Stage.DUE, PayoutEvent.SENT): Stage.SENT,
            (Stage.DUE, PayoutEvent.PAID_BY_HAND): Stage.SETTLED,
            (Stage.SENT, PayoutEvent.WATCH_ENDED): Stage.SETTLED,
            (Stage.SENT, PayoutEvent.CAME_BACK): Stage.RETURNED,
            (Stage.SETTLED, PayoutEvent.CAME_BACK): Stage.RETURNED,
        }
    ),
)


class Resolution(StrEnum):
    """What an operator does about a payout that is parked."""

    RETRY = "retry"
    VOID = "void"
    SETTLE_BY_HAND = "settle_by_hand"


BY_HAND: Final = "by_hand"
BEFORE_SENT: Final = tuple(str(each) for each in Resolution)
AFTER_SENT: Final = (str(Resolution.RETRY),)


@dataclass(frozen=True)
class Parked:
    """A step has failed for good: why, since when, and what an operator may do about it."""

    step: str
    reason: str
    since: datetime
    may: tuple[str, ...] = BEFORE_SENT


@dataclass(frozen=True)
class PayoutState:
    """One payout. Amounts are minor units: `gross` leaves the payable balance, `fee` is kept.

    `as_of` is the business time up to which the balance counts; `watch_until` the end of the
    time in which a bank may send it back; `netted` what was taken off for debts before.
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
    netted: int = 0
    parked: Parked | None = None

    @property
    def net(self) -> int:
        """What arrives at the bank."""
        return self.gross - self.fee


def withheld(state: PayoutState, reason: str, at: datetime) -> PayoutState:
    """Nothing is paid now, for a stated reason; the balance stays payable."""
    stage = PAYOUT.next(state.stage, PayoutEvent.WITHHELD)
    return _after(state, stage=stage, reason=reason, ended_at=at)


def parked(state: PayoutState, why: Parked) -> PayoutState:
    """The payout waits for an operator; what was set aside stays set aside.

    Two versions on: the step that failed may have shown what it had set aside, as the next one.
    """
    return _after(state, parked=why, version=state.version + 2)


def resumed(state: PayoutState) -> PayoutState:
    """An operator has spoken: the payout goes on."""
    return _after(state)


def paid_by_hand(state: PayoutState, note: str, at: datetime) -> PayoutState:
    """An operator has paid it outside the provider; no bank's answer is watched for."""
    stage = PAYOUT.next(state.stage, PayoutEvent.PAID_BY_HAND)
    return _after(state, stage=stage, reference=f"{BY_HAND}: {note}", ended_at=at)


def reserved(state: PayoutState, gross: int, fee: int, account: str) -> PayoutState:
    """The sum has been set aside for *account*, less the fee; a retry must not choose another."""
    return replace(state, gross=gross, fee=fee, account=account, version=state.version + 1)


def sent(state: PayoutState, transfer: str, reference: str, watch_until: datetime) -> PayoutState:
    """The money has left for the bank; a return is watched for."""
    return _after(
        state,
        stage=PAYOUT.next(state.stage, PayoutEvent.SENT),
        transfer=transfer,
        reference=reference,
        watch_until=watch_until,
    )


def settled(state: PayoutState, at: datetime) -> PayoutState:
    """Nothing came back in time: the payout is final as far as we watch."""
    stage = PAYOUT.next(state.stage, PayoutEvent.WATCH_ENDED)
    return _after(state, stage=stage, ended_at=at)


def returned(state: PayoutState, reason: str, at: datetime) -> PayoutState:
    """The bank sent it back: the amount is payable again, the fee is not returned."""
    stage = PAYOUT.next(state.stage, PayoutEvent.CAME_BACK)
    return _after(state, stage=stage, reason=reason, ended_at=at)


def _after(state: PayoutState, **changed: object) -> PayoutState:
    """The next version; whatever has happened, the payout is parked only if that says so."""
    fields: dict[str, Any] = {"parked": None, "version": state.version + 1, **changed}
    return replace(state, **fields)
