"""Two sets of books about the same money, compared line by line: ours and the provider's."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.ids import money_key

_Group = tuple[str, str, str, str]
_ATTEMPT: Final = re.compile(r"/take/\d+$")


class Effect(StrEnum):
    """What moved money at the provider; the words of its own books that we know of."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    TRANSFER = "transfer"
    TRANSFER_REFUND = "transfer_refund"
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"
    CONVERSION = "conversion"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"


@dataclass(frozen=True)
class Movement:
    """One change of a balance at the provider, as one side has it.

    `account` is "" for the platform's balance, else the connected account; `key` names the
    effect, `change` and `fee` are minor units (the fee is already taken off the change). `name`
    is what a person looks up: the posting's key here, the line's id there.
    """

    account: str
    key: str
    effect: str
    currency: str
    change: int
    fee: int
    at: datetime
    name: str


class BreakKind(StrEnum):
    """How two sets of books can differ."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Break:
    """One difference, with the postings and the provider's lines that it is about."""

    kind: BreakKind
    account: str
    key: str
    effect: str
    currency: str
    ours: int
    theirs: int
    our_fee: int
    their_fee: int
    postings: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Total:
    """What the compared movements sum to on one balance, in minor units."""

    account: str
    currency: str
    ours: int
    theirs: int


@dataclass(frozen=True)
class Report:
    """What a comparison found. `agreed` are the keys on which both sides say the same."""

    breaks: tuple[Break, ...]
    totals: tuple[Total, ...]
    agreed: tuple[str, ...]

    @property
    def matches(self) -> bool:
        """Whether the books agree, line by line and in sum."""
        return not self.breaks and all(total.ours == total.theirs for total in self.totals)


def effect_of(posting: str) -> tuple[str, str]:
    """The (key, effect) at the provider that a posting on a clearing account speaks of.

    A posting that is made by no effect we know stands under its own key, and matches nothing.
    """
    stem, _, step = posting.rpartition("/")
    subject, _, what = stem.rpartition("/")
    if stem.startswith("conversion/"):
        # Named by the provider's own line: nothing that we could have put a key on.
        return step, Effect.CONVERSION
    if subject.startswith("purchase/") and subject.endswith("/capture"):
        # One charge of the provider's, one entry of ours for each order: they are summed.
        return money_key(subject.removesuffix("/capture"), "take", 1), Effect.CHARGE
    if what in {"capture", "late"}:
        return money_key(subject, "take", 1), Effect.CHARGE
    if stem.startswith("chargeback/"):
        effects = {"taken": Effect.DISPUTE, "given_back": Effect.DISPUTE_REVERSAL}
        return (stem, effects[step]) if step in effects else (posting, step)
    if stem.startswith("payout/"):
        return _effect_of_payout(stem, step, posting)
    refunds = {"settled": Effect.REFUND, "returned": Effect.REFUND_FAILURE}
    return (stem, refunds[step]) if step in refunds else (posting, step)


def _effect_of_payout(stem: str, step: str, posting: str) -> tuple[str, str]:
    match step:
        case "transferred":
            return money_key(stem, "transfer", 1), Effect.TRANSFER
        case "taken_back":
            return money_key(stem, "take_back", 1), Effect.TRANSFER_REFUND
        case "paid":
            return money_key(stem, "payout", 1), Effect.PAYOUT
        case "returned":
            return money_key(stem, "payout", 1), Effect.PAYOUT_FAILURE
        case _:
            return posting, step


def compare(
    ours: Iterable[Movement], theirs: Iterable[Movement], *, until: datetime | None = None
) -> Report:
    """Compare both sides. What only one has, and since *until*, may still arrive: no break."""
    here, there = _grouped(ours), _grouped(theirs)
    breaks: list[Break] = []
    agreed: list[str] = []
    for group in sorted(here.keys() | there.keys()):
        found = _compared(group, here.get(group, ()), there.get(group, ()), until)
        if found is not None:
            breaks.append(found)
        elif group in here and group in there:
            agreed.append(group[1])
    return Report(tuple(breaks), _totals(here, there), tuple(sorted(set(agreed))))


def _grouped(movements: Iterable[Movement]) -> dict[_Group, list[Movement]]:
    found: dict[_Group, list[Movement]] = defaultdict(list)
    for one in movements:
        # Which of several payments of an order was the one, our entries do not say.
        key = _ATTEMPT.sub("/take/1", one.key) or one.name
        found[one.account, key, one.effect, one.currency].append(one)
    return found


def _compared(
    group: _Group, here: Sequence[Movement], there: Sequence[Movement], until: datetime | None
) -> Break | None:
    sums = [sum(one.change for one in side) for side in (here, there)]
    fees = [sum(one.fee for one in side) for side in (here, there)]
    if here and there and sums[0] == sums[1] and fees[0] == fees[1]:
        return None
    if not (here and there) and until is not None and max(m.at for m in (*here, *there)) > until:
        return None
    kind = BreakKind.DIFFERENT
    if not here:
        kind = BreakKind.MISSING_HERE
    elif not there:
        kind = BreakKind.MISSING_THERE
    account, key, effect, currency = group
    return Break(
        kind,
        account,
        key,
        effect,
        currency,
        ours=sums[0],
        theirs=sums[1],
        our_fee=fees[0],
        their_fee=fees[1],
        postings=tuple(one.name for one in here),
        lines=tuple(one.name for one in there),
    )


def _totals(
    here: dict[_Group, list[Movement]], there: dict[_Group, list[Movement]]
) -> tuple[Total, ...]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for side, groups in enumerate((here, there)):
        for (account, _, _, currency), movements in groups.items():
            sums[account, currency][side] += sum(one.change for one in movements)
    return tuple(Total(*where, *amounts) for where, amounts in sorted(sums.items()))
