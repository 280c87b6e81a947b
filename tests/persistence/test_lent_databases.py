"""The databases that tests use one after the other: each finds nothing of the one before."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from runtime.embedded import LocalPostgres
from tests.support.databases import Databases

_WORK = (
    "INSERT INTO alarms (kind, subject, detail, facts, raised_at)"
    " VALUES ('stuck', 'order/o-1', 'a row', '{}', now()) RETURNING id"
)


@pytest.fixture
async def databases(postgres: LocalPostgres, template_database: str) -> AsyncIterator[Databases]:
    own = Databases(postgres, template_database)
    yield own
    await own.close()


async def _asked(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_next_finds_an_empty_one_whose_numbers_begin_anew(databases: Databases) -> None:
    """A row that is left over would be found by whoever counts them."""
    url = await databases.lend()
    first = await _asked(url, _WORK)
    still_there = await asyncpg.connect(url.replace("+asyncpg", ""))
    await databases.take_back(url)
    again = await databases.lend()

    assert again == url
    assert still_there.is_closed() or not await _answers(still_there)
    assert await _asked(again, "SELECT count(*) FROM alarms") == 0
    assert await _asked(again, _WORK) == first
    await databases.take_back(again)


async def _answers(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    try:
        await connection.execute("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
        return False
    return True


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE order_money DROP CONSTRAINT order_money_holds_together",
        "CREATE SCHEMA skewed",
        "GRANT DELETE ON postings TO caravan_app",
    ],
)
async def test_one_whose_tables_were_altered_is_lent_to_nobody(
    databases: Databases, change: str
) -> None:
    """The next test would prove something about tables that nobody has."""
    url = await databases.lend()
    await _asked(url, change)
    await databases.take_back(url)
    other = await databases.lend()

    assert other != url
    await databases.take_back(other)
