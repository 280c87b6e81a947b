"""All rates that are known, looked up as of an instant."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime
from fractions import Fraction

from domain.errors import FxRateUnknown
from domain.fx.rates import Publication, minor_rate, newest_day


class RateBook:
    """What money is worth in a base currency, by the newest day that has both."""

    def __init__(self, base: str, publications: Iterable[Publication]) -> None:
        """*publications* may come in any order."""
        self._base = base
        self._known = sorted(publications, key=lambda one: one.day)
        self._days = [one.day for one in self._known]

    def day_for(self, currency: str, at: datetime) -> date | None:
        """The newest day by an instant that has a rate for *currency*; None if none has."""
        found = self._newest(currency, at)
        return None if found is None else found.day

    def worth(self, minor: int, currency: str, at: datetime) -> Fraction:
        """What minor units of *currency* were worth at an instant, in minor units of the base.

        Refuses what no day has a rate for (`FxRateUnknown`).
        """
        if currency == self._base:
            return Fraction(minor)
        found = self._newest(currency, at)
        if found is None:
            raise FxRateUnknown(
                f"no rate between {currency} and {self._base} is known at {at.isoformat()}",
                sold=currency,
                bought=self._base,
            )
        quotes = found.quote(currency) or "", found.quote(self._base) or ""
        return minor * minor_rate(currency, self._base, *quotes)

    def _newest(self, currency: str, at: datetime) -> Publication | None:
        end = bisect_right(self._days, newest_day(at))
        pair = (currency, self._base)
        return next((one for one in reversed(self._known[:end]) if one.has(pair)), None)
