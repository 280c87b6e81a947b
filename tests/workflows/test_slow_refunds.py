"""Refunds that are not with the buyer at once: watched, told of, never lost."""

import asyncio

import pytest

from domain.order.state import ClockName, Outcome
from tests.support.marketplace import OPERATOR, SUPPORT, Marketplace, Placed
from workflows.order import messages as said


async def pending_refund(market: Marketplace) -> tuple[Placed, str]:
    """An order that is refunded in full, by a refund which stays pending."""
    await market.world.change(auto_refunds=False)
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), 10_000))
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    return order, reference


async def alarms(market: Marketplace) -> list[str]:
    rows = await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL ORDER BY kind")
    return [kind for (kind,) in rows]


@pytest.mark.case(51)
async def test_a_refund_that_is_not_final_in_time_is_somebody_s_task(market: Marketplace) -> None:
    """Twenty business days: then a person looks, and the order goes on watching it."""
    order, reference = await pending_refund(market)
    state = await order.state()
    (clock,) = [one for one in state.clocks if one.name is ClockName.REFUND]
    await order.skip(days=27)
    early = await alarms(market)
    await order.skip(days=45)
    await order.until(lambda state: not state.clocks)
    late = await alarms(market)
    await market.world.succeed_refund(reference)
    await order.payment_news(days=46)
    ended = await order.handle.result()

    assert (clock.due_at - order.at(days=1)).days >= 28
    assert (early, late) == ([], ["refund_not_final"])
    assert ended.outcome is Outcome.REFUNDED
    assert await alarms(market) == []


@pytest.mark.case(51)
async def test_a_refund_that_arrives_in_time_calls_nobody(market: Marketplace) -> None:
    """The clock stops with the news, and the order ends."""
    order, reference = await pending_refund(market)
    await market.world.succeed_refund(reference)
    await order.payment_news(days=3)
    ended = await order.handle.result()

    assert ended.open_refunds == ()
    assert await market.rows("SELECT count(*) FROM alarms") == [(0,)]


@pytest.mark.case(51)
async def test_a_refund_that_fails_days_later_is_paid_another_way(market: Marketplace) -> None:
    """The card was closed: reversed, the buyer is told, and an operator wires the money."""
    order, reference = await pending_refund(market)
    await market.world.fail_refund(reference)
    await order.payment_news(days=8)
    parked = await order.until(lambda state: state.parked is not None)
    note = "by wire, case 4713"
    word = said.Resolve(OPERATOR, order.at(days=9), said.Resolution.SETTLE_BY_HAND, note)
    await order.ask(word)
    ended = await order.handle.result()

    assert (parked.refunded, parked.open_refunds) == (0, ())
    assert ended.refunded == 10_000
    assert (await market.balances())["provider_clearing/by_hand"] == 10_000
    told = await market.rows("SELECT template FROM outbox WHERE template LIKE '%came_back'")
    assert told == [("order.refund_came_back",)]


@pytest.mark.case(52)
async def test_a_refund_that_waits_for_the_balance_is_told_of_and_never_lost(
    market: Marketplace,
) -> None:
    """The platform's account is empty: an alarm until somebody tops it up, then it goes out."""
    await market.world.change(overdraw=False)
    order = await market.order(total=700_000, currency="PLN")
    await order.paid(minutes=1)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), 700_000))
    waiting = await alarms(market)
    open_refunds = (await order.state()).open_refunds
    await market.world.top_up(800_000, "pln")
    await order.payment_news(days=2)
    ended = await order.handle.result()

    assert waiting == ["balance_short"]
    assert open_refunds == (f"order/{order.order}/refund/1",)
    assert (ended.outcome, ended.open_refunds) == (Outcome.REFUNDED, ())
    assert await alarms(market) == []
    assert ("refund", -700_000) in await market.provider_effects(order.order)


@pytest.mark.case(52)
async def test_a_provider_that_is_away_for_a_day_refunds_once_and_calls_nobody(
    market: Marketplace,
) -> None:
    """The refund took place, its answer was lost, and the key is forgotten by the next try."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await market.world.fault("reset_after_effect", "POST /v1/refunds$", key=order.order, times=1)
    await order.begin(said.RefundOrder(SUPPORT, order.at(days=1), 10_000))
    async with asyncio.timeout(30):
        while not any(fault["struck"] for fault in await market.world.faults()):
            await asyncio.sleep(0.02)
    await market.world.fault("error", "v1/", status=503)
    await market.world.expire_keys()
    await order.skip(days=1)
    stood = await order.state()
    called = await alarms(market)
    await market.world.clear_faults()
    await order.skip(days=1, hours=3)
    ended = await order.handle.result()

    assert (stood.refunded, stood.parked, called) == (0, None, [])
    assert ended.outcome is Outcome.REFUNDED
    assert await market.provider_effects(order.order) == [("charge", 10_000), ("refund", -10_000)]
