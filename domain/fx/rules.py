"""What a policy says about foreign exchange."""

from dataclasses import dataclass
from enum import StrEnum

from domain.calendar import Span


class Fix(StrEnum):
    """The moment whose rate an order keeps."""

    PLACED = "placed"
    CAPTURED = "captured"
    RELEASED = "released"


@dataclass(frozen=True)
class FxRules:
    """When the rate is fixed, how old it may be then, and what the platform takes of it.

    `max_age` counts from the publication: the longest gap that the calendar makes, over Easter or
    Christmas, is five days.
    """

    fix: Fix = Fix.PLACED
    max_age: Span = Span.parse("7d")
    margin_bp: int = 0
