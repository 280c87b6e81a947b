"""What each event makes of a chargeback: pure steps, one version on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.chargeback.state import CHARGEBACK, ChargebackEvent, ChargebackState, Slice, Stage

# Source: the policy table of disputes: evidence is due two days before the processor's last moment.
_BEFORE_LAST: Final = timedelta(hours=48)


def answer_by(respond_by: datetime | None, at: datetime) -> datetime | None:
    """When the evidence goes out by itself; at once where so little time is left."""
    return None if respond_by is None else max(at, respond_by - _BEFORE_LAST)


def opened(state: ChargebackState, slices: tuple[Slice, ...]) -> ChargebackState:
    """It is on record, and each order's share of it frozen."""
    return replace(
        state,
        stage=CHARGEBACK.next(state.stage, ChargebackEvent.OPENED),
        slices=slices,
        version=state.version + 1,
    )


def taken(state: ChargebackState, fee: int, respond_by: datetime | None) -> ChargebackState:
    """The provider has taken the money: an inquiry is one no more. Part of a step."""
    return replace(state, taken=True, is_inquiry=False, fee=fee, respond_by=respond_by)


def asked_again(state: ChargebackState, at: datetime) -> ChargebackState:
    """What was an inquiry needs evidence anew."""
    return replace(
        state,
        stage=CHARGEBACK.next(state.stage, ChargebackEvent.ASKED_AGAIN),
        answer_by=answer_by(state.respond_by, at),
        version=state.version + 1,
    )


def contested(state: ChargebackState, at: datetime) -> ChargebackState:
    """The evidence is with the bank; nothing can be added any more."""
    return replace(
        state,
        stage=CHARGEBACK.next(state.stage, ChargebackEvent.CONTESTED),
        contested_at=at,
        version=state.version + 1,
    )


def conceded(state: ChargebackState, by: str) -> ChargebackState:
    """Somebody has given it up; the bank's word of it follows."""
    return replace(state, conceded_by=by, version=state.version + 1)


def decided(
    state: ChargebackState, event: ChargebackEvent, at: datetime, given: int = 0
) -> ChargebackState:
    """The bank's verdict; *given* is what of the claim the buyer keeps."""
    return replace(
        state,
        given=given,
        stage=CHARGEBACK.next(state.stage, event),
        ended_at=at,
        version=state.version + 1,
    )


def is_due(state: ChargebackState) -> bool:
    """Whether the evidence still has to go out."""
    return state.stage is Stage.NEEDS_RESPONSE and not state.conceded_by
