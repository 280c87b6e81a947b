"""Money and time as a visitor reads them: exact, in their language, by their clock."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.dates import format_timedelta
from babel.numbers import format_decimal
from fastapi import Request

from domain.money import minor_digits
from domain.order.state import Clock
from runtime.reader import Reader

ZONE: Final = "caravan_zone"
_URGENT: Final = timedelta(hours=24)
_WHOLE: Final = 1000
# A unit is left for the next larger one at twice that one: "36 hours", not "2 days".
_EXACT: Final = 2.0
_AMOUNTS: Final = frozenset(
    {
        *("amount", "subsidy", "payable", "reserve", "commission", "debt"),
        *("held", "change", "platform", "carrier"),
    }
)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Deadline:
    """A deadline as it is shown: how much of it is over (of a thousand), and how near its end."""

    spent: int
    urgency: str


@dataclass(frozen=True)
class Reading:
    """How a visitor reads figures. *now* is the moment at which the page is made (UTC)."""

    reader: Reader
    now: datetime

    @classmethod
    def of(cls, request: Request, language: str, now: datetime) -> "Reading":
        """By the zone that the visitor's browser has told; UTC until it has."""
        zone = request.cookies.get(ZONE, "")
        return cls(Reader(language=language, zone=zone if zone.isascii() else ""), now)

    def money(self, minor: int, currency: str) -> str:
        """An amount with its currency: "EUR 1,234.50"."""
        return self.reader.money(minor, currency)

    def figure(self, minor: int, currency: str) -> str:
        """The figure alone, for a column whose head says the currency; minus is a true minus."""
        digits = minor_digits(currency)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        shown = format_decimal(abs(Decimal(minor).scaleb(-digits)), pattern, locale=self._locale)
        return f"\N{MINUS SIGN}{shown}" if minor < 0 else shown

    def signed(self, minor: int, currency: str) -> str:
        """A change: "+12.30", "-12.30" with a true minus, or "0.00"."""
        return f"+{self.figure(minor, currency)}" if minor > 0 else self.figure(minor, currency)

    def instant(self, at: datetime) -> str:
        """By the visitor's clock, with UTC beside it."""
        return self.reader.date(at)

    def beginning_of(self, day: date) -> datetime:
        """The first instant of a day by the visitor's clock, in UTC."""
        return datetime(day.year, day.month, day.day, tzinfo=self.reader.clock).astimezone(UTC)

    def ago(self, at: datetime) -> str:
        """How far from now: "in 3 days", "2 hours ago"."""
        return format_timedelta(
            at - self.now, add_direction=True, threshold=_EXACT, locale=self._locale
        )

    def fact(self, name: str, value: object, currency: str) -> str:
        """A fact of an event: amounts in *currency*, instants by the visitor's clock."""
        if name in _AMOUNTS and isinstance(value, int):
            return self.money(value, currency)
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return self.instant(datetime.fromisoformat(value))
        return str(value)

    def deadline(self, clock: Clock) -> Deadline:
        """How far a clock has run."""
        whole = (clock.due_at - clock.opened_at).total_seconds()
        spent = (self.now - clock.opened_at).total_seconds()
        share = _WHOLE if whole <= 0 else round(_WHOLE * spent / whole)
        return Deadline(max(0, min(_WHOLE, share)), self.urgency(clock.due_at))

    def urgency(self, due_at: datetime | None) -> str:
        """`overdue`, `soon` (a day or less), `later`, or `open` where there is no deadline."""
        if due_at is None:
            return "open"
        if due_at < self.now:
            return "overdue"
        return "soon" if due_at - self.now <= _URGENT else "later"

    @property
    def _locale(self) -> Locale:
        return Locale.parse(self.reader.written_in)


def stamp(at: datetime) -> str:
    """An instant for machines."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
