"""The embedded servers: what a newcomer's machine runs."""

import asyncpg
import pytest
from temporalio.client import Client

from runtime.embedded import LocalPostgres, LocalTemporal


async def _ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_a_database_is_a_copy_of_its_template(postgres: LocalPostgres) -> None:
    """Tests begin with migrated tables without paying for the migrations each time."""
    original = await postgres.create_database("original")
    connection = await asyncpg.connect(original.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE parcels (id int)")
    await connection.close()

    copy = await postgres.create_database("copy", "original")

    assert await _ask(copy, "SELECT count(*) FROM parcels") == 0


async def test_the_server_knows_only_universal_time(postgres: LocalPostgres) -> None:
    """A time without a zone would otherwise mean what the machine's owner set."""
    assert await _ask(postgres.url(), "SHOW timezone") == "UTC"


async def test_nobody_gets_in_without_the_password(postgres: LocalPostgres) -> None:
    """Another account of the same machine could otherwise act as database superuser."""
    stranger = postgres.url().replace("+asyncpg", "").split("@")[1]

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://postgres:guess@{stranger}")


async def test_temporal_answers_once_it_is_started(temporal: LocalTemporal) -> None:
    """Whoever comes after the start needs no retries of its own."""
    client = await Client.connect(temporal.address)

    assert await client.service_client.check_health()
