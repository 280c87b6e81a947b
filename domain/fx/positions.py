"""What exchanges have left open, and what they have brought: by average cost, in one currency.

A position is what the platform has of a currency beyond what it owes in it. Every dealing changes
one or two; what it gives in one is the cost of what it gets in the other. Closing a position
realises the difference; an open one is worth what the newest rates say. The total is the same
however it divides: the worth of all positions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

# What minor units of a currency are worth in minor units of the base at an instant.
Worth = Callable[[int, str, datetime], Fraction]


@dataclass(frozen=True)
class Dealing:
    """One exchange as the ledger has it: by how much each currency changed (minor, got positive).

    One that rounding left with a single side has a cost of nothing.
    """

    at: datetime
    changes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Position:
    """What is open of one currency, its cost, and what was realised; both in minor units of base.

    A negative `amount` is owed: its cost is what was got for it, negative, too.
    """

    currency: str
    amount: int = 0
    cost: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)

    def after(self, change: int, cost: Fraction) -> "Position":
        """The position once *change* came in for *cost*; what it closes is realised."""
        closes = min(abs(change), abs(self.amount)) if change * self.amount < 0 else 0
        closing = cost * Fraction(closes, abs(change))
        closed = self.cost * Fraction(closes, abs(self.amount)) if closes else Fraction(0)
        return Position(
            self.currency,
            self.amount + change,
            self.cost - closed + cost - closing,
            self.realised - closed - closing,
        )


def positions(dealings: Iterable[Dealing], base: str, worth: Worth) -> Sequence[Position]:
    """Every currency's position after *dealings*, oldest first."""
    found: dict[str, Position] = {}
    for dealing in dealings:
        for (currency, change), cost in zip(
            dealing.changes, _costs(dealing, base, worth), strict=True
        ):
            before = found.get(currency, Position(currency))
            found[currency] = before.after(change, cost)
    return [found[currency] for currency in sorted(found)]


def _costs(dealing: Dealing, base: str, worth: Worth) -> Sequence[Fraction]:
    """What each side cost in the base: two sides are each other's price."""
    if len(dealing.changes) == 1:
        return [Fraction(0)]
    (first, gives), (second, gets) = dealing.changes
    if second == base:
        return [-Fraction(gets), Fraction(gets)]
    price = Fraction(gives) if first == base else worth(gives, first, dealing.at)
    return [price, -price]
