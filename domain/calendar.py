"""Spans of time as a policy states them, and the days that do not count."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

_SPAN: Final = re.compile(r"(?P<count>\d{1,6})(?P<unit>bd|d|h|m|s)")
_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SATURDAY: Final = 5
# Nothing that begins now is still waited for after this.
_LONGEST_LIFE: Final = timedelta(days=400)


@dataclass(frozen=True)
class Span:
    """A length of time: elapsed seconds, or business days of the policy's calendar."""

    seconds: int = 0
    business_days: int = 0

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Read "7d", "48h", "30m", "90s" or "5bd". Anything else: `ValueError`."""
        match = _SPAN.fullmatch(text)
        if match is None:
            msg = f"{text!r} is not a span of time; write it like 7d, 48h, 30m, 90s or 5bd"
            raise ValueError(msg)
        count = int(match["count"])
        if match["unit"] == "bd":
            return cls(business_days=count)
        return cls(seconds=count * _SECONDS[match["unit"]])

    @property
    def elapsed(self) -> timedelta:
        """The span as elapsed time; one of business days has none (`ValueError`, a defect)."""
        if self.business_days:
            msg = "a span of business days has no length without a calendar"
            raise ValueError(msg)
        return timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Calendar:
    """Holidays as resolved when the policy was published; Saturdays and Sundays never count."""

    holidays: tuple[date, ...] = ()

    def that_matter(self, since: datetime | None) -> tuple[date, ...]:
        """The holidays that can fall into what begins at *since* (None: all)."""
        if since is None:
            return self.holidays
        first = since.date()
        return tuple(day for day in self.holidays if first <= day <= first + _LONGEST_LIFE)

    def is_business_day(self, day: date) -> bool:
        """Whether people are expected to work on *day*."""
        return day.weekday() < _SATURDAY and day not in self.holidays

    def after(self, start: datetime, span: Span, zone: tzinfo) -> datetime:
        """The instant that lies *span* after *start* (UTC in, UTC out).

        Business days keep the wall-clock time of *start* in *zone*, also over a DST change.
        """
        if not span.business_days:
            return start + span.elapsed
        local = start.astimezone(zone)
        days = (day for day in _following(local.date()) if self.is_business_day(day))
        last = local.date()
        for _ in range(span.business_days):
            last = next(days)
        return datetime.combine(last, local.timetz()).astimezone(start.tzinfo)


def _following(day: date) -> Iterator[date]:
    while True:
        day += timedelta(days=1)
        yield day


def reminders(opened: datetime, due: datetime) -> tuple[datetime, ...]:
    """When to remind within a window: at half, and one day before its end, if it has 3 days.

    Source: the default policy's rule for every window of three days or more.
    """
    length = due - opened
    if length < timedelta(days=3):
        return ()
    return tuple(sorted({opened + length / 2, due - timedelta(days=1)}))
