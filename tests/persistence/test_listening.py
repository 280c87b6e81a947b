"""Whoever listens for the database's calls hears them, however its connection began."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from persistence.engine import connect
from runtime.relay.bell import Bell
from runtime.wakeups import Wakeups


@pytest.mark.parametrize(
    ("way", "channel"), [(Bell, "caravan_work"), (Wakeups, "caravan_timeline")]
)
async def test_a_connection_that_falls_before_it_listens_is_not_taken_for_one_that_does(
    database_url: str, way: type[Bell | Wakeups], channel: str
) -> None:
    """A process would go without calls for as long as it lives, and nobody would know."""
    engine, calling = connect(database_url), connect(database_url)
    falls = iter([True])

    @event.listens_for(engine.sync_engine, "checkout")
    def _(dbapi: Any, *_: object) -> None:  # noqa: ANN401 - the driver's
        if next(falls, False):
            dbapi.driver_connection.terminate()

    listening = way(engine)
    try:
        await listening.listen()
        await listening.listen()
        with _waiting(listening) as called:
            async with calling.begin() as db:
                await db.execute(text(f"SELECT pg_notify('{channel}', 'order/o-1')"))
            async with asyncio.timeout(5):
                await called.wait()
    finally:
        await listening.close()
        await asyncio.gather(engine.dispose(), calling.dispose())

    assert next(falls, "has fallen") == "has fallen"


@contextmanager
def _waiting(listening: Bell | Wakeups) -> Generator[asyncio.Event]:
    """An event that the next call sets."""
    if isinstance(listening, Wakeups):
        with listening.of("order/o-1") as called:
            yield called
        return
    called = listening.handle()
    called.clear()
    yield called
