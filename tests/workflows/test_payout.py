"""A seller's money on its way to the bank, and what comes back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.actors import Actor
from domain.payout.state import PayoutState, Resolution, Stage
from runtime.desk import Ask, Desk
from tests.support.marketplace import OPERATOR, SUPPORT, Marketplace
from workflows.payout.messages import PayoutChanged, ResolvePayout, StartCycle, StartPayout
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


@pytest.mark.case(58)
async def test_an_account_changed_between_two_tries_is_not_paid_by_either(
    market: Marketplace,
) -> None:
    """The old one was given up by its owner, and the new one has not cooled down."""
    as_of = await earned(market, 20_000)
    await market.world.fault("error", "POST /v1/payouts", status=503, times=1)
    handle = await payout(market, as_of)
    async with asyncio.timeout(20):
        while not await market.rows("SELECT 1 FROM effects WHERE kind = 'payout'"):
            await asyncio.sleep(0.01)
    async with market.engine.begin() as db:
        await db.exec_driver_sql("UPDATE sellers SET account = 'acct_other'")
    held = await stage(market, handle)

    assert (held.stage, held.reason) == (Stage.WITHHELD, "bank_details_changed")
    assert held.account == market.accounts["s-1"]
    assert (await market.balances())["seller_payable/s-1"] == 18_400
    assert "provider_clearing/stripe:acct_other" not in await market.balances()


async def parked(market: Marketplace, route: str = "POST /v1/transfers") -> PayoutHandle:
    """A payout whose five tries have failed, the provider being back when it is looked at."""
    as_of = await earned(market, 20_000)
    await market.world.fault("error", route, status=503)
    handle = await payout(market, as_of)
    await market.skipper.fast_forward(handle, timedelta(minutes=30))
    async with asyncio.timeout(20):
        while (await handle.query(PayoutWorkflow.snapshot)).parked is None:
            await asyncio.sleep(0.02)
        while not await market.rows("SELECT 1 FROM alarms WHERE cleared_at IS NULL"):
            await asyncio.sleep(0.02)
    await market.world.clear_faults()
    return handle


async def said(
    handle: PayoutHandle, resolution: Resolution, actor: Actor = OPERATOR
) -> PayoutState:
    """An operator's word, and how the payout stands once it was obeyed."""
    word = ResolvePayout(actor, datetime.now(UTC), resolution, "case 4711")
    state: PayoutState = await handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
        "resolve", word, result_type=PayoutState
    )
    return state


async def test_five_tries_park_a_payout_and_an_operator_lets_it_go_on(
    market: Marketplace,
) -> None:
    """Who said so, and why, is found afterwards; the view shows why it stood still."""
    handle = await parked(market)
    name = name_of(market)
    shown = await market.database_payout(name)
    tries = await market.rows("SELECT 1 FROM effects WHERE kind = 'transfer'")
    resumed = await said(handle, Resolution.RETRY)
    sent = await stage(market, handle)
    story = await market.rows(
        "SELECT kind, actor, facts->>'note' AS note FROM timeline WHERE subject = :subject"
        " AND kind = 'payout.resolved'",
        subject=f"payout/{name}",
    )

    assert shown.parked is not None
    assert shown.parked.may == ("retry", "void", "settle_by_hand")
    assert shown.gross == 18_400
    assert len(tries) == 1
    assert resumed.parked is None
    assert (sent.stage, sent.parked) == (Stage.SENT, None)
    assert [tuple(row) for row in story] == [("payout.resolved", "operator:op-1", "case 4711")]
    assert await market.rows("SELECT 1 FROM alarms WHERE cleared_at IS NULL") == []
    assert (await market.database_payout(name)).stage is Stage.SENT


@pytest.mark.parametrize(
    ("resolution", "ends", "payable"),
    [(Resolution.VOID, Stage.WITHHELD, 18_400), (Resolution.SETTLE_BY_HAND, Stage.SETTLED, None)],
)
async def test_an_operator_ends_a_parked_payout_another_way(
    market: Marketplace, resolution: Resolution, ends: Stage, payable: int | None
) -> None:
    """Given back, or paid outside: the provider was asked first, and nothing of it is there."""
    handle = await parked(market)
    word = await said(handle, resolution)
    ended = await handle.result()

    assert word.stage is ended.stage is ends
    assert (await market.balances()).get("seller_payable/s-1") == payable
    assert await market.provider_effects(name_of(market)) == []
    assert (await market.database_payout(name_of(market))).stage is ends


async def test_the_desk_brings_an_operator_s_word_and_keeps_the_answer(
    market: Marketplace,
) -> None:
    """Over HTTP it is a request like any other: on record first, and answered once."""
    await parked(market)
    now = datetime.now(UTC)
    asked = Ask(
        caller="operator:op-1",
        route="payout.resolve",
        object=f"payout/{name_of(market)}",
        key="k-1",
        body_hash="h-1",
        command="payout.resolve",
        received_at=now,
        message=ResolvePayout(OPERATOR, now, Resolution.SETTLE_BY_HAND, "wire 4711"),
        person="s-1",
    )
    desk = Desk(market.engine, market.vault, market.client, market.task_queue, patience=20)
    answers = [await desk.ask(asked), await desk.ask(asked)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert answers[0].body["stage"] == "settled"
    assert answers[0].body["reference"] == "by_hand: wire 4711"


async def test_a_word_that_fails_parks_the_payout_again(market: Marketplace) -> None:
    """Void is only safe once the provider can be asked: until then it stays as it was."""
    handle = await parked(market, "POST /v1/transfers")
    await market.world.fault("error", "GET /v1/payouts", status=503)
    with market.skipper.with_time_skipping_disabled():
        asked = asyncio.create_task(said(handle, Resolution.VOID))
        await asyncio.sleep(1)
    await market.skipper.fast_forward(handle, timedelta(minutes=30))
    word = await asked

    assert word.stage is Stage.DUE
    assert (await handle.query(PayoutWorkflow.snapshot)).parked is not None
    assert (await market.balances())[f"payouts_in_transit/{name_of(market)}"] == 17_000


@pytest.mark.parametrize("why", ["another role", "not parked"])
async def test_a_word_that_may_not_be_said_changes_nothing(market: Marketplace, why: str) -> None:
    """A refusal is typed, so that the caller knows what to do about it."""
    if why == "another role":
        handle = await parked(market)
    else:
        handle = await payout(market, await earned(market, 20_000))
        await stage(market, handle)
    actor = SUPPORT if why == "another role" else OPERATOR
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await said(handle, Resolution.VOID, actor)
    code = "not-allowed" if why == "another role" else "illegal-transition"

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == code


@pytest.mark.case(52, 56)
async def test_a_result_that_is_unknown_for_days_is_asked_about_and_not_sent_again(
    market: Marketplace,
) -> None:
    """The transfer took place, its answer was lost, and the provider forgot the key meanwhile."""
    as_of = await earned(market, 20_000)
    name = name_of(market)
    await market.world.fault(
        "timeout_after_effect", "POST /v1/transfers$", key=name, times=1, seconds=12
    )
    handle = await payout(market, as_of)
    async with asyncio.timeout(30):
        while not any(fault["struck"] for fault in await market.world.faults()):
            await asyncio.sleep(0.05)
    await market.world.expire_keys()
    await market.world.fault("error", "v1/transfers", status=503)
    await market.skipper.fast_forward(handle, timedelta(days=4))
    stood = await handle.query(PayoutWorkflow.snapshot)
    await market.world.clear_faults()
    await market.skipper.fast_forward(handle, timedelta(hours=7))
    sent = await stage(market, handle)

    assert stood.stage is Stage.DUE
    assert stood.parked is not None
    assert (sent.stage, sent.net) == (Stage.SENT, 17_000)
    assert await market.provider_effects(name) == [("payout", -17_000), ("transfer", -17_000)]


async def test_a_cycle_of_one_policy_leaves_the_sellers_of_others(market: Marketplace) -> None:
    """Each policy has its own rhythm; a seller is paid by theirs alone."""
    await market.seller("s-2")
    as_of = max(await earned(market, 20_000), await earned(market, 30_000, "s-2"))
    async with market.engine.begin() as db:
        await db.exec_driver_sql("UPDATE sellers SET policy = 'demo' WHERE seller = 's-2'")
    cycle = market.task_queue
    started = await market.skipper.client.execute_workflow(
        PayoutCycleWorkflow.run,
        StartCycle(cycle, as_of, policy="demo"),
        id=f"payout-cycle/demo/{cycle}",
        task_queue=market.task_queue,
    )
    await market.client.get_workflow_handle(f"payout/s-2/{cycle}-EUR").result()
    paid = await market.rows("SELECT seller FROM payouts")

    assert started == 1
    assert [row.seller for row in paid] == ["s-2"]


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
