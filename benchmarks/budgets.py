"""What an order may cost at most. Whoever raises a figure raises it here, and says why."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Budget:
    """The most that one life may cost: an order's from checkout to the seller's money."""

    actions: int
    events: int
    history_bytes: int
    statements: int
    transactions: int


DECLARED: Final = Budget(
    actions=25, events=84, history_bytes=32_000, statements=44, transactions=12
)
ONLINE: Final = Budget(actions=25, events=84, history_bytes=32_000, statements=73, transactions=23)
# A dispute, with what its order hears of it: settled between the sides, and decided by staff.
SETTLED: Final = Budget(actions=22, events=72, history_bytes=24_000, statements=57, transactions=12)
DECIDED: Final = Budget(
    actions=36, events=140, history_bytes=40_000, statements=90, transactions=18
)
FLOOR_ACTIONS: Final = 21
