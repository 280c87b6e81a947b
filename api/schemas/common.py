"""Words that every form is made of: identifiers, texts, money, problems."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)

from domain.countries import COUNTRIES

LARGEST_AMOUNT: Final = 10**12
# The one after it has to be written as well.
LARGEST_VERSION: Final = 2**31 - 2
# With marks of direction (Cf) a name reads as another one; with line ends it makes a second line.
_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Persian and the scripts of India spell with these two.
_JOINERS: Final = "\u200c\u200d"
# By their category letters and signs, and nothing on a screen: Hangul's fillers, Braille's blank.
_BLANK: Final = "\u115f\u1160\u3164\uffa0\u2800"


class Form(BaseModel):
    """What a caller sends: nothing unknown is taken in silence, and nothing is echoed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class View(BaseModel):
    """What a caller is shown."""

    model_config = ConfigDict(frozen=True)


def _clean(text: str) -> str:
    """One form for one text (NFC), and nothing in it that a screen or a log cannot show."""
    normal = unicodedata.normalize("NFC", text)
    if any(map(_is_unseen, normal)):
        raise ValueError("control characters, and others that nobody sees, are not accepted")
    return normal


def _is_unseen(char: str) -> bool:
    is_unshown = unicodedata.category(char) in _UNSHOWN and char not in _JOINERS
    return is_unshown or char in _BLANK


def _plain(text: str) -> str:
    """The text as it is, if nothing in it is a control character."""
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise ValueError("control characters are not accepted")
    return text


def _written(at: object) -> object:
    """An instant as people write it: a bare number could count anything since anywhen."""
    is_number = isinstance(at, str) and at.lstrip("+-").replace(".", "", 1).isdigit()
    if is_number or isinstance(at, int | float):
        raise ValueError("an instant is written like 2026-11-01T00:00:00Z")
    return at


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such instant in UTC") from None


def _known_zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError("no such zone: write its IANA name, such as Asia/Shanghai")
    return name


def _known_country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("no such country: write its code of ISO 3166-1, such as DE")
    return code


_IN_EMAIL: Final = r"[^@\s\x00-\x1f\x7f-\x9f]+"
_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Id = Annotated[str, Field(pattern=_ID_PATTERN, examples=["o-1001"])]
ID: Final = TypeAdapter[str](Id)
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_clean)
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_clean)
]
# Types of their own: a limit that is given to a field of `Text` is lost to the type's.
Postcode = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=20), AfterValidator(_clean)
]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=40), AfterValidator(_clean)
]
Sought = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]
Amount = Annotated[int, Field(ge=0, le=LARGEST_AMOUNT, strict=True)]
PositiveAmount = Annotated[int, Field(gt=0, le=LARGEST_AMOUNT, strict=True)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
Country = Annotated[
    str,
    Field(
        pattern=r"^[A-Z]{2}$",
        description="A code of ISO 3166-1 (alpha-2).",
        examples=["DE"],
        json_schema_extra={"enum": [*sorted(COUNTRIES)]},
    ),
    AfterValidator(_known_country),
]
Email = Annotated[
    str,
    Field(max_length=254, pattern=rf"^{_IN_EMAIL}@{_IN_EMAIL}\.{_IN_EMAIL}$"),
    AfterValidator(_clean),
]
Language = Annotated[
    str,
    Field(
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="A BCP 47 tag. Letters are written in English (en) and Chinese (zh).",
        examples=["zh-CN"],
    ),
]
Zone = Annotated[
    str,
    Field(
        max_length=64,
        description="The zone (IANA) by whose clock letters tell the time; UTC if empty.",
        examples=["Asia/Shanghai"],
    ),
    AfterValidator(_known_zone),
]
MethodToken = Annotated[
    str,
    Field(
        max_length=200,
        # A card's number has no such beginning, and must not come in.
        pattern=r"^([a-z]+_[A-Za-z0-9_]+)?$",
        description="The provider's token of a method; empty to choose in the browser.",
        examples=["pm_card_visa"],
    ),
]
CarrierName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{2,40}$", examples=["UPS"])]
TrackingNumber = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=4, max_length=60),
    AfterValidator(_clean),
    Field(examples=["1Z999AA10123456784"]),
]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class Money(View):
    """An exact amount, in minor units of its currency (ISO 4217)."""

    amount: int = Field(examples=[1999])
    currency: Currency


class FieldError(View):
    """One field that cannot be accepted, and why."""

    field: str = Field(examples=["lines[0].price"])
    why: str


class ProblemView(BaseModel):
    """What is said when something is not done (RFC 9457); further members are its facts."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable; open it to read what can be done.")
    title: str
    status: int
    detail: str
    request_id: str = Field(description="Name it when you ask us about it.")
    errors: list[FieldError] | None = None


class RequestView(View):
    """A request of yours: what it asked, and whether it has been answered."""

    id: str
    state: str = Field(description="waiting, answered, or parked", examples=["waiting"])
    command: str = Field(examples=["order.confirm_receipt"])
    subject: str = Field(examples=["order/o-1001"])
    received_at: str = Field(description="When it arrived here: the instant that counts.")
    status: int | None = Field(default=None, description="Of the answer, once there is one.")
    problem: dict[str, Any] | None = Field(default=None, description="If it was refused.")
    location: str | None = Field(default=None, description="Where its object is found.")
