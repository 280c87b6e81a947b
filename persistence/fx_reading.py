"""Foreign exchange as the ledger has it, for those who look after it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.fx.positions import Dealing
from domain.fx.rates import EURO, Publication
from persistence.tables.fx import FxRate

_RECORDING: Final = 4
# Both entries of an exchange make one dealing: the second one's key is the first one's, and more.
_DEALINGS: Final = text("""
    SELECT min(p.effective_at), array_agg(l.currency ORDER BY p.id),
        array_agg(-l.amount ORDER BY p.id)
    FROM legs l JOIN postings p ON p.id = l.posting
    WHERE l.kind = 'fx_result' AND l.effective_at <= :at
    GROUP BY CASE p.kind WHEN 'conversion' THEN p.process
        ELSE regexp_replace(p.key, '/exchange$', '') END
    ORDER BY min(p.effective_at), min(p.id)
""")
_CONVERTED: Final = text("""
    SELECT p.key, l.owner, l.currency, l.amount
    FROM postings p JOIN legs l ON l.posting = p.id AND l.kind = 'provider_clearing'
    WHERE p.kind = 'conversion'
        AND (p.process = :process OR split_part(p.key, '/', 4) = ANY(:lines))
""")


@dataclass(frozen=True)
class Converted:
    """One half of a conversion as it was posted: what it did to a clearing account."""

    key: str
    owner: str
    currency: str
    amount: int


async def dealings(db: AsyncConnection, at: datetime) -> list[Dealing]:
    """Everything exchanged up to an instant of business time, oldest first."""
    rows = (await db.execute(_DEALINGS, {"at": at})).all()
    return [
        Dealing(when, tuple(zip(currencies, changes, strict=True)))
        for when, currencies, changes in rows
    ]


async def publications(
    db: AsyncConnection, currencies: Sequence[str], until: date
) -> list[Publication]:
    """Every day's rates of *currencies*, up to a day, oldest first."""
    query = (
        select(col(FxRate.day), col(FxRate.currency), col(FxRate.quote))
        .where(col(FxRate.day) <= until, col(FxRate.currency).in_({*currencies} - {EURO}))
        .order_by(col(FxRate.day))
    )
    days: dict[date, dict[str, str]] = defaultdict(dict)
    for day, currency, quote in (await db.execute(query)).all():
        days[day][currency] = quote
    return [Publication(day, quotes) for day, quotes in days.items()]


async def converted(db: AsyncConnection, process: str, lines: Sequence[str]) -> list[Converted]:
    """What was posted as *process*, or by one of the provider's *lines*; waits for others.

    Nobody else records a conversion until the transaction ends.
    """
    await db.execute(text("SELECT pg_advisory_xact_lock(:kind, 0)"), {"kind": _RECORDING})
    rows = await db.execute(_CONVERTED, {"process": process, "lines": list(lines)})
    return [Converted(*row) for row in rows.all()]
