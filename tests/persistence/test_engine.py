"""The pool of connections, where the server has ended some of them."""

import asyncio
import errno
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from persistence.engine import connect, looking
from persistence.outages import passes
from runtime.child import free_port

_RESTED = 1.1


async def backend(engine: AsyncEngine) -> int:
    """Which of the server's processes answers."""
    async with engine.connect() as db:
        return int((await db.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def test_a_connection_that_was_ended_while_it_rested_is_replaced(database_url: str) -> None:
    """A database that was restarted over night must not cost the first caller an error."""
    engine, other = connect(database_url), connect(database_url, as_owner=True)
    try:
        first = await backend(engine)
        async with other.connect() as db:
            await db.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        await asyncio.sleep(_RESTED)
        second = await backend(engine)
    finally:
        await engine.dispose()
        await other.dispose()

    assert second != first


async def test_a_connection_in_use_is_kept(database_url: str) -> None:
    """One that answers goes on being used, however long it has rested."""
    engine = connect(database_url)
    try:
        first = await backend(engine)
        await asyncio.sleep(_RESTED)

        assert await backend(engine) == first == await backend(engine)
    finally:
        await engine.dispose()


async def _fails_half_way(engine: AsyncEngine) -> None:
    """Raise an alarm, and then nothing comes of it."""
    alarm = text(
        "INSERT INTO alarms (kind, subject, detail, raised_at, facts)"
        " VALUES ('half-way', 's', '', now(), '{}')"
    )
    async with engine.begin() as db:
        await db.execute(alarm)
        raise ZeroDivisionError


async def test_a_look_leaves_the_connection_as_transactions_need_it(database_url: str) -> None:
    """One pool serves both: what fails half-way must be undone, whoever had it before."""
    engine = connect(database_url, pool_size=1)
    count = text("SELECT count(*), pg_backend_pid() FROM alarms WHERE kind = 'half-way'")
    try:
        async with looking(engine) as db:
            before = (await db.execute(count)).one()
        with pytest.raises(ZeroDivisionError):
            await _fails_half_way(engine)
        async with looking(engine) as db:
            after = (await db.execute(count)).one()
    finally:
        await engine.dispose()

    # By one and the same connection.
    assert after == before
    assert after[0] == 0


@pytest.mark.parametrize(
    ("statement", "is_outage"),
    [
        ("SELECT :said FROM nowhere", False),
        ("SELECT pg_terminate_backend(pg_backend_pid()), :said", True),
    ],
    ids=["a mistake of ours", "an end of the connection"],
)
async def test_a_failure_says_whether_it_passes_and_not_what_was_said(
    database_url: str, statement: str, *, is_outage: bool
) -> None:
    """What fails is logged, and a reason that somebody gave may hold anything."""
    engine = connect(database_url, as_owner=True)
    try:
        async with engine.connect() as db:
            with pytest.raises(DBAPIError) as failed:
                await db.execute(text(statement), {"said": "my card is 4929482911112222"})
    finally:
        await engine.dispose()

    assert passes(failed.value) is is_outage
    assert "4929482911112222" not in str(failed.value)


async def test_a_value_that_cannot_be_sent_is_a_mistake_and_no_outage(database_url: str) -> None:
    """Tried again it fails again: it must be parked and seen, not put off for ever."""
    engine = connect(database_url)
    try:
        async with engine.connect() as db:
            with pytest.raises(DBAPIError) as failed:
                await db.execute(text("SELECT CAST(:version AS integer)"), {"version": 2**31})
    finally:
        await engine.dispose()

    assert not passes(failed.value)


@pytest.mark.parametrize("where", ["127.0.0.1", "localhost", "nowhere.invalid"])
async def test_a_database_that_cannot_be_reached_is_an_outage(where: str) -> None:
    """Refused at each address, or without one: a relay must wait for it, and give nothing up."""
    engine = connect(f"postgresql://caravan@{where}:{free_port()}/caravan")
    try:
        with pytest.raises(OSError) as failed:  # noqa: PT011 - by which kind of it differs
            async with engine.connect():
                pass
    finally:
        await engine.dispose()

    assert passes(failed.value)


@pytest.mark.parametrize("lacking", ["missing", "."])
def test_a_file_that_cannot_be_read_is_a_mistake_and_no_outage(
    tmp_path: Path, lacking: str
) -> None:
    """It is the same kind of error to Python; but waiting mends neither."""
    with pytest.raises(OSError) as failed:  # noqa: PT011 - by which kind of it differs
        (tmp_path / lacking).read_bytes()

    assert not passes(failed.value)


@pytest.mark.parametrize(
    "said",
    [
        OSError("Multiple exceptions: [Errno 111] ('::1', 1), [Errno 113] ('10.0.0.1', 1)"),
        OSError(errno.EHOSTUNREACH, "no route to host"),
        OSError(errno.ENOSPC, "no space left on device"),
    ],
)
def test_what_the_network_says_without_a_kind_is_an_outage_as_well(said: OSError) -> None:
    """A host of which each address fails in its own way is still only away."""
    assert passes(said)
