"""From a buyer's euros to a seller's yuan: one life in two currencies, and the rates behind it."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.fx import Fetched
from activities.reconciliation import Reconciled, ReconciliationActivities
from activities.upkeep import Upkeep
from domain.errors import AlreadyExists
from domain.fx.conversions import Conversion, Side
from domain.fx.rates import expected_day
from domain.order.state import Outcome
from domain.payout.state import Stage
from persistence.books import SqlBooks
from runtime import treasury
from runtime.schedules import FX_RATES, ensure_schedules
from tests.support.marketplace import SUPPORT, Marketplace, open_marketplace
from tests.support.sandbox import Json, SandboxProcess, SandboxWorld
from tests.support.stack import FreshDatabase
from workflows.fx.workflow import FxRatesWorkflow
from workflows.order import messages as said
from workflows.payout.messages import StartPayout
from workflows.payout.workflow import PayoutWorkflow

pytestmark = pytest.mark.case(9)


@pytest.fixture
async def abroad(
    fresh_database: FreshDatabase, address: str, tmp_path: Path
) -> AsyncGenerator[Marketplace]:
    """A marketplace with a provider of its own, and a seller who settles in yuan: s-cn."""
    process = SandboxProcess(tmp_path / "sandbox").start()
    try:
        async with (
            SandboxWorld(process.place) as world,
            open_marketplace(await fresh_database(), address, world) as market,
        ):
            await market.seller("s-cn", settles_in="CNY")
            yield market
    finally:
        process.stop()


async def released(market: Marketplace, total: int = 20_000) -> datetime:
    """Let an order in euros live to its end; returns the instant of its release."""
    order = await market.order("s-cn", total=total)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=5)
    ended = await order.skip_to_end()
    assert ended.ended_at is not None
    assert ended.outcome is Outcome.COMPLETED
    return ended.ended_at


async def payable(market: Marketplace) -> int:
    rows = await market.rows(
        "SELECT -sum(amount) FROM legs WHERE kind = 'seller_payable' AND currency = 'CNY'"
    )
    return int(rows[0][0])


def conversion_of(made: Json, at: datetime) -> Conversion:
    """What an operator reads off the provider's dashboard."""
    sold, bought = (_side(made[half]) for half in ("sold", "bought"))
    return Conversion(made["id"], "stripe", sold, bought, at)


def _side(half: Json) -> Side:
    return Side(half["amount"], half["currency"].upper(), half["balance_transaction"])


async def recorded(market: Marketplace, conversion: Conversion) -> None:
    async with market.engine.begin() as db:
        await treasury.record(db, conversion, "operator:op-1")


async def test_a_life_from_euros_to_yuan_agrees_with_the_providers_books(
    abroad: Marketplace,
) -> None:
    """Paid in one currency, short of the other, converted, paid out: both books to the last fen."""
    as_of = await released(abroad)
    due = await payable(abroad)
    name = f"s-cn/{abroad.task_queue}-CNY"
    with abroad.skipper.with_time_skipping_disabled():
        payout = await abroad.skipper.client.start_workflow(
            PayoutWorkflow.run,
            StartPayout(name, "s-cn", "CNY", as_of),
            id=f"payout/{name}",
            task_queue=abroad.task_queue,
        )
    await asyncio.sleep(1.5)
    waiting = await payout.query(PayoutWorkflow.snapshot)
    made = await abroad.world.convert((18_400, "eur"), (due, "cny"))
    await recorded(abroad, conversion_of(made, as_of))
    await abroad.skipper.fast_forward(payout)
    paid = await payout.result()
    books = ReconciliationActivities(SqlBooks(abroad.engine), abroad.gateway)
    report = await books.compared(datetime.now(UTC), grace=timedelta(0))

    assert waiting.stage is Stage.DUE, "the provider has no yuan yet: asked again, never lost"
    assert (paid.stage, paid.gross, paid.currency) == (Stage.SETTLED, due, "CNY")
    assert report.breaks == ()
    assert report.matches
    assert await SqlBooks(abroad.engine).breaches(as_of) == []


async def test_a_conversion_that_nobody_recorded_is_found(abroad: Marketplace) -> None:
    """Money that changed its currency behind our back looks like money that is gone."""
    await released(abroad)
    made = await abroad.world.convert((1_000, "eur"), (8_200, "cny"))
    later = datetime.now(UTC) + timedelta(days=1)
    books = ReconciliationActivities(SqlBooks(abroad.engine), abroad.gateway)
    before: Reconciled = await ActivityEnvironment().run(books.reconcile, Upkeep(later))
    await recorded(abroad, conversion_of(made, later))
    after: Reconciled = await ActivityEnvironment().run(
        books.reconcile, Upkeep(later + timedelta(days=2))
    )

    assert (before.breaks, after.breaks) == (2, 0)
    assert await abroad.rows("SELECT 1 FROM alarms WHERE cleared_at IS NULL") == []


async def test_a_conversion_is_recorded_once(abroad: Marketplace) -> None:
    """The same one again changes nothing; its reference or its lines for another are refused."""
    await released(abroad)
    at = datetime.now(UTC)
    made = conversion_of(await abroad.world.convert((1_000, "eur"), (8_200, "cny")), at)
    other = Side(8_300, "CNY", made.bought.line)
    await recorded(abroad, made)
    await recorded(abroad, made)
    for changed in (
        Conversion(made.reference, "stripe", made.sold, other, at),
        Conversion("fxc_other", "stripe", made.sold, made.bought, at),
    ):
        with pytest.raises(AlreadyExists):
            await recorded(abroad, changed)
    rows = await abroad.rows("SELECT count(*) FROM postings WHERE kind = 'conversion'")

    assert rows[0][0] == 2


async def test_a_refund_in_protection_goes_back_in_euros(abroad: Marketplace) -> None:
    """The buyer is owed what the buyer paid; the seller's currency has nothing to do with it."""
    order = await abroad.order("s-cn", total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=2), 4_000))
    await order.delivered(days=5)
    ended = await order.skip_to_end()
    sums = await abroad.rows(
        "SELECT currency, kind, -sum(amount)::bigint FROM legs WHERE kind IN"
        " ('fx_result', 'seller_payable', 'commission') GROUP BY 1, 2 ORDER BY 1, 2"
    )

    assert ended.exchange is not None
    assert [tuple(row) for row in sums] == [
        ("CNY", "fx_result", -ended.exchange.settled(5_520)),
        ("CNY", "seller_payable", ended.exchange.settled(5_520)),
        ("EUR", "commission", 480),
        ("EUR", "fx_result", 5_520),
    ]


async def test_the_rates_are_learned_on_a_schedule(abroad: Marketplace) -> None:
    """Nobody has to remember it, and a run that comes twice learns nothing twice."""
    await ensure_schedules(abroad.client, abroad.task_queue)
    described = await abroad.client.get_schedule_handle(FX_RATES).describe()
    fetched: list[Fetched] = [
        await abroad.client.execute_workflow(
            FxRatesWorkflow.run,
            id=f"{FX_RATES}-{abroad.task_queue}-{number}",
            task_queue=abroad.task_queue,
        )
        for number in (1, 2)
    ]

    (spec,) = described.schedule.spec.intervals
    assert spec.every == timedelta(hours=1)
    assert fetched[0].new > 50
    assert fetched[1] == Fetched(0, expected_day(datetime.now(UTC)).isoformat(), is_late=False)
