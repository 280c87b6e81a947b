"""The days on which the central bank publishes, and what it publishes on each."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

FRANKFURT: Final = ZoneInfo("Europe/Berlin")
_PUBLISHED: Final = time(16)
_SATURDAY: Final = 5
_CLOSED: Final = ((1, 1), (5, 1), (12, 25), (12, 26))
# Easter Sundays of the years that anybody plays in.
_EASTERS: Final = {
    date(year, month, day)
    for year, month, day in (
        *((2023, 4, 9), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2028, 4, 16)),
        *((2029, 4, 1), (2030, 4, 21), (2031, 4, 13), (2032, 3, 28), (2033, 4, 17), (2034, 4, 9)),
    )
}
# About what one euro buys; each day moves it by up to one and a half percent, the same each time.
_ABOUT: Final = {
    "USD": "1.1021",
    "JPY": "171.35",
    "CZK": "24.713",
    "DKK": "7.4612",
    "GBP": "0.86740",
    "HUF": "389.10",
    "PLN": "4.2415",
    "RON": "5.0824",
    "SEK": "10.9870",
    "CHF": "0.93410",
    "ISK": "142.70",
    "NOK": "11.6205",
    "TRY": "47.9314",
    "AUD": "1.7702",
    "BRL": "6.2218",
    "CAD": "1.6014",
    "CNY": "8.2047",
    "HKD": "9.0712",
    "IDR": "19102.85",
    "ILS": "3.9120",
    "INR": "101.4360",
    "KRW": "1618.25",
    "MXN": "21.3046",
    "MYR": "4.9025",
    "NZD": "1.9815",
    "PHP": "66.108",
    "SGD": "1.5112",
    "THB": "37.402",
    "ZAR": "19.8837",
}
_MOVES: Final = 301


def is_open(day: date) -> bool:
    """Whether the bank publishes on *day*: no weekend, no closing day of TARGET."""
    if day.weekday() >= _SATURDAY or (day.month, day.day) in _CLOSED:
        return False
    return day + timedelta(days=2) not in _EASTERS and day - timedelta(days=1) not in _EASTERS


def published(moment: datetime, minutes_late: int, count: int) -> list[date]:
    """The last *count* calendar days' publications by *moment*, the newest first."""
    local = (moment - timedelta(minutes=minutes_late)).astimezone(FRANKFURT)
    last = local.date() if local.time() >= _PUBLISHED else local.date() - timedelta(days=1)
    if count == 1:
        while not is_open(last):
            last -= timedelta(days=1)
    days = (last - timedelta(days=back) for back in range(count))
    return [day for day in days if is_open(day)]


def quotes(day: date, told: Mapping[str, str], missing: str) -> dict[str, str]:
    """What one euro buys on *day*: as a player has *told*, else as it moves; *missing* left out."""
    moved = {currency: _moved(day, currency, about) for currency, about in _ABOUT.items()}
    lacking = missing.split(",")
    return {name: quote for name, quote in (moved | dict(told)).items() if name not in lacking}


def _moved(day: date, currency: str, about: str) -> str:
    drawn = hashlib.sha256(f"{day}/{currency}".encode()).digest()
    by = int.from_bytes(drawn[:4]) % _MOVES - _MOVES // 2
    base = Decimal(about)
    return str((base * (10_000 + by) / 10_000).quantize(base))
