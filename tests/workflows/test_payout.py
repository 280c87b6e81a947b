"""A seller's money on its way to the bank, and what comes back."""

import asyncio
from datetime import datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle

from domain.payout.state import PayoutState, Stage
from tests.support.marketplace import Marketplace
from workflows.payout.messages import PayoutChanged, StartCycle, StartPayout
from workflows.payout.workflow import PayoutCycleWorkflow, PayoutWorkflow

PayoutHandle = WorkflowHandle[PayoutWorkflow, PayoutState]


async def earned(market: Marketplace, total: int = 20_000, seller: str = "s-1") -> datetime:
    """Let a seller earn from one order; returns the instant of its release."""
    order = await market.order(seller, total=total)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=5)
    ended = await order.skip_to_end()
    assert ended.ended_at is not None
    return ended.ended_at


def name_of(market: Marketplace) -> str:
    """A payout that no other test has."""
    return f"s-1/{market.task_queue}-EUR"


async def payout(market: Marketplace, as_of: datetime) -> PayoutHandle:
    """Start a payout whose clock stands still until the test moves it."""
    name = name_of(market)
    with market.skipper.with_time_skipping_disabled():
        handle: PayoutHandle = await market.skipper.client.start_workflow(
            PayoutWorkflow.run,
            StartPayout(name, name.split("/", maxsplit=1)[0], "EUR", as_of),
            id=f"payout/{name}",
            task_queue=market.task_queue,
        )
    return handle


async def stage(market: Marketplace, handle: PayoutHandle) -> PayoutState:
    """The payout once it has left the first stage."""
    async with asyncio.timeout(20):
        while (state := await handle.query(PayoutWorkflow.snapshot)).stage is Stage.DUE:
            await asyncio.sleep(0.02)
    return state


async def test_a_balance_goes_to_the_bank_less_the_fee(market: Marketplace) -> None:
    """Transfer, then payout; both accounts at the provider end where the ledger says."""
    as_of = await earned(market, 20_000)
    handle = await payout(market, as_of)
    await market.skipper.fast_forward(handle)
    paid = await handle.result()

    assert paid.stage is Stage.SETTLED
    assert (paid.gross, paid.fee) == (18_400, 1_400)
    balances = await market.balances()
    assert "seller_payable/s-1" not in balances
    assert f"payouts_in_transit/{name_of(market)}" not in balances
    assert balances["fees/"] == 1_400
    assert await market.provider_effects(name_of(market)) == [
        ("payout", -17_000),
        ("transfer", -17_000),
    ]


async def test_only_what_was_payable_by_then_is_paid(market: Marketplace) -> None:
    """A cycle ends at an instant: later earnings wait for the next one."""
    first = await earned(market, 20_000)
    await earned(market, 30_000)
    handle = await payout(market, first - timedelta(seconds=1))
    paid = await handle.result()

    assert (paid.stage, paid.reason) == (Stage.WITHHELD, "below_minimum")
    assert (await market.balances())["seller_payable/s-1"] == 46_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("standing = 'suspended'", "suspended"),
        ("account = ''", "details_missing"),
        ("bank_changed_at = now() + interval '30 days'", "bank_details_changed"),
    ],
)
async def test_what_may_not_be_paid_stays_payable(
    market: Marketplace, change: str, reason: str
) -> None:
    """The seller learns the reason; nothing was posted and nothing was sent."""
    as_of = await earned(market)
    async with market.engine.begin() as db:
        await db.exec_driver_sql(f"UPDATE sellers SET {change}")  # noqa: S608 - the test's own
    paid = await (await payout(market, as_of)).result()

    assert (paid.stage, paid.reason) == (Stage.WITHHELD, reason)
    assert (await market.balances())["seller_payable/s-1"] == 18_400
    assert await market.provider_effects(name_of(market)) == []


@pytest.mark.case(57)
async def test_a_payout_that_comes_back_is_payable_again(market: Marketplace) -> None:
    """A reversing entry, never an edit; the fee is not returned."""
    as_of = await earned(market, 20_000)
    handle = await payout(market, as_of)
    sent = await stage(market, handle)
    await market.world.fail_payout(sent.reference, "account_closed")
    await handle.signal(PayoutWorkflow.payout_changed, PayoutChanged("evt-back", as_of))
    back = await handle.result()

    assert (back.stage, back.reason) == (Stage.RETURNED, "account_closed")
    balances = await market.balances()
    assert balances["seller_payable/s-1"] == 17_000
    assert balances["fees/"] == 1_400
    assert await market.rows("SELECT kind FROM alarms") == [("payout_returned",)]


async def test_a_return_that_nobody_reported_is_found_before_it_settles(
    market: Marketplace,
) -> None:
    """The end of the watch looks at the provider once more."""
    as_of = await earned(market, 20_000)
    handle = await payout(market, as_of)
    sent = await stage(market, handle)
    await market.world.fail_payout(sent.reference)
    await market.skipper.fast_forward(handle)

    assert (await handle.result()).stage is Stage.RETURNED


async def test_a_payout_that_the_provider_refuses_gives_everything_back(
    market: Marketplace,
) -> None:
    """An account that takes no transfers: the balance stays the seller's, without a fee."""
    as_of = await earned(market, 20_000)
    await market.world.change_account(market.accounts["s-1"], transfers="inactive")
    paid = await (await payout(market, as_of)).result()

    assert paid.stage is Stage.WITHHELD
    assert (await market.balances())["seller_payable/s-1"] == 18_400
    assert "fees/" not in await market.balances()


async def test_a_payout_that_cannot_be_sent_for_days_calls_for_an_operator(
    market: Marketplace,
) -> None:
    """What was reserved stays reserved; at the operator's word it is sent, once."""
    as_of = await earned(market, 20_000)
    await market.world.fault("error", "POST /v1/transfers", status=503)
    handle = await payout(market, as_of)
    await market.skipper.fast_forward(handle, timedelta(days=3, minutes=5))
    open_alarms = "SELECT kind FROM alarms WHERE cleared_at IS NULL"
    async with asyncio.timeout(20):
        while not (alarms := await market.rows(open_alarms)):
            await asyncio.sleep(0.05)
    await market.world.clear_faults()
    await handle.signal(PayoutWorkflow.try_again, PayoutChanged("operator-1", as_of))
    sent = await stage(market, handle)

    assert alarms == [("parked",)]
    assert sent.stage is Stage.SENT
    assert await market.rows(open_alarms) == []
    assert await market.provider_effects(name_of(market)) == [
        ("payout", -17_000),
        ("transfer", -17_000),
    ]


async def test_an_account_changed_between_two_tries_is_not_the_one_that_is_paid(
    market: Marketplace,
) -> None:
    """The money went to the account that was checked; a retry must not book it on another."""
    as_of = await earned(market, 20_000)
    await market.world.fault("error", "POST /v1/payouts", status=503, times=2)
    handle = await payout(market, as_of)
    async with asyncio.timeout(20):
        while not await market.rows("SELECT 1 FROM effects WHERE kind = 'payout'"):
            await asyncio.sleep(0.01)
    async with market.engine.begin() as db:
        await db.exec_driver_sql("UPDATE sellers SET account = 'acct_other'")
    sent = await stage(market, handle)

    assert sent.account == market.accounts["s-1"]
    assert "provider_clearing/stripe:acct_other" not in await market.balances()


async def test_a_cycle_pays_every_seller_once(market: Marketplace) -> None:
    """Starting the same cycle again finds its payouts started."""
    await market.seller("s-2")
    as_of = max(await earned(market, 20_000), await earned(market, 30_000, "s-2"))
    cycle = market.task_queue
    runs = [
        market.skipper.client.execute_workflow(
            PayoutCycleWorkflow.run,
            StartCycle(cycle, as_of),
            id=f"payout-cycle/{cycle}/{run}",
            task_queue=market.task_queue,
        )
        for run in ("first", "at_once_again")
    ]
    assert 2 in await asyncio.gather(*runs)
    for seller in ("s-1", "s-2"):
        handle = market.client.get_workflow_handle(f"payout/{seller}/{cycle}-EUR")
        await handle.result()
    transfers = await market.rows("SELECT key FROM effects WHERE kind = 'transfer' ORDER BY key")

    assert transfers == [
        (f"payout/s-1/{cycle}-EUR/transfer/1",),
        (f"payout/s-2/{cycle}-EUR/transfer/1",),
    ]
