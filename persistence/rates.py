"""Reference rates and orders' exchanges in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Final

from sqlalchemy import Date, bindparam, exists, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.fx.rates import EURO, Exchange, Publication
from persistence.session import Session
from persistence.tables.fx import FxRate, OrderExchange

_EXCHANGE: Final = tuple(col(getattr(OrderExchange, item.name)) for item in fields(Exchange))

# A day's rates at once, in an order that all writers share.
_PUBLISHING: Final = text("""
    INSERT INTO fx_rates (day, currency, quote)
    SELECT :day, currency, quote FROM jsonb_each_text(:quotes) AS told (currency, quote)
    ORDER BY currency
    ON CONFLICT DO NOTHING
""").bindparams(bindparam("day", type_=Date), bindparam("quotes", type_=JSONB))


class SqlRates:
    """Keeps `persistence.port.Rates` inside one open transaction."""

    def __init__(self, session: Session | AsyncConnection) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def publish(self, publication: Publication) -> Sequence[str]:
        """Write the day's rates that are not there; name those that are there and differ."""
        if not publication.quotes:
            return []
        told = {"day": publication.day, "quotes": dict(publication.quotes)}
        await self._session.execute(_PUBLISHING, told)
        kept = await self._quotes(publication.day)
        return [
            currency
            for currency, quote in sorted(publication.quotes.items())
            if kept[currency] != quote
        ]

    async def knows(self, day: date) -> bool:
        """Whether any rate of that day is there."""
        found = await self._session.execute(select(exists().where(col(FxRate.day) == day)))
        return bool(found.scalar_one())

    async def newest(self, currencies: Sequence[str], until: date) -> Publication | None:
        """The newest day that has them all, with every rate of it."""
        wanted = sorted({*currencies} - {EURO})
        query = select(col(FxRate.day)).where(col(FxRate.day) <= until)
        if wanted:
            query = query.where(col(FxRate.currency).in_(wanted)).group_by(col(FxRate.day))
            query = query.having(func.count() == len(wanted))
        found = await self._session.execute(query.order_by(col(FxRate.day).desc()).limit(1))
        day = found.scalar_one_or_none()
        return None if day is None else Publication(day, await self._quotes(day))

    async def _quotes(self, day: date) -> dict[str, str]:
        rows = await self._session.execute(
            select(col(FxRate.currency), col(FxRate.quote)).where(col(FxRate.day) == day)
        )
        return {row[0]: row[1] for row in rows.all()}

    async def exchange(self, order: str) -> Exchange | None:
        """The rate of the order."""
        found = await self._session.execute(
            select(*_EXCHANGE).where(col(OrderExchange.order) == order)
        )
        row = found.one_or_none()
        return None if row is None else Exchange(*row)

    async def fix(self, order: str, exchange: Exchange) -> Exchange:
        """Write it, or return the one that is there."""
        await self._session.execute(
            insert(OrderExchange).values(order=order, **vars(exchange)).on_conflict_do_nothing()
        )
        return await self.exchange(order) or exchange
