"""Work for people that is overdue: alarmed about once, for as long as it is late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from domain.casework import MANNERS, WorkKind
from domain.dispute import moves
from domain.order.state import OrderState, Parked
from persistence import casework
from persistence.database import SqlDatabase
from persistence.engine import connect
from persistence.port import Event
from persistence.silence import SqlSilence
from tests.domain.disputes import after, in_review, opened

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ORDER = OrderState("o-1", "b-1", "s-1", "EUR", 10_000, NOON, version=1)
_OPEN = "SELECT subject, detail FROM alarms WHERE kind = 'work_overdue' AND cleared_at IS NULL"


async def test_overdue_work_is_alarmed_about_once_until_it_is_done(database_url: str) -> None:
    """Somebody outside the queue must hear that nobody looks into it."""
    engine = connect(database_url)
    silence, books = SqlSilence(engine), SqlDatabase(engine)
    late = NOON + MANNERS[WorkKind.PARKED].within + timedelta(minutes=1)
    parked = replace(ORDER, parked=Parked("payment.refund", "refused", "key", NOON))
    async with books.transaction() as tx:
        await tx.story.tell(parked, Event("order.parked", NOON))
    before = await silence.overdue(NOON + timedelta(hours=1))
    first, again = await silence.overdue(late), await silence.overdue(late)
    async with engine.connect() as db:
        raised = (await db.execute(text(_OPEN))).all()
    async with books.transaction() as tx:
        await tx.story.tell(replace(ORDER, version=2), Event("order.resumed", late))
    done = await silence.overdue(late)
    async with engine.connect() as db:
        left = (await db.execute(text(_OPEN))).all()
    await engine.dispose()

    assert (before, first, again, done) == (0, 1, 0, 0)
    assert [tuple(row) for row in raised] == [("order/o-1", "work for a person is overdue: parked")]
    assert left == []


async def test_what_a_dispute_waits_for_is_in_the_queue_while_it_waits(database_url: str) -> None:
    """Kept with the view: a judge finds the case, and not once it is decided."""
    engine = connect(database_url)
    found: list[list[str]] = []
    states = [
        opened(),
        in_review(),
        moves.paused(in_review(), "dp_1", after(days=5)),
    ]
    for version, state in enumerate(states, 1):
        async with SqlDatabase(engine).transaction() as tx:
            await tx.story.tell_dispute(replace(state, version=version))
        async with engine.connect() as db:
            items = await casework.of_subject(db, "dispute/d-1")
        found.append([item.kind for item in items])
    await engine.dispose()

    assert found == [[], [WorkKind.RULING], []]
