"""One row of a trace, read cell by cell; every cell that makes no sense has its reason."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from domain.actors import Role
from domain.countries import COUNTRIES
from domain.dispute.reasons import Reason, Remedy
from domain.money import Money
from domain.order.parcels import MOST_PARCELS
from domain.order.paying import AmountDecision
from runtime.trace.possible import faults
from runtime.trace.told import (
    OF_DISPUTE,
    OF_ORDER,
    OF_PARCEL,
    OF_PURCHASE,
    OF_SELLER,
    Column,
    DisputeTold,
    Kind,
    OrderTold,
    ParcelTold,
    PurchaseTold,
    SellerTold,
    Told,
)
from workflows.order.messages import CustomsRuling, FraudVerdict, RiskVerdict

COLUMNS: Final = (
    *("order_id", "line", "seller_id", "product_id", "category", "price", "freight", "currency"),
    *("payment_type", "status", "purchased_at", "payment_approved_at", "ship_by"),
    *("handed_to_carrier_at", "delivered_at", "promised_at"),
)
STATUSES: Final = (
    *("created", "approved", "invoiced", "processing", "shipped", "delivered"),
    *("canceled", "unavailable", "declined"),
)
SLOW_METHODS: Final = frozenset({"boleto"})
METHODS: Final = frozenset({"", "credit_card", "debit_card", "voucher"}) | SLOW_METHODS
LONGEST_CELL: Final = 200
MOST_DAYS: Final = 365
CAPTURES: Final = ("at_once", "on_shipment")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_AMOUNT: Final = re.compile(r"(?P<sign>-?)\d{1,12}(\.\d{1,9})?")
_NO_CATEGORY: Final = "general"
T = TypeVar("T")


@dataclass(frozen=True)
class BadRow:
    """Why a row is refused. `row` is its number in the file, 1 for the heading, 0 for no row."""

    row: int
    reason: str

    def __str__(self) -> str:
        """As people read it."""
        return f"row {self.row}: {self.reason}" if self.row else self.reason


class TraceRefused(Exception):
    """The file cannot be traced; nothing was started."""

    def __init__(self, *rows: BadRow) -> None:
        """Name each row that is wrong."""
        super().__init__("\n".join(str(row) for row in rows))
        self.rows = rows


@dataclass(frozen=True)
class Row:
    """One order line. Instants are UTC, amounts minor units. `told` are its optional columns."""

    number: int
    order: str
    line: str
    seller: str
    product: str
    category: str
    price: int
    freight: int
    currency: str
    payment_type: str
    status: str
    purchased_at: datetime
    paid_at: datetime | None
    ship_by: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    promised_at: datetime | None
    told: Told = field(default_factory=Told)


@dataclass(frozen=True)
class _Cells:
    """The cells of one row, each asked for by its name."""

    number: int
    cells: Mapping[str, str]

    def read(self, name: str, how: Callable[[str], T]) -> T:
        """Read a cell; what it cannot be is the row's fault."""
        text = self.cells.get(name, "").strip()
        if len(text) > LONGEST_CELL:
            raise _refused(self.number, f"{name} has {len(text)} signs, more than {LONGEST_CELL}")
        try:
            return how(text)
        except ValueError as wrong:
            raise _refused(self.number, f"{name} {wrong}") from None

    def maybe(self, name: str, how: Callable[[str], T]) -> T | None:
        """The same; None for a cell with nothing in it."""
        return self.read(name, how) if self.cells.get(name, "").strip() else None


class RowReader:
    """Reads rows in one zone, for the currencies that somebody has figures for."""

    def __init__(self, zone: ZoneInfo | None, currencies: Collection[str]) -> None:
        """Times without a zone of their own are in *zone*; without one they are refused."""
        self._zone = zone
        self._currencies = currencies

    def read(self, number: int, cells: Mapping[str, str]) -> Row:
        """Read one row. Raises `TraceRefused` with its first fault."""
        row = _Cells(number, cells)
        currency = row.read("currency", self._currency)

        def amount(text: str) -> int:
            return _amount(text, currency)

        read = Row(
            number=number,
            order=row.read("order_id", _id),
            line=row.read("line", _id),
            seller=row.read("seller_id", _id),
            product=row.read("product_id", _id),
            category=row.read("category", _category),
            price=row.read("price", amount),
            freight=row.read("freight", amount),
            currency=currency,
            payment_type=row.read("payment_type", lambda text: _one_of(text, METHODS)),
            status=row.read("status", lambda text: _one_of(text, STATUSES)),
            purchased_at=row.read("purchased_at", self._instant),
            paid_at=row.maybe("payment_approved_at", self._instant),
            ship_by=row.maybe("ship_by", self._instant),
            shipped_at=row.maybe("handed_to_carrier_at", self._instant),
            delivered_at=row.maybe("delivered_at", self._instant),
            promised_at=row.maybe("promised_at", self._instant),
            told=self._told(row, amount),
        )
        for fault in faults(_by_column(read)):
            raise _refused(number, fault)
        return read

    def _told(self, row: _Cells, amount: Callable[[str], int]) -> Told:
        """The optional columns: what is absent or empty is not told."""
        how = {
            **_READINGS,
            Kind.TIME: self._instant,
            Kind.AMOUNT: amount,
            Kind.CURRENCY: self._currency,
        }

        def cells(columns: Mapping[str, Column]) -> dict[str, Any]:
            values = {one.name: row.maybe(one.name, how[one.kind]) for one in columns.values()}
            return {name: value for name, value in values.items() if value is not None}

        return Told(
            ParcelTold(**cells(OF_PARCEL)),
            OrderTold(**cells(OF_ORDER)),
            DisputeTold(**cells(OF_DISPUTE)),
            PurchaseTold(**cells(OF_PURCHASE)),
            SellerTold(**cells(OF_SELLER)),
        )

    def _currency(self, text: str) -> str:
        if text not in self._currencies:
            known = ", ".join(sorted(self._currencies))
            raise ValueError(f"{text!r} is none of the policy's: {known}")
        return text

    def _instant(self, text: str) -> datetime:
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no time; write it like 2026-03-01T12:00:00") from None
        if "T" not in text and " " not in text:
            raise ValueError(f"{text!r} is a day without a time")
        if read.tzinfo is None:
            if self._zone is None:
                raise ValueError(f"{text!r} has no zone: name it with --zone")
            read = read.replace(tzinfo=self._zone)
        if not 1990 < read.year < 2100:  # noqa: PLR2004 - years in which there are marketplaces
            raise ValueError(f"{text!r} is not of this time")
        return read.astimezone(UTC)


def _refused(number: int, reason: str) -> TraceRefused:
    return TraceRefused(BadRow(number, reason))


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no id: letters, digits, . _ - and 60 signs at most")
    return text


def _category(text: str) -> str:
    return text or _NO_CATEGORY


def _one_of(text: str, known: Collection[str]) -> str:
    if text not in known:
        words = ", ".join(sorted(word for word in known if word))
        raise ValueError(f"{text[:40]!r} is not known; use one of {words}")
    return text


def _amount(text: str, currency: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no amount; write it like 12.30")
    if found["sign"]:
        raise ValueError(f"{text!r} is negative")
    return Money.from_major(text, currency).minor


def _parcel(text: str) -> str:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MOST_PARCELS:
        raise ValueError(f"{text[:40]!r} is no parcel: number them from 1 to {MOST_PARCELS}")
    return str(int(text))


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MOST_DAYS:
        raise ValueError(f"{text[:40]!r} is no number of days from 1 to {MOST_DAYS}")
    return int(text)


def _country(text: str) -> str:
    if text not in COUNTRIES:
        raise ValueError(f"{text[:40]!r} is no country; write it like DE")
    return text


def _city(text: str) -> str:
    if not text.isprintable() or not any(sign.isalpha() for sign in text):
        raise ValueError(f"{text[:40]!r} is no city")
    return text


def _lines(text: str) -> tuple[str, ...]:
    return tuple(sorted({_id(one) for one in text.split()}))


def _word_of(words: Mapping[str, T]) -> Callable[[str], T]:
    def read(text: str) -> T:
        return words[_one_of(text, words)]

    return read


_READINGS: Final[Mapping[Kind, Callable[[str], Any]]] = MappingProxyType(
    {
        Kind.NAME: _parcel,
        Kind.DAYS: _days,
        Kind.COUNTRY: _country,
        Kind.CITY: _city,
        Kind.LINES: _lines,
        Kind.CAUSE: _word_of({str(one): one for one in Reason}),
        Kind.REMEDY: _word_of(
            {str(one): one for one in (Remedy.REFUND, Remedy.RETURN_AND_REFUND)},
        ),
        Kind.CAPTURE: _word_of({word: word for word in CAPTURES}),
        Kind.ANSWER: _word_of({"yes": True, "no": False}),
        Kind.SIDE: _word_of({"buyer": Role.BUYER, "seller": Role.SELLER}),
        Kind.RULING: _word_of({str(one): one for one in CustomsRuling}),
        Kind.FRAUD: _word_of({str(one): one for one in FraudVerdict}),
        Kind.DECISION: _word_of({str(one): one for one in AmountDecision}),
        Kind.VERDICT: _word_of(
            {"accept": RiskVerdict.ACCEPT, "refuse": RiskVerdict.REFUSE},
        ),
    }
)


def _by_column(row: Row) -> dict[str, Any]:
    """The values of a row under the names of their columns, for those that can contradict."""
    return {
        "purchased_at": row.purchased_at,
        "payment_approved_at": row.paid_at,
        "handed_to_carrier_at": row.shipped_at,
        "delivered_at": row.delivered_at,
        **vars(row.told.of_parcel),
        **vars(row.told.of_order),
        **vars(row.told.of_dispute),
        **vars(row.told.of_purchase),
        **vars(row.told.of_seller),
    }
