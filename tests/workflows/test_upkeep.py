"""What is looked after on a schedule: lost messages are made up for, books are checked."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import Reconciled, ReconciliationActivities
from activities.upkeep import Swept, Upkeep, UpkeepActivities
from domain.order.state import Fulfilment, OrderState, Outcome, Payment
from domain.payout.state import PayoutState, Stage
from persistence.books import SqlBooks
from persistence.engine import connect
from persistence.silence import SqlSilence
from tests.support.dispatch import Dispatch, dispatch_of
from tests.support.marketplace import SUPPORT, Marketplace, Placed, open_marketplace
from tests.support.receiver import Receiver
from tests.support.sandbox import SandboxPlace, SandboxProcess, SandboxWorld
from tests.support.stack import FreshDatabase
from tests.workflows.test_attempts import another_way, slip_out
from tests.workflows.test_authorisations import authorised
from workflows.order import messages as said
from workflows.payout.messages import PayoutChanged, StartPayout
from workflows.payout.workflow import PayoutWorkflow
from workflows.upkeep.workflow import BooksCheckWorkflow, SweepWorkflow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPlace]:
    """A world of this file's own: a sweep finds whatever others have left at the provider."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox")).start()
    yield process.place
    process.stop()


@pytest.fixture
async def dispatch(market: Marketplace) -> AsyncGenerator[Dispatch]:
    """Intake and relay, in a world where every webhook is lost on its way."""
    async with Receiver() as receiver:
        await market.world.tell(f"{receiver.url}/stripe", f"{receiver.url}/easypost")
        await market.world.fault("webhook_lose")
        yield dispatch_of(market, receiver)
        await market.world.tell()


async def swept(dispatch: Dispatch, at: datetime) -> Swept:
    """Sweep as of *at*, and relay what was found."""
    market = dispatch.market
    upkeep = UpkeepActivities(
        SqlSilence(market.engine), SqlBooks(market.engine), market.gateway, market.tracking
    )
    found: Swept = await ActivityEnvironment().run(upkeep.sweep, Upkeep(at))
    await dispatch.relay.drain()
    return found


async def paid_unheard(order: Placed) -> None:
    """The buyer pays, and nobody hears of it."""
    state = await order.until(lambda state: bool(state.intent))
    await order.market.world.pay(state.intent)


@pytest.mark.case(10)
async def test_a_payment_whose_webhook_is_lost_is_found_out(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Without it the buyer would have paid for an order that closes as unpaid."""
    order = await market.order(total=10_000)
    await paid_unheard(order)
    await dispatch.news()
    assert (await order.state()).payment is Payment.AWAITING
    found = await swept(dispatch, order.at(hours=1))
    paid = await order.until(lambda state: state.captured > 0)

    assert dispatch.receiver.received == [], "the world was to lose them"
    assert (found.payments, found.found) == (1, 1)
    assert paid.paid_at == order.at(hours=1)


@pytest.mark.case(2, 10)
async def test_a_second_payment_whose_webhook_is_lost_is_found_out(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """A debit beside the card arrives unheard: the sweep asks about it, and it goes back."""
    order, debit = await slip_out(market)
    await order.ask(another_way(order, hours=1))
    await swept(dispatch, order.at(hours=2))
    await order.until(lambda state: state.captured > 0)
    await market.world.arrive(debit)
    await swept(dispatch, order.at(days=2))
    state = await order.until(lambda state: not state.others)

    assert state.returns == 1


@pytest.mark.case(10, 11)
async def test_an_authorisation_that_lapsed_unheard_is_found_out(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Without it a seller would pack goods for a bank's word that has run out."""
    order = await authorised(market)
    await market.world.expire_authorisation((await order.state()).intent)
    await swept(dispatch, order.at(days=2))
    state = await order.until(lambda state: not state.authorised)

    assert state.payment is Payment.AWAITING


async def test_a_buyer_who_has_just_ordered_is_left_in_peace(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Polling every order all the time is what webhooks spare us and the provider."""
    order = await market.order()
    await paid_unheard(order)
    found = await swept(dispatch, order.at(minutes=20))

    assert found == Swept()


@pytest.mark.case(10)
async def test_a_parcel_whose_webhooks_are_lost_arrives_all_the_same(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Without it the buyer would be asked for goods that came weeks ago."""
    order = await market.order()
    await paid_unheard(order)
    await swept(dispatch, order.at(hours=1))
    await order.until(lambda state: state.captured > 0)
    shipped = await order.shipped(days=1)
    parcel = (shipped.parcels[0].carrier, shipped.parcels[0].number)
    await market.world.scan(*parcel, "in_transit", at=order.at(days=2).isoformat())
    first = await swept(dispatch, order.at(days=2, hours=1))
    await order.until(lambda state: state.fulfilment is Fulfilment.IN_TRANSIT)
    again = await swept(dispatch, order.at(days=3))
    await market.world.deliver(*parcel, at=order.at(days=4).isoformat(), country="DE")
    await swept(dispatch, order.at(days=4, hours=1))
    await order.until(lambda state: state.fulfilment is Fulfilment.DELIVERED)

    assert (first.parcels, first.found) == (1, 1)
    assert again.parcels == 1
    assert (await swept(dispatch, order.at(days=9))).parcels == 0, "delivered: nobody need ask"


async def test_the_same_state_is_found_out_once(market: Marketplace, dispatch: Dispatch) -> None:
    """A sweep that is repeated, as after a lost answer, must not tell its finds twice."""
    order = await market.order()
    await paid_unheard(order)
    upkeep = UpkeepActivities(
        SqlSilence(market.engine), SqlBooks(market.engine), market.gateway, market.tracking
    )
    runs: list[Swept] = [
        await ActivityEnvironment().run(upkeep.sweep, Upkeep(order.at(hours=1))) for _ in range(2)
    ]

    assert [run.found for run in runs] == [1, 0]


@pytest.mark.case(10)
async def test_a_refund_whose_end_is_lost_lets_the_order_end(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """An order ends only when no refund of it is open; a lost message must not keep it."""
    await market.world.change(auto_refunds=False)
    order = await market.order(total=10_000)
    await paid_unheard(order)
    await swept(dispatch, order.at(hours=1))
    await order.until(lambda state: state.captured > 0)
    await _refunded(order, 10_000)
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    still = await swept(dispatch, order.at(days=2))
    await market.world.succeed_refund(reference)
    found = await swept(dispatch, order.at(days=3))
    ended = await order.handle.result()

    assert (still.refunds, still.found) == (1, 0)
    assert (found.refunds, found.found) == (1, 1)
    assert ended.outcome is Outcome.REFUNDED


async def _refunded(order: Placed, amount: int) -> None:
    request = said.RefundOrder(SUPPORT, order.at(days=1), amount)
    handle: Any = order.handle
    await handle.execute_update("refund", request)


async def test_the_sweep_runs_as_a_process(market: Marketplace, dispatch: Dispatch) -> None:
    """Its schedule starts it without a word."""
    handle = await market.client.start_workflow(
        SweepWorkflow.run, id=f"sweep-{market.task_queue}", task_queue=market.task_queue
    )

    assert await handle.result() == Swept()


async def test_the_books_check_runs_as_a_process(market: Marketplace, dispatch: Dispatch) -> None:
    """And says that everything agrees when it does not find anything else."""
    handle = await market.client.start_workflow(
        BooksCheckWorkflow.run, id=f"books-{market.task_queue}", task_queue=market.task_queue
    )
    await handle.result()

    marks = await market.rows("SELECT name FROM marks ORDER BY name")
    assert [row.name for row in marks] == ["reconciled", "reconciled_whole"]


async def _reconciled(market: Marketplace, at: datetime) -> list[tuple[str, str]]:
    """Compare everything with the provider's books; the alarms that stand afterwards.

    The sandbox is shared: what other tests did there is not ours, and is left out.
    """
    steps = ReconciliationActivities(SqlBooks(market.engine), market.gateway)
    await ActivityEnvironment().run(steps.reconcile, Upkeep(at))
    alarms = await market.rows(
        "SELECT kind, subject FROM alarms WHERE cleared_at IS NULL AND subject LIKE 'order/%'"
        " ORDER BY kind"
    )
    own = tuple(f"order/{name}/" for name in market.of)
    return [(row.kind, row.subject) for row in alarms if row.subject.startswith(own)]


async def test_a_payment_that_we_never_posted_is_found_by_the_reconciliation(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The provider has the buyer's money and our books know nothing of it."""
    order = await market.order(total=10_000)
    await paid_unheard(order)
    late = order.at(days=1)
    before = await _reconciled(market, late)
    await swept(dispatch, order.at(hours=1))
    await order.until(lambda state: state.captured > 0)
    after = await _reconciled(market, late + timedelta(days=2))

    assert before == [("reconciliation.missing_here", f"order/{order.order}/take/1")]
    assert after == []


@pytest.fixture
async def own_market(
    fresh_database: FreshDatabase, address: str, tmp_path: Path
) -> AsyncGenerator[Marketplace]:
    """A marketplace whose provider serves nobody else, so that whole books can be compared."""
    process = SandboxProcess(tmp_path / "sandbox").start()
    try:
        async with (
            SandboxWorld(process.place) as world,
            open_marketplace(await fresh_database(), address, world) as market,
        ):
            await market.seller()
            yield market
    finally:
        process.stop()


async def _life(market: Marketplace, total: int) -> PayoutState:
    """Two orders, one partly refunded; both released; one payout, sent and come back."""
    ended: OrderState | None = None
    for part in (0, 2_500):
        order = await market.order(total=total)
        await order.paid(minutes=1)
        if part:
            await _refunded(order, part)
        await order.shipped(days=2)
        await order.delivered(days=5)
        ended = await order.skip_to_end()
    assert ended
    assert ended.ended_at
    name = f"s-1/{market.task_queue}-EUR"
    with market.skipper.with_time_skipping_disabled():
        payout = await market.skipper.client.start_workflow(
            PayoutWorkflow.run,
            StartPayout(name, "s-1", "EUR", ended.ended_at),
            id=f"payout/{name}",
            task_queue=market.task_queue,
        )
    while (state := await payout.query(PayoutWorkflow.snapshot)).stage is Stage.DUE:
        await asyncio.sleep(0.05)
    await market.world.fail_payout(state.reference)
    await payout.signal(PayoutWorkflow.payout_changed, PayoutChanged("evt-1", ended.ended_at))
    return await payout.result()


async def test_the_books_of_a_whole_life_agree_line_by_line(own_market: Marketplace) -> None:
    """Captures, refunds, transfers, payouts and their return: to the last minor unit."""
    payout = await _life(own_market, 20_000)
    books = ReconciliationActivities(SqlBooks(own_market.engine), own_market.gateway)
    report = await books.compared(datetime.now(UTC), grace=timedelta(0))

    assert payout.stage is Stage.RETURNED
    assert report.breaks == ()
    assert report.matches
    assert {total.account: total.theirs for total in report.totals} == {
        "": (await own_market.balances())["provider_clearing/stripe"] * -1,
        payout.account: 0,
    }
    assert await SqlBooks(own_market.engine).breaches(datetime.now(UTC)) == []


async def test_a_difference_raises_an_alarm_that_names_posting_and_line(
    own_market: Marketplace,
) -> None:
    """Somebody has to find the one entry among millions."""
    order = await own_market.order(total=10_000)
    await order.paid(minutes=1)
    await _tampered(own_market, "UPDATE legs SET amount = amount + 5 WHERE kind LIKE 'provider%'")
    now = datetime.now(UTC)
    books = ReconciliationActivities(SqlBooks(own_market.engine), own_market.gateway)
    done: Reconciled = await ActivityEnvironment().run(books.reconcile, Upkeep(now))
    again: Reconciled = await ActivityEnvironment().run(books.reconcile, Upkeep(now))

    (alarm,) = await own_market.rows(
        "SELECT subject, detail, facts FROM alarms WHERE kind = 'reconciliation.different'"
    )
    assert alarm.subject == f"order/{order.order}/take/1"
    assert alarm.facts["postings"][0].startswith(f"order/{order.order}/capture/pi_")
    assert alarm.facts["lines"].startswith("txn_")
    assert (done.breaks, again.breaks) == (1, 1)
    assert done.new > 0
    assert again.new == 0, "it is known already"


async def test_one_account_that_nobody_knows_hides_no_other(own_market: Marketplace) -> None:
    """A seller's typing mistake, and nobody's money would be compared any more."""
    await own_market.seller("s-mistyped")
    async with own_market.engine.begin() as db:
        wrong = "UPDATE sellers SET account = 'acct_1Mistyped' WHERE seller = 's-mistyped'"
        await db.execute(text(wrong))
    order = await own_market.order(total=10_000)
    await order.paid(minutes=1)
    books = ReconciliationActivities(SqlBooks(own_market.engine), own_market.gateway)
    without = await books.compared(datetime.now(UTC), grace=timedelta(0))
    there = "UPDATE legs SET owner = 'stripe:acct_1Mistyped' WHERE kind LIKE 'provider%'"
    await _tampered(own_market, there)
    moved = await books.compared(datetime.now(UTC), grace=timedelta(0))

    assert without.matches
    assert {(one.account, str(one.kind)) for one in moved.breaks} == {
        ("", "missing_here"),
        ("acct_1Mistyped", "missing_there"),
    }


async def _tampered(market: Marketplace, statement: str) -> None:
    """Change the books as nobody can who has only the application's rights."""
    engine = connect(market.engine.url.render_as_string(hide_password=False), as_owner=True)
    async with engine.begin() as db:
        await db.execute(text("SET session_replication_role = replica"))
        await db.execute(text(statement))
    await engine.dispose()
