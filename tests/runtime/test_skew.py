"""The database's clock is an hour off, and nobody notices."""

from datetime import timedelta

import asyncpg
import pytest

from domain.order.state import Fulfilment, OrderState, Outcome
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace
from tests.support.stack import FreshDatabase

# What the tables say by themselves (`recorded_at`) keeps the server's own clock.
_ANOTHER_CLOCK = """
    CREATE SCHEMA skewed;
    GRANT USAGE ON SCHEMA skewed TO PUBLIC;
    CREATE FUNCTION skewed.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT pg_catalog.now() + interval '{hours} hours' $$;
    ALTER DATABASE "{name}" SET search_path = skewed, pg_catalog, public
"""


@pytest.fixture(params=[-1, 1], ids=["an hour late", "an hour early"])
async def database_url(fresh_database: FreshDatabase, request: pytest.FixtureRequest) -> str:
    """A database whose statements read another time than the worker does."""
    url = await fresh_database()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        name = url.rpartition("/")[2]
        await connection.execute(_ANOTHER_CLOCK.format(hours=request.param, name=name))
    finally:
        await connection.close()
    return url


async def _lived(market: Marketplace, dispatch: Dispatch) -> tuple[OrderState, timedelta]:
    """An order that lives on webhooks; its end, and how far off the database's clock is."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    await dispatch.news()
    await order.until(lambda state: state.captured > 0)
    state = await order.shipped(days=1)
    await market.world.deliver(state.parcels[0].carrier, state.parcels[0].number, city="Hamburg")
    dispatch.clock.at = order.at(days=2)
    await dispatch.news()
    await order.until(lambda state: state.fulfilment is Fulfilment.DELIVERED)
    await order.confirmed(days=3)
    ((off,),) = await market.rows("SELECT now() - pg_catalog.now()")
    return await order.skip_to_end(), off


async def test_deadlines_and_books_go_by_the_business_and_queues_by_one_clock(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Two clocks that differ must not delay news, hide a message, or move a date in the books."""
    ended, off = await _lived(market, dispatch)
    waiting = await market.rows("SELECT 1 FROM inbox WHERE state = 'waiting'")
    ((last,),) = await market.rows("SELECT max(effective_at) FROM postings")

    assert abs(off) == timedelta(hours=1)
    assert ended.outcome is Outcome.COMPLETED
    assert waiting == []
    # Confirmed on the third day, protected for fifteen more.
    assert ended.ended_at == last == ended.placed_at + timedelta(days=18)
