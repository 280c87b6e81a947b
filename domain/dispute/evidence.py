"""What may be shown as evidence in a dispute, and when it comes too late.

Late evidence is kept and marked: whoever decides may look at it, and need not.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Final

from domain.actors import Role
from domain.dispute.clocks import clock_of
from domain.dispute.state import ClockName, DisputeState, Stage
from domain.errors import IllegalTransition, LimitReached

# Bytes of one file, and files of one side: a case that needs more is not read by anybody.
LARGEST: Final = 10 * 1024 * 1024
MOST_OF_A_SIDE: Final = 20
# What browsers show without anything of a stranger's being run.
MEDIA_TYPES: Final = MappingProxyType(
    {
        "image/jpeg": "jpg",
        "image/png": "png",
        "image/webp": "webp",
        "video/mp4": "mp4",
        "application/pdf": "pdf",
    }
)
_BY: Final = "dispute.evidence_by_"
_AFTER_THE_ROUND: Final = frozenset(
    {Stage.IN_REVIEW, Stage.PLATFORM_PROPOSED, Stage.AWAITING_APPROVAL, Stage.APPEAL_APPROVAL}
)
_OVER: Final = frozenset({Stage.OPENING, Stage.NOT_OPENED, Stage.CLOSED})


def side_of(role: Role) -> str:
    """For whom somebody shows it: a side, or the platform."""
    return str(role) if role in (Role.BUYER, Role.SELLER) else "platform"


def told_as(side: str) -> str:
    """The event that tells of it: the other side gets a letter."""
    return f"{_BY}{side}"


def is_open(state: DisputeState) -> bool:
    """Whether anything can be shown in it still."""
    return state.stage not in _OVER


def must_be_taken(state: DisputeState, given: int) -> None:
    """Refuse evidence of a side that has *given* so many files already.

    Raises `IllegalTransition` in a dispute that is closed, and `LimitReached`.
    """
    if not is_open(state):
        raise IllegalTransition(
            f"dispute {state.dispute} is closed: nothing can be shown in it any more",
            dispute=state.dispute,
            status=str(state.stage),
        )
    if given >= MOST_OF_A_SIDE:
        raise LimitReached(
            f"each side shows {MOST_OF_A_SIDE} files at the most",
            dispute=state.dispute,
            limit=MOST_OF_A_SIDE,
        )


def is_late(state: DisputeState, at: datetime) -> bool:
    """Whether the round for evidence was over. An appeal may bring what is new."""
    clock = clock_of(state, ClockName.EVIDENCE)
    return state.stage in _AFTER_THE_ROUND or (clock is not None and at > clock.due_at)
