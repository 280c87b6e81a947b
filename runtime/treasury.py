"""The platform's own currencies: what was converted at the provider, and what is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import AlreadyExists
from domain.fx.book import RateBook
from domain.fx.conversions import Conversion
from domain.fx.positions import Position, positions
from domain.fx.rates import newest_day
from persistence import fx_reading
from persistence.fx_reading import Converted
from persistence.ledger import SqlLedger
from persistence.session import Session

log = structlog.get_logger(__name__)


async def record(db: AsyncConnection, conversion: Conversion, by: str) -> None:
    """Post a conversion; the same one again changes nothing.

    A reference that stands for another one, or a line of the provider's that is another one's, is
    refused (`AlreadyExists`).
    """
    lines = (conversion.sold.line, conversion.bought.line)
    there = await fx_reading.converted(db, conversion.subject, lines)
    if not there:
        ledger = SqlLedger(Session(db))
        async with db.begin_nested():
            for posting in conversion.postings():
                await ledger.post(posting)
        log.info("conversion.recorded", reference=conversion.reference, by=by)
    elif set(there) != set(_halves(conversion)):
        raise AlreadyExists(
            f"conversion {conversion.reference}, or one of its lines, is on record with other "
            "figures",
            reference=conversion.reference,
        )


def _halves(conversion: Conversion) -> list[Converted]:
    halves: list[Converted] = []
    for posting in conversion.postings():
        clearing = posting.legs[0]
        halves.append(
            Converted(posting.key, clearing.account.owner, posting.currency, clearing.amount)
        )
    return halves


@dataclass(frozen=True)
class Valued:
    """A position and what it is worth in the base, by the rates of a day; None without any."""

    position: Position
    worth: Fraction | None
    rates_of: date | None


async def report(db: AsyncConnection, base: str, at: datetime) -> Sequence[Valued]:
    """What exchanges up to an instant of business time have left open, and brought, in *base*.

    An exchange between two other currencies is valued by the rates of its time; where there are
    none, `FxRateUnknown`.
    """
    dealings = await fx_reading.dealings(db, at)
    currencies = sorted({name for one in dealings for name, _ in one.changes} | {base})
    known = await fx_reading.publications(db, currencies, newest_day(at))
    book = RateBook(base, known)
    return [_valued(one, book, base, at) for one in positions(dealings, base, book.worth)]


def _valued(position: Position, book: RateBook, base: str, at: datetime) -> Valued:
    day = book.day_for(position.currency, at)
    if day is None and position.currency != base:
        return Valued(position, None, None)
    return Valued(position, book.worth(position.amount, position.currency, at), day)
