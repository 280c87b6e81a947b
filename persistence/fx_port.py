"""What activities need of reference rates inside one transaction; part of `persistence.port`."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from domain.fx.rates import Exchange, Publication


class Rates(Protocol):
    """Reference rates by day, and the rates that orders keep."""

    async def publish(self, publication: Publication) -> Sequence[str]:
        """Put a day's rates on record; what is there stays. Returns the currencies that differ."""
        ...

    async def knows(self, day: date) -> bool:
        """Whether there are rates of that day."""
        ...

    async def newest(self, currencies: Sequence[str], until: date) -> Publication | None:
        """The newest day up to *until* that has a rate for each of *currencies*, if one has."""
        ...

    async def exchange(self, order: str) -> Exchange | None:
        """The rate that an order keeps, once it is fixed."""
        ...

    async def fix(self, order: str, exchange: Exchange) -> Exchange:
        """Let an order keep a rate; the first one stays."""
        ...
