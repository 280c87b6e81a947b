"""The platform's own money, turned into another currency at the provider."""

from dataclasses import dataclass
from datetime import datetime

from domain.ledger import AccountKind as Kind
from domain.ledger import Posting, move


@dataclass(frozen=True)
class Side:
    """One half: a positive amount in minor units, and the provider's line that moved it."""

    amount: int
    currency: str
    line: str


@dataclass(frozen=True)
class Conversion:
    """What was sold and what was bought, under the provider's reference, at business time."""

    reference: str
    provider: str
    sold: Side
    bought: Side
    at: datetime

    @property
    def subject(self) -> str:
        """What its entries are about."""
        return f"conversion/{self.reference}"

    def postings(self) -> tuple[Posting, Posting]:
        """Clearing gives one currency and gets the other; the result of exchange stands between."""
        return (
            self._posting("sold", self.sold, -self.sold.amount),
            self._posting("bought", self.bought, self.bought.amount),
        )

    def _posting(self, what: str, side: Side, amount: int) -> Posting:
        legs = move([(Kind.CLEARING, self.provider, amount), (Kind.FX_RESULT, "", -amount)])
        key = f"{self.subject}/{what}/{side.line}"
        return Posting(key, "conversion", self.subject, side.currency, self.at, legs)
