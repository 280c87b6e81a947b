"""Reference rates: what one euro was worth on a day, and the exact rate of an exchange."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from domain.fx.calendar import is_target_day
from domain.money import BASIS_POINTS, minor_digits

EURO: Final = "EUR"
_FRANKFURT: Final = ZoneInfo("Europe/Berlin")
# Source: the ECB's page on its reference rates, "around 16:00 CET on every working day".
_PUBLISHED: Final = time(16)
_QUOTE: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Publication:
    """The rates of one day: how much of each currency one euro bought, word for word."""

    day: date
    quotes: Mapping[str, str]

    def quote(self, currency: str) -> str | None:
        """What one euro bought of *currency*; None if the day has no rate for it."""
        return "1" if currency == EURO else self.quotes.get(currency)

    def has(self, currencies: Iterable[str]) -> bool:
        """Whether the day has a rate for each of *currencies*."""
        return all(self.quote(currency) is not None for currency in currencies)


def exact(quote: str) -> Fraction:
    """The number that a quote stands for. What is no positive decimal number: `ValueError`."""
    if not _QUOTE.fullmatch(quote) or not (number := Fraction(quote)):
        msg = f"{quote!r} is not a rate"
        raise ValueError(msg)
    return number


def decimal(number: Fraction, digits: int) -> str:
    """A number for people, with so many significant digits, rounded half even."""
    with localcontext() as context:
        context.prec = digits
        return f"{Decimal(number.numerator) / Decimal(number.denominator):f}"


def published_at(day: date) -> datetime:
    """When the world knows the rates of *day* (UTC): 16:00 in Frankfurt."""
    return datetime.combine(day, _PUBLISHED, _FRANKFURT).astimezone(UTC)


def newest_day(at: datetime) -> date:
    """The last day whose rates could be known at an instant, whether it has any or not."""
    local = at.astimezone(_FRANKFURT)
    return local.date() if local.time() >= _PUBLISHED else local.date() - timedelta(days=1)


def expected_day(at: datetime) -> date:
    """The last day whose rates ought to be known at an instant: no weekend, no TARGET holiday."""
    day = newest_day(at)
    while not is_target_day(day):
        day -= timedelta(days=1)
    return day


def is_fresh(day: date, at: datetime, max_age: timedelta) -> bool:
    """Whether the rates of *day* may be used at an instant: published by then, and not too old."""
    return timedelta(0) <= at - published_at(day) <= max_age


def minor_rate(sold: str, bought: str, sold_per_euro: str, bought_per_euro: str) -> Fraction:
    """Minor units of *bought* for one minor unit of *sold*, crossed over the euro; exact."""
    major = exact(bought_per_euro) / exact(sold_per_euro)
    return major * Fraction(10) ** (minor_digits(bought) - minor_digits(sold))


@dataclass(frozen=True)
class Exchange:
    """The rate at which one order's money becomes its seller's, fixed once and kept.

    The quotes are the publisher's own words, so that anybody can do the sum again; the margin is
    taken off what is bought. `estimate` is what the whole order would settle at, in minor units
    of `bought`.
    """

    sold: str
    bought: str
    sold_per_euro: str
    bought_per_euro: str
    published_on: date
    fixed_at: datetime
    margin_bp: int = 0
    estimate: int = 0

    @property
    def rate(self) -> Fraction:
        """Minor units of `bought` for one minor unit of `sold`, the margin taken off."""
        mid = minor_rate(self.sold, self.bought, self.sold_per_euro, self.bought_per_euro)
        return mid * Fraction(BASIS_POINTS - self.margin_bp, BASIS_POINTS)

    @property
    def major_rate(self) -> Fraction:
        """The same for major units, as people quote it."""
        return self.rate * Fraction(10) ** (minor_digits(self.sold) - minor_digits(self.bought))

    def settled(self, minor: int) -> int:
        """What *minor* units of the order's currency settle at. Rounds down."""
        return minor * self.rate.numerator // self.rate.denominator

    def costs(self, minor: int) -> int:
        """The least of the order's currency that settles at *minor*. Rounds up."""
        return -(-minor * self.rate.denominator // self.rate.numerator)
