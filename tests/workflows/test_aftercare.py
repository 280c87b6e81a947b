"""Facts that come after their process has ended are cared for all the same."""

import asyncio
from datetime import timedelta

import pytest

from domain.order.state import Outcome
from tests.support.marketplace import SUPPORT, Marketplace, Placed
from tests.workflows.test_parcels import on_its_way
from workflows.aftercare.messages import LateFact
from workflows.aftercare.workflow import AftercareWorkflow
from workflows.order import messages as said


async def cared_for(market: Marketplace, order: Placed, *events: str) -> list[str]:
    """Give aftercare the facts, as the relay does when an execution has ended."""
    subject = f"order/{order.order}"
    facts = [
        LateFact(name, "payment_intent.succeeded", subject, "", order.at(days=20))
        for name in events
    ]
    handle = await market.client.start_workflow(
        AftercareWorkflow.run,
        subject,
        id=f"aftercare/{subject}",
        task_queue=market.task_queue,
        start_signal="fact_arrived",
        start_signal_args=[facts[0]],
    )
    for fact in facts[1:]:
        await handle.signal(AftercareWorkflow.fact_arrived, fact)
    return await handle.result()


async def unpaid_in_time(market: Marketplace) -> Placed:
    """An order whose bank slip was still on its way when even the longer window had closed."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent, "pm_sepa_debit")
    ended = await order.skip_to_end()
    assert ended.outcome is Outcome.NEVER_PAID
    return order


@pytest.mark.case(4)
async def test_money_that_arrives_after_the_end_goes_back(market: Marketplace) -> None:
    """Nothing ships for it, and none of it stays: the buyer has it back in full, once."""
    order = await unpaid_in_time(market)
    await market.world.arrive((await order.handle.result()).intent)
    first = await cared_for(market, order, "evt-late", "evt-late", "evt-late-again")
    second = await cared_for(market, order, "evt-late-yet-again")

    assert first[0] == "late_payment_refunded"
    assert second == ["late_payment_refunded"]
    assert await market.provider_effects(order.order) == [("charge", 10_000), ("refund", -10_000)]
    assert "unapplied_receipts/" + order.order not in await market.balances()


async def test_a_refund_that_comes_back_after_the_end_raises_an_alarm(
    market: Marketplace,
) -> None:
    """The money stands where it stood, and a person finds another way to pay it."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    refund = said.RefundOrder(SUPPORT, order.at(days=1), 10_000)
    await order.ask(refund)
    await order.handle.result()
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await market.world.fail_refund(reference)
    done = await cared_for(market, order, "evt-failed")

    assert done == ["refund_came_back"]
    assert (await market.balances())["escrow/" + order.order] == 10_000
    assert await market.rows("SELECT kind FROM alarms") == [("refund_came_back",)]


async def test_news_that_changes_nothing_is_let_go(market: Marketplace) -> None:
    """Most late facts are repeats: looked at, and nothing is done."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=2)
    await order.skip_to_end()

    assert await cared_for(market, order, "evt-again") == ["nothing_to_do"]


async def test_late_news_that_an_outage_outlasts_calls_an_operator(market: Marketplace) -> None:
    """Three days without the provider: an alarm, and the money goes back all the same."""
    order = await unpaid_in_time(market)
    await market.world.arrive((await order.handle.result()).intent)
    await market.world.fault("error", "GET /v1/payment_intents", status=503)
    subject = f"order/{order.order}"
    fact = LateFact("evt-1", "payment_intent.succeeded", subject, "", order.at(days=20))
    with market.skipper.with_time_skipping_disabled():
        handle = await market.skipper.client.start_workflow(
            AftercareWorkflow.run,
            subject,
            id=f"aftercare/{subject}",
            task_queue=market.task_queue,
            start_signal="fact_arrived",
            start_signal_args=[fact],
        )
    await market.skipper.fast_forward(handle, timedelta(days=3, minutes=10))
    async with asyncio.timeout(20):
        while not (alarms := await market.rows("SELECT kind FROM alarms")):
            await asyncio.sleep(0.05)
    await market.world.clear_faults()
    await market.skipper.fast_forward(handle, timedelta(hours=7))

    assert alarms == [("aftercare_failed",)]
    assert await handle.result() == ["late_payment_refunded"]


@pytest.mark.case(25)
async def test_a_parcel_that_arrives_after_the_end_is_asked_for(market: Marketplace) -> None:
    """The buyer had the money back and has the goods now: they are asked, nothing is taken."""
    order = await on_its_way(market)
    await order.scanned("lost", days=9)
    await order.handle.result()
    await market.record_scan(f"{order.order}/1", "delivered", order.at(days=40))
    subject = f"order/{order.order}"
    for event in ("evt-1", "evt-2"):
        fact = LateFact(event, "tracker.updated", subject, "", order.at(days=40))
        handle = await market.client.start_workflow(
            AftercareWorkflow.run,
            subject,
            id=f"aftercare/{subject}/{event}",
            task_queue=market.task_queue,
            start_signal="fact_arrived",
            start_signal_args=[fact],
        )
        await handle.result()

    assert (await market.kinds(order.order)).count("arrived_after_refund") == 1
    letters = await market.rows(
        "SELECT facts->>'amount' FROM outbox WHERE template = 'order.arrived_after_refund'"
    )
    assert letters == [("10000",)]
