"""What one side asks of the other: who asks, who answers, and what silence means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Role


class Topic(StrEnum):
    """What both sides must agree on."""

    EXTENSION = "extension"
    CANCELLATION = "cancellation"
    PROTECTION = "protection"


@dataclass(frozen=True)
class Agreement:
    """One open question, put by `asked_by` (buyer or seller). `days` is how much longer."""

    topic: Topic
    asked_by: Role
    asked_at: datetime
    days: int = 0


@dataclass(frozen=True)
class Manner:
    """How a topic is agreed on: by whom it may be asked, who else may decide it, what silence is.

    Source: the policy table "Order and shipment": an extension needs the buyer's consent, silence
    approves a cancellation, the platform may force a longer protection.
    """

    asked_by: frozenset[Role]
    decided_by: frozenset[Role]
    silence_agrees: bool


MANNERS: Final[Mapping[Topic, Manner]] = MappingProxyType(
    {
        Topic.EXTENSION: Manner(frozenset({Role.SELLER}), frozenset(), silence_agrees=False),
        Topic.CANCELLATION: Manner(
            frozenset({Role.BUYER, Role.SELLER}), frozenset(), silence_agrees=True
        ),
        Topic.PROTECTION: Manner(
            frozenset({Role.BUYER}),
            frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD}),
            silence_agrees=False,
        ),
    }
)
_OTHER_SIDE: Final = MappingProxyType({Role.BUYER: Role.SELLER, Role.SELLER: Role.BUYER})


def who_answers(agreement: Agreement) -> frozenset[Role]:
    """The other side; and the platform where it may force an answer."""
    return MANNERS[agreement.topic].decided_by | {_OTHER_SIDE[agreement.asked_by]}
