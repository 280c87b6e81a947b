"""The days on which the ECB publishes rates: the opening days of the TARGET system."""

from datetime import date, timedelta
from typing import Final

_SATURDAY: Final = 5
# New Year, Labour Day, Christmas and the day after. Source: the ECB's long-term calendar of
# TARGET closing days; Good Friday and Easter Monday move with Easter.
_FIXED: Final = ((1, 1), (5, 1), (12, 25), (12, 26))
_AROUND_EASTER: Final = (timedelta(days=-2), timedelta(days=1))


def is_target_day(day: date) -> bool:
    """Whether rates are published on *day*."""
    if day.weekday() >= _SATURDAY or (day.month, day.day) in _FIXED:
        return False
    return all(day != easter(day.year) + away for away in _AROUND_EASTER)


def target_day_before(day: date) -> date:
    """The last day before *day* on which rates were published."""
    day -= timedelta(days=1)
    while not is_target_day(day):
        day -= timedelta(days=1)
    return day


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the computus of Gauss, in Lichtenberg's form)."""
    century = year // 100
    moon = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    sun = 2 - (3 * century + 3) // 4
    epact = (19 * (year % 19) + moon) % 30
    fix = (epact + (year % 19) // 11) // 29
    full = 21 + epact - fix
    sunday = 7 - (year + year // 4 + sun) % 7
    return date(year, 3, 1) + timedelta(days=full + (7 - (full - sunday) % 7) - 1)
