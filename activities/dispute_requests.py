"""What a dispute asks of activities. Small: its state, and what has changed.

Fields are only ever added, each with a default. `at` is business time (UTC).
"""

from dataclasses import dataclass
from datetime import datetime

from domain.actors import Actor
from domain.dispute.clocks import Due
from domain.dispute.reasons import Remedy
from domain.dispute.rules import Action, Asked
from domain.dispute.state import DisputeEvent, DisputeState, PauseEvent
from domain.order.state import OrderState, Parked


@dataclass(frozen=True)
class OpenDispute:
    """Put a new dispute on record and hold its share; the amount is in its own currency."""

    state: DisputeState
    lines: tuple[str, ...]
    remedy: Remedy
    amount: int
    currency: str


@dataclass(frozen=True)
class DisputeStep:
    """One step of a dispute, at a moment."""

    state: DisputeState
    at: datetime


@dataclass(frozen=True)
class Act:
    """Do what somebody has asked, and what the table allows."""

    state: DisputeState
    at: datetime
    action: Action
    actor: Actor
    asked: Asked
    person: str = ""


@dataclass(frozen=True)
class Ring:
    """A clock has run out, or a reminder of it is due."""

    state: DisputeState
    at: datetime
    due: Due


@dataclass(frozen=True)
class Hear:
    """A carrier says so of the dispute's own parcel, or of the goods that were called missing."""

    state: DisputeState
    at: datetime
    event: DisputeEvent


@dataclass(frozen=True)
class HearBank:
    """A chargeback on the same payment was opened, or is decided."""

    state: DisputeState
    at: datetime
    event: PauseEvent
    chargeback: str
    given: int = 0


@dataclass(frozen=True)
class PayBuyer:
    """Let what was given leave for the buyer. `by_hand`: how an operator paid it outside."""

    state: DisputeState
    at: datetime
    by_hand: str = ""


@dataclass(frozen=True)
class ParkDispute:
    """Show that the process waits for an operator, or (None) that it goes on."""

    state: DisputeState
    at: datetime
    why: Parked | None
    actor: str = ""
    note: str = ""


@dataclass(frozen=True)
class HeedDisputes:
    """An order looks at the disputes about its lines."""

    state: OrderState
    at: datetime
