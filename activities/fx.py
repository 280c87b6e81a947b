"""Reference rates are learned as they are published, day by day, each day once."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from temporalio import activity

from adapters.errors import Outage
from adapters.fx.port import RateSource
from domain.fx.calendar import target_day_before
from domain.fx.rates import Publication, expected_day
from persistence.port import Database, Transaction

# Publications have been hours late; a day that lacks for longer needs a person's look.
_LATE_AFTER: Final = timedelta(hours=6)
# Days of publication before the newest one that must be known, or the longer file is read.
_LOOKED_BACK: Final = 10
_LATE: Final = "fx_rates_late"
_DIFFER: Final = "fx_rates_differ"
_SUBJECT: Final = "fx_rates"

log = structlog.get_logger()


@dataclass(frozen=True)
class FetchRates:
    """Learn what has been published by a moment of business time (UTC)."""

    at: datetime


@dataclass(frozen=True)
class Fetched:
    """What was learned: how many days are new, the newest day known, and whether one is late."""

    new: int
    newest: str
    is_late: bool


class FxActivities:
    """Keeps the table of rates as new as the source."""

    def __init__(self, database: Database, source: RateSource) -> None:
        """Write to *database* what *source* has published."""
        self._database = database
        self._source = source

    @activity.defn(name="fx.fetch")
    async def fetch(self, request: FetchRates) -> Fetched:
        """Learn what is new. Safe to repeat: a day that is known stays as it was published first.

        A day whose rates are six hours late raises an alarm, which its rates clear; a rate that
        was published again with another figure raises one that a person clears.
        """
        try:
            new = await learn(self._database, self._source, request.at)
        except Outage:
            async with self._database.transaction() as tx:
                await _see_lateness(tx, request.at)
            raise
        async with self._database.transaction() as tx:
            is_late = await _see_lateness(tx, request.at)
            newest = await tx.rates.newest((), request.at.date() + timedelta(days=1))
        log.info("fx_rates.fetched", new=new, late=is_late)
        return Fetched(new, newest.day.isoformat() if newest else "", is_late)


async def try_to_learn(database: Database, source: RateSource, at: datetime) -> None:
    """Learn what *source* has published, as far as it answers; an outage is no failure here."""
    try:
        await learn(database, source, at)
    except Outage as outage:
        log.warning("fx_rates.unavailable", why=str(outage))


async def learn(database: Database, source: RateSource, at: datetime) -> int:
    """Put on record what *source* has published; returns how many days are new.

    One small file brings the newest day. Where one of the ten before it lacks, the file of the last
    90 days fills the gap.
    """
    newest = await source.newest()
    async with database.transaction() as tx:
        is_gapless = await _knows_all_before(tx, newest.day)
        new = await _taken(tx, newest, at)
    if is_gapless:
        return int(new)
    recent = await source.recent()
    async with database.transaction() as tx:
        return new + sum([await _taken(tx, publication, at) for publication in recent])


async def _knows_all_before(tx: Transaction, day: date) -> bool:
    for _ in range(_LOOKED_BACK):
        day = target_day_before(day)
        if not await tx.rates.knows(day):
            return False
    return True


async def _taken(tx: Transaction, publication: Publication, at: datetime) -> bool:
    is_new = not await tx.rates.knows(publication.day)
    differing = await tx.rates.publish(publication)
    if differing:
        facts: dict[str, str | int] = {"currencies": ", ".join(differing)}
        words = "rates were published again with other figures; the first ones stand"
        await tx.story.alarm(_DIFFER, f"{_SUBJECT}/{publication.day}", words, at, facts)
    return is_new


async def _see_lateness(tx: Transaction, at: datetime) -> bool:
    day = expected_day(at - _LATE_AFTER)
    if await tx.rates.knows(day):
        await tx.story.clear(_LATE, _SUBJECT, at)
        return False
    facts: dict[str, str | int] = {"day": day.isoformat()}
    await tx.story.alarm(_LATE, _SUBJECT, f"the rates of {day} have not come", at, facts)
    return True
