"""What any source of reference rates must do for us, and promise."""

from collections.abc import Sequence
from typing import Protocol

from domain.fx.rates import Publication


class RateSource(Protocol):
    """Says what one euro was worth, day by day.

    The contract, asked of every implementation in `tests/adapters/test_fx_contract.py`:

    * a day without publication (a weekend, a holiday) is left out, never filled in;
    * quotes are the publisher's own decimal digits; a currency without one is left out;
    * what cannot be read as such, in whole, is `Unavailable`: no rate is guessed from a part of it;
    * only `adapters.errors` leave this boundary, never a library's own exceptions.
    """

    name: str

    async def newest(self) -> Publication:
        """The rates of the last day that has been published."""
        ...

    async def recent(self) -> Sequence[Publication]:
        """Every publication of the last 90 days, oldest first."""
        ...
