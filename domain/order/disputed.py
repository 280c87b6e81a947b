"""What an order keeps of the disputes about its lines."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Disputed:
    """A dispute that is open: the parcels of its lines, and since when it stops their clocks."""

    dispute: str
    parcels: tuple[str, ...]
    since: datetime


@dataclass(frozen=True)
class GivenBack:
    """What disputes gave the buyer for one line, in minor units."""

    line: str
    amount: int
