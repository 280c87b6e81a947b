"""What a repayment asks of activities. Fields are only ever added, each with a default."""

from dataclasses import dataclass
from datetime import datetime

from domain.order.repaying import RepaymentState


@dataclass(frozen=True)
class AskAgain:
    """Open the payment at the provider, at a moment of business time (UTC)."""

    state: RepaymentState
    at: datetime
    method: str = ""


@dataclass(frozen=True)
class RepaymentStep:
    """One step of a repayment, at a moment of business time (UTC)."""

    state: RepaymentState
    at: datetime
