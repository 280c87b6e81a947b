"""What aftercare is told. Public; fields are only ever added, each with a default."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LateFact:
    """A provider's message about an object whose own execution has ended.

    `subject` is that execution's id ("order/o-1", "purchase/p-1", "payout/s-1/2026-11-30-EUR").
    """

    event_id: str
    kind: str
    subject: str
    reference: str
    received_at: datetime
