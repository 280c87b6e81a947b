"""What needs a person: who may do it, by when, and how much money waits for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Role


class WorkKind(StrEnum):
    """Every kind of work that a process can have for a person."""

    PARKED = "parked"
    AMOUNT = "amount_differs"
    RISK = "risk_check"
    FRAUD = "fraud_suspected"
    CUSTOMS = "at_customs"
    PROTECTION = "protection_asked"
    RULING = "ruling_due"
    SECOND = "second_word_due"
    APPEAL = "appeal_due"
    CHARGEBACK = "chargeback_due"


@dataclass(frozen=True)
class Manner:
    """Who does a kind of work, and how long it may take where no clock of a process says so."""

    roles: frozenset[Role]
    within: timedelta


_SUPPORT: Final = frozenset({Role.SUPPORT_AGENT, Role.SUPPORT_LEAD})
# Source: the project's own targets; a process's own clock, where one runs, goes before them.
MANNERS: Final[Mapping[WorkKind, Manner]] = MappingProxyType(
    {
        WorkKind.PARKED: Manner(frozenset({Role.OPERATOR}), timedelta(hours=4)),
        WorkKind.AMOUNT: Manner(_SUPPORT, timedelta(days=1)),
        WorkKind.RISK: Manner(frozenset({Role.COMPLIANCE}), timedelta(days=1)),
        WorkKind.FRAUD: Manner(frozenset({Role.COMPLIANCE}), timedelta(days=1)),
        WorkKind.CUSTOMS: Manner(_SUPPORT, timedelta(days=2)),
        WorkKind.PROTECTION: Manner(_SUPPORT, timedelta(days=2)),
        WorkKind.RULING: Manner(_SUPPORT, timedelta(days=7)),
        WorkKind.SECOND: Manner(_SUPPORT, timedelta(days=3)),
        WorkKind.APPEAL: Manner(_SUPPORT, timedelta(days=7)),
        WorkKind.CHARGEBACK: Manner(
            frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE}), timedelta(days=5)
        ),
    }
)


@dataclass(frozen=True)
class Work:
    """One thing that a person must do about a process.

    `due_at` is the end of the process's own clock, None where the target of the kind holds, from
    `since` on (None: since it is first seen). `amount` is what waits, in minor units of
    `currency`; `why` a short word on it, in English or a code.
    """

    kind: WorkKind
    seller: str
    currency: str
    amount: int
    since: datetime | None = None
    due_at: datetime | None = None
    why: str = ""

    def due(self, seen_at: datetime) -> datetime:
        """By when it is to be done, if it is first seen at *seen_at*."""
        return self.due_at or (self.since or seen_at) + MANNERS[self.kind].within
