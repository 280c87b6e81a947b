"""Reasons that are given often: picked from a list, then edited; the catalogue has the words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_RULING: Final = (
    "photos_show_fault",
    "photos_show_none",
    "tracking_shows_delivery",
    "tracking_stands_still",
    "sides_agree_in_part",
    "no_evidence",
)
# By the act that is explained.
TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "decide": _RULING,
        "approve": ("second_agrees",),
        "disapprove": ("second_wants_evidence", "second_other_amount"),
        "take_back": ("wrong_cases", "new_facts"),
    }
)
