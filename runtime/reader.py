"""The reader of a letter: whose language, and whose clock, its words follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import format_currency

from domain.money import minor_digits

DEFAULT: Final = "en"


@dataclass(frozen=True)
class Form:
    """How a language writes an instant: day and time, and how the same in UTC stands beside it."""

    instant: str
    time: str
    beside: str


# The languages that letters are written in; each has a folder of templates.
LANGUAGES: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "en": Form("d MMM y, HH:mm", "HH:mm", "{local} ({utc} UTC)"),
        "zh": Form("y年M月d日 HH:mm", "HH:mm", "{local}（{utc} UTC）"),
    }
)


@dataclass(frozen=True)
class Reader:
    """Somebody who is written to, as they said it: a BCP 47 tag, a zone's IANA name, or nothing.

    What we do not know of is no error: then it is English, and UTC.
    """

    name: str = ""
    language: str = ""
    zone: str = ""

    @property
    def written_in(self) -> str:
        """The language of the letter: the reader's, if we have words in it."""
        tongue = self.language.replace("_", "-").partition("-")[0].lower()
        return tongue if tongue in LANGUAGES else DEFAULT

    def money(self, minor: int, currency: str) -> str:
        """An amount with the code of its currency and every digit: "EUR 12.30"."""
        digits = minor_digits(currency)
        locale = self._locale()
        grouping = locale.decimal_formats[None].pattern.partition(".")[0]
        pattern = f"¤¤ {grouping}" + ("." + "0" * digits if digits else "")
        exact = Decimal(minor).scaleb(-digits)
        shown = format_currency(
            exact,
            currency,
            pattern,
            locale=locale,
            currency_digits=False,
            decimal_quantization=False,
        )
        return shown.replace("\N{NO-BREAK SPACE}", " ")

    def date(self, at: str | datetime) -> str:
        """An instant by the reader's clock, with UTC beside it: "22:05 UTC+8 (14:05 UTC)"."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        here, there = moment.astimezone(self.clock), moment.astimezone(UTC)
        form, locale = LANGUAGES[self.written_in], self._locale()

        def shown(instant: datetime, pattern: str) -> str:
            return format_datetime(instant, pattern, tzinfo=instant.tzinfo, locale=locale)

        offset = here.utcoffset() or timedelta()
        if not offset:
            return f"{shown(there, form.instant)} UTC"
        is_same_day = here.date() == there.date()
        return form.beside.format(
            local=f"{shown(here, form.instant)} {_named(offset)}",
            utc=shown(there, form.time if is_same_day else form.instant),
        )

    def _locale(self) -> Locale:
        """The reader's own region where its language is the letter's: en-IN groups by lakh."""
        try:
            own = Locale.parse(self.language.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            return Locale.parse(self.written_in)
        return own if own.language == self.written_in else Locale.parse(self.written_in)

    @property
    def clock(self) -> tzinfo:
        """Their zone; UTC where they have said none that there is."""
        try:
            return ZoneInfo(self.zone)
        except (OSError, ValueError, KeyError):
            return UTC


def _named(offset: timedelta) -> str:
    """A distance from UTC as people write it: "UTC+8", "UTC-3:30"."""
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
