"""What a trace has shown, as plain values: for machines as they are, for people as pages."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

_NINETY_PER_CENT: Final = 9


@dataclass(frozen=True)
class Days:
    """A spread of durations in days; zero of everything where there is none."""

    count: int
    median: float
    p90: float
    histogram: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, days: Sequence[float]) -> "Days":
        """The spread of *days*, rounded to a tenth; the histogram counts whole weeks."""
        if not days:
            return cls(0, 0.0, 0.0, ())
        weeks = sorted({int(one // 7) for one in days})
        counts = tuple((week, sum(int(one // 7) == week for one in days)) for week in weeks)
        cuts = statistics.quantiles(days, n=10, method="inclusive") if len(days) > 1 else []
        p90 = cuts[_NINETY_PER_CENT - 1] if cuts else days[0]
        return cls(len(days), round(statistics.median(days), 1), round(p90, 1), counts)


@dataclass(frozen=True)
class Deadline:
    """One kind of deadline that passed: how often, and what the trace's own truth was then."""

    name: str
    meaning: str
    count: int
    happened_later: int
    late_by_days: Days


@dataclass(frozen=True)
class Sums:
    """Money of one currency over the whole trace, in minor units."""

    currency: str
    ordered: int
    captured: int
    refunded: int
    released: int
    commission: int
    provider_fees: int
    payout_fees: int
    paid_out: int
    still_payable: int
    accounts: Mapping[str, int]


@dataclass(frozen=True)
class Payouts:
    """Payouts of one currency. Amounts are minor units, net is what arrived at banks.

    `below_minimum` are the sellers whose balance is too small at the end, and what it comes to.
    """

    currency: str
    cycles: int
    sent: int
    returned: int
    withheld: int
    gross: int
    net: int
    fees: int
    sellers_paid: int
    minimum: int
    sellers_below_minimum: int
    below_minimum: int
    by_month: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Books:
    """Whether everything adds up; `differences` name what does not."""

    balanced: bool
    matches_provider: bool
    lines: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Unaccounted:
    """An order whose end is not known, or whose money does not add up."""

    order: str
    why: str


@dataclass(frozen=True)
class Moved:
    """What stood for somebody on an order's accounts before a ruling, and after it."""

    whose: str
    before: int
    after: int


@dataclass(frozen=True)
class Ruling:
    """What staff decided about a dispute. `asked` and `offered` are the sides' last words.

    Amounts are minor units; `by` and `approved_by` are who ruled and who agreed.
    """

    order: str
    dispute: str
    currency: str
    reason: str
    asked: int
    offered: int
    ruled: int
    by: str
    approved_by: str
    outcome: str
    moved: tuple[Moved, ...]


@dataclass(frozen=True)
class LateFact:
    """Something that the trace tells and that came to nothing under the policy."""

    order: str
    what: str
    at: str
    why: str


@dataclass(frozen=True)
class Report:
    """One trace under one policy. Dates are the trace's own, amounts minor units.

    `parcels` and `disputes` are counted by their ends, `questions` by topic and what became of
    them, `rulings` are those of staff. An order
    that was `refunded_in_part` has paid its seller the rest.
    """

    file: str
    policy: str
    about: str
    confirm: str
    first: str
    last: str
    purchases: int
    orders: int
    sellers: int
    accounted: int
    unaccounted: tuple[Unaccounted, ...]
    outcomes: Mapping[str, int]
    by_status: Mapping[str, Mapping[str, int]]
    parcels: Mapping[str, int]
    refunded_in_part: int
    questions: Mapping[str, Mapping[str, int]]
    disputes: Mapping[str, int]
    rulings: tuple[Ruling, ...]
    deadlines: tuple[Deadline, ...]
    shipped_before_payment: int
    own_promises_missed: Mapping[str, int]
    late_facts: tuple[LateFact, ...]
    aftercare: int
    ledger: Books
    money: tuple[Sums, ...]
    escrow_days: Days
    payouts: tuple[Payouts, ...]
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether every order is accounted for and the books agree."""
        is_exact = self.ledger.balanced and self.ledger.matches_provider
        return self.accounted == self.orders and is_exact

    def taking(self, seconds: float) -> "Report":
        """The same report, made in so many seconds."""
        return replace(self, seconds=round(seconds, 1))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
