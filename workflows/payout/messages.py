"""What is said to payouts. Public; fields are only ever added, each with a default."""

from dataclasses import dataclass
from datetime import datetime

from domain.actors import Actor
from domain.payout.state import Resolution


@dataclass(frozen=True)
class StartPayout:
    """Pay a seller what is payable as of a moment (UTC) in one currency.

    `payout` names it for ever: "s-1/2026-11-30-EUR", and is the end of the execution's id.
    """

    payout: str
    seller: str
    currency: str
    as_of: datetime


@dataclass(frozen=True)
class PayoutChanged:
    """The provider says that the payout has news: its truth is read again."""

    event_id: str
    received_at: datetime


@dataclass(frozen=True)
class ResolvePayout:
    """Let a parked payout go on. `note` is kept: why, and for one settled by hand, how."""

    actor: Actor
    received_at: datetime
    resolution: Resolution
    note: str = ""


@dataclass(frozen=True)
class StartCycle:
    """Start every payout that is due. Without a moment the cycle is as of its own start.

    `after_seller` and `after_currency` are where a long cycle goes on. With `policy` only the
    sellers who live by it are paid; `stamp` is how such a cycle is named by its moment.
    """

    cycle: str = ""
    as_of: datetime | None = None
    after_seller: str = ""
    after_currency: str = ""
    started: int = 0
    policy: str = ""
    stamp: str = "%Y-%m-%d"
