"""What a chargeback asks of activities. Fields are only ever added, each with a default."""

from dataclasses import dataclass
from datetime import datetime

from domain.chargeback.state import ChargebackState


@dataclass(frozen=True)
class ChargebackStep:
    """One step, at a moment of business time (UTC); `actor` is who caused it, "" for the bank."""

    state: ChargebackState
    at: datetime
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Heard:
    """How it stands after a step, and the open disputes about the same orders.

    `netted` is what the buyer has had for each of them from their bank, in the same order.
    """

    state: ChargebackState
    disputes: tuple[str, ...] = ()
    netted: tuple[int, ...] = ()
