"""The ECB's euro foreign exchange reference rates, as its public XML files give them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from xml.parsers import expat

import httpx2

from adapters.errors import Unavailable
from adapters.trust import authorities
from domain.fx.rates import Publication, exact

NAME: Final = "ecb"
# Source: the ECB's page on its reference rates, "for developers".
OWN_ADDRESS: Final = "https://www.ecb.europa.eu/stats/eurofxref"
_NEWEST: Final = "eurofxref-daily.xml"
_RECENT: Final = "eurofxref-hist-90d.xml"
_TIMEOUT_SECONDS: Final = 5.0
# Ninety days are some 130 kB.
_LONGEST: Final = 2_000_000
_CUBE: Final = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"


class EcbRates:
    """Keeps the contract of `RateSource` on the ECB's files."""

    name = NAME

    def __init__(
        self, address: str = OWN_ADDRESS, *, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        """*address* is the folder of the files: the ECB's own, or a sandbox."""
        self._client = httpx2.AsyncClient(
            base_url=f"{address.rstrip('/')}/", timeout=timeout_seconds, verify=authorities()
        )

    async def newest(self) -> Publication:
        """As the port has it."""
        return (await self._read(_NEWEST))[-1]

    async def recent(self) -> Sequence[Publication]:
        """As the port has it."""
        return await self._read(_RECENT)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _read(self, name: str) -> list[Publication]:
        try:
            document = await self._fetched(name)
        except httpx2.HTTPError as error:
            raise Unavailable(NAME, f"{name}: {type(error).__name__}") from error
        try:
            return publications(document)
        except ValueError as error:
            raise Unavailable(NAME, f"{name}: {error}") from error

    async def _fetched(self, name: str) -> bytes:
        document = bytearray()
        async with self._client.stream("GET", name) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                document += part
                if len(document) > _LONGEST:
                    raise Unavailable(NAME, f"{name}: longer than {_LONGEST} bytes")
        return bytes(document)


def publications(document: bytes) -> list[Publication]:
    """Read a file of the ECB, oldest day first. What is none: `ValueError`, which says why."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(document, True)  # noqa: FBT003 - that this is all is said by position only
    except expat.ExpatError as error:
        raise ValueError(f"no XML: {expat.ErrorString(error.code)}") from None
    if not reader.days:
        raise ValueError("no day is in it")
    return [Publication(day, reader.days[day]) for day in sorted(reader.days)]


class _Reader:
    """Follows the cubes: one of all, in it one per day, in that one per currency."""

    def __init__(self) -> None:
        self.days: dict[date, dict[str, str]] = {}
        self._open: list[date | None] = []

    def refuse(self, *_: object) -> None:
        raise ValueError("a document type is not expected, and could define anything")

    def begin(self, name: str, told: Mapping[str, str]) -> None:
        if name != _CUBE:
            return
        if "time" in told:
            self._begin_day(date.fromisoformat(told["time"]))
            return
        day = self._open[-1] if self._open else None
        self._open.append(day)
        if day is not None:
            self._take(self.days[day], told)

    def _begin_day(self, day: date) -> None:
        if day in self.days:
            raise ValueError(f"{day} is in it twice")
        self._open.append(day)
        self.days[day] = {}

    def _take(self, quotes: dict[str, str], told: Mapping[str, str]) -> None:
        currency, quote = told.get("currency", ""), told.get("rate", "")
        if not (len(currency) == 3 and currency.isascii() and currency.isupper()):  # noqa: PLR2004 - a code of ISO 4217
            raise ValueError(f"{currency[:9]!r} is no currency")
        if currency in quotes:
            raise ValueError(f"{currency} is in a day twice")
        if quote != "N/A":
            exact(quote)
            quotes[currency] = quote

    def end(self, name: str) -> None:
        if name == _CUBE:
            self._open.pop()
