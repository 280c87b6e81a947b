"""What upkeep needs of the database: what has been silent for long, and the books as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.payout.state import PayoutState
from persistence.port import EffectRecord, Facts


@dataclass(frozen=True)
class SilentParcel:
    """A watched parcel that nobody has looked at for long; `milestone` is what is known of it."""

    parcel: str
    order: str
    tracker: str
    milestone: str


@dataclass(frozen=True)
class SilentPayment:
    """An order that waits for its buyer's money; `intent` is the provider's reference.

    `others` are further payments of it that may still be made.
    """

    order: str
    intent: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What the sweep found out by asking; it enters by the inbox as a webhook would.

    `owner` is whose payment it is about, where that is not its subject.
    """

    provider: str
    event_id: str
    kind: str
    subject: str
    reference: str
    at: datetime
    owner: str = ""


class Silence(Protocol):
    """What has not been heard of for long. Lists go on after a mark, in the order of keys."""

    async def parcels(self, before: datetime, limit: int) -> Sequence[SilentParcel]:
        """Watched parcels that were last looked at before an instant, the longest ago first."""
        ...

    async def looked_at(self, parcels: Sequence[str], at: datetime) -> None:
        """These have been looked at."""
        ...

    async def payments(self, before: datetime, after: str, limit: int) -> Sequence[SilentPayment]:
        """Orders placed before an instant whose money has not arrived."""
        ...

    async def purchases(self, before: datetime, after: str, limit: int) -> Sequence[SilentPayment]:
        """The same of purchases over several sellers; `order` is then the purchase's name."""
        ...

    async def repayments(self, before: datetime, after: str, limit: int) -> Sequence[SilentPayment]:
        """Orders that are to be paid again, asked before an instant, whose money is not here."""
        ...

    async def refunds(self, after: str, limit: int) -> Sequence[EffectRecord]:
        """Refunds that the provider has taken on and not finished."""
        ...

    async def payouts(self, after: str, limit: int) -> Sequence[PayoutState]:
        """Payouts that were sent and are watched for a return."""
        ...

    async def overdue(self, at: datetime) -> int:
        """Raise an alarm for each object whose work for people is overdue; how many are new.

        Alarms of work that has been done since, or has got more time, are closed.
        """
        ...

    async def claim(self, chargeback: str, intent: str) -> tuple[str, bool, str]:
        """What we know of a chargeback: its stage ("" for nothing), whether it took money.

        And whose payment *intent* is.
        """
        ...

    async def unheard(self, provider: str, reference: str, intent: str) -> str:
        """The process whose payment *intent* is, if no message about *reference* came; else ""."""
        ...

    async def found(self, fact: Found) -> bool:
        """Put what was found on record for its process; False if it was found before."""
        ...


@dataclass(frozen=True)
class Breach:
    """Something that must be true of the books and is not; `keys` name the postings."""

    kind: str
    subject: str
    detail: str
    facts: Facts = field(default_factory=dict[str, str | int])
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClearingEntry:
    """What a posting did to one balance at a provider (minor units, debit positive).

    `owner` is the clearing account's: "stripe", or "stripe:acct_1" for a connected account.
    """

    key: str
    owner: str
    currency: str
    amount: int
    fee: int
    recorded_at: datetime


class Books(Protocol):
    """The books as an auditor reads them."""

    async def breaches(self, at: datetime) -> Sequence[Breach]:
        """Every invariant that does not hold at an instant of business time."""
        ...

    async def clearing(self, provider: str, since: datetime | None) -> Sequence[ClearingEntry]:
        """What was posted on a provider's balances, recorded since an instant (None: all)."""
        ...

    async def accounts(self, provider: str) -> Sequence[str]:
        """The connected accounts that sellers have, or that money was posted on."""
        ...

    async def mark(self, name: str) -> datetime | None:
        """How far a repeated reading has come."""
        ...

    async def put_mark(self, name: str, at: datetime) -> None:
        """It has come so far; it never goes back."""
        ...

    async def report(
        self, kinds: str, found: Sequence[Breach], at: datetime, agreed: Sequence[str] | None
    ) -> int:
        """Raise an alarm for each breach, and clear those of the same *kinds* that are mended.

        Only subjects in *agreed* are known to be mended; None says that all was looked at.
        Returns how many alarms are new.
        """
        ...
