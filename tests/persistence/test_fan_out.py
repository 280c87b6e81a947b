"""Outgoing webhooks are written with the fact: both or neither, and at the same cost for all."""

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.order.state import OrderState
from persistence.database import SqlDatabase
from persistence.port import Event
from tests.support.hooking import AT, Hooking, open_hooking

_URL = "http://127.0.0.1:1/in"


@pytest.fixture
async def hooking(database_url: str) -> AsyncGenerator[Hooking]:
    """Endpoints over a database of the test's own."""
    async with open_hooking(database_url) as opened:
        yield opened


@contextmanager
def statements(engine: AsyncEngine) -> Generator[list[str]]:
    """Every statement that is sent to the database meanwhile, but for what transactions need."""
    sent: list[str] = []

    def keep(*told: object) -> None:
        sent.append(str(told[2]).split("\n", 1)[0])

    event.listen(engine.sync_engine, "before_cursor_execute", keep)
    yield sent
    event.remove(engine.sync_engine, "before_cursor_execute", keep)


async def test_an_event_costs_the_same_for_any_number_of_endpoints(hooking: Hooking) -> None:
    """An order's transaction holds locks: ten subscribers must not make it ten times as long."""
    counts: list[int] = []
    for number in range(3):
        with statements(hooking.engine) as sent:
            await hooking.happened(f"o-{number}", "order.delivered")
        counts.append(len(sent))
        for more in range(4):
            await hooking.endpoint(f"{_URL}{number}{more}", "*")

    # The view, the queue, the timeline, both letters and all webhooks together.
    assert counts == [1, 1, 1]
    assert [tuple(row) for row in await hooking.run(
        "SELECT subject, count(*) FROM webhook_deliveries GROUP BY 1 ORDER BY 1"
    )] == [("order/o-1", 4), ("order/o-2", 8)]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "is_told"),
    [
        (["*"], True),
        (["order.*"], True),
        (["order.paid"], True),
        (["payout.*", "order.paid"], True),
        (["order.shipped"], False),
        (["payout.*"], False),
        (["orders.*"], False),
    ],
)
async def test_an_endpoint_hears_what_it_asked_for(
    hooking: Hooking, wanted: list[str], *, is_told: bool
) -> None:
    """One kind, one family, or everything; nothing by half a name."""
    await hooking.endpoint(_URL, *wanted)
    await hooking.happened("o-1", "order.paid")

    assert len(await hooking.run("SELECT 1 FROM webhook_deliveries")) == is_told


async def test_what_did_not_happen_is_told_to_nobody(hooking: Hooking) -> None:
    """A transaction that is rolled back takes its words with it."""
    await hooking.endpoint(_URL)
    state = OrderState("o-1", "b-1", "s-1", "EUR", 100, AT, version=1)

    async def fails() -> None:
        async with SqlDatabase(hooking.engine).transaction() as tx:
            await tx.story.tell(state, Event("order.paid", AT))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()

    assert await hooking.run("SELECT 1 FROM webhook_deliveries") == []


async def test_a_step_that_runs_twice_tells_once(hooking: Hooking) -> None:
    """A repetition after a lost answer is the same event."""
    await hooking.endpoint(_URL)
    state = OrderState("o-1", "b-1", "s-1", "EUR", 100, AT, version=1)
    for _ in range(2):
        async with SqlDatabase(hooking.engine).transaction() as tx:
            await tx.story.tell(state, Event("order.paid", AT))

    assert len(await hooking.run("SELECT 1 FROM webhook_deliveries")) == 1


async def test_what_happens_together_is_told_in_its_order_and_only_what_is_new(
    hooking: Hooking,
) -> None:
    """One statement tells all of it: readers of the timeline must not see the end first."""
    await hooking.endpoint(_URL)
    state = OrderState("o-1", "b-1", "s-1", "EUR", 100, AT, version=1)
    kinds = ["order.paid", "order.ready_to_ship", "order.released", "order.ended"]
    for number in (1, len(kinds)):
        async with SqlDatabase(hooking.engine).transaction() as tx:
            await tx.story.tell(state, *(Event(kind, AT) for kind in kinds[:number]))

    told = await hooking.run("SELECT kind FROM timeline ORDER BY seq")
    heard = await hooking.run("SELECT kind FROM webhook_deliveries ORDER BY seq")
    letters = await hooking.run("SELECT template, audience FROM outbox ORDER BY seq")
    assert [kind for (kind,) in told] == [kind for (kind,) in heard] == kinds
    assert [tuple(row) for row in letters] == [
        ("order.paid", "buyer"),
        ("order.ready_to_ship", "seller"),
        ("order.released", "seller"),
    ]


async def test_a_disabled_endpoint_costs_no_row(hooking: Hooking) -> None:
    """Nor does it hear later what it was not to hear."""
    name, _ = await hooking.endpoint(_URL)
    await hooking.switch(name, on=False)
    await hooking.happened("o-1")

    assert await hooking.deliveries(name) == []


async def test_a_delivery_wakes_the_relay(hooking: Hooking) -> None:
    """An event goes out at once, not at the next look."""
    async with hooking.engine.connect() as db:
        found = await db.scalar(
            text("SELECT count(*) FROM pg_trigger WHERE tgname = 'webhook_deliveries_wake'")
        )

    assert found == 1
