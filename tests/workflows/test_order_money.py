"""Money that goes back to a buyer, or waits, while an order is on its way."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.state import Outcome, Payment, Release
from tests.support.marketplace import COMPLIANCE, LEAD, SUPPORT, Marketplace
from tests.workflows.test_order import code_of
from workflows.order import messages as said


async def test_a_part_can_be_refunded_while_the_goods_travel(market: Marketplace) -> None:
    """Commission is only taken of what the seller keeps."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    refund = said.RefundOrder(SUPPORT, order.at(days=2), 2_500, "scratched box")
    state = await order.ask(refund)
    await order.delivered(days=9)
    ended = await order.skip_to_end()

    assert state.payment is Payment.PARTLY_REFUNDED
    assert ended.outcome is Outcome.COMPLETED
    balances = await market.balances()
    assert balances["seller_payable/s-1"] == 6_900
    assert balances["commission/"] == 600


async def test_a_full_refund_ends_the_order(market: Marketplace) -> None:
    """Nobody waits for goods whose price went back."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    refund = said.RefundOrder(SUPPORT, order.at(days=1), 10_000)
    await order.ask(refund)
    ended = await order.handle.result()

    assert ended.outcome is Outcome.REFUNDED
    assert ended.ended_at == order.at(days=1)


async def test_a_full_refund_in_protection_ends_the_order(market: Marketplace) -> None:
    """Received and given back: nothing is left to release, and nothing waits for ever."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=2)
    await order.confirmed(days=3)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=4), 10_000))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.REFUNDED
    assert ended.released == 0


async def test_nobody_is_refunded_more_than_was_paid(market: Marketplace) -> None:
    """The refusal says what is left, and nothing happens."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    first = said.RefundOrder(SUPPORT, order.at(days=1), 6_000)
    await order.ask(first)
    second = said.RefundOrder(SUPPORT, order.at(days=1), 4_001)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(second)

    assert code_of(refused) == "amount-exceeded"
    assert await market.provider_effects(order.order) == [("charge", 10_000), ("refund", -6_000)]


async def test_a_hold_keeps_its_share_until_it_is_lifted(market: Marketplace) -> None:
    """Only the stated share waits; the rest is released on time, and the order stays open."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    hold = said.PlaceHold(COMPLIANCE, order.at(days=2), "h-1", 4_000, "invoice requested")
    await order.ask(hold)
    await order.delivered(days=9)
    await order.skip(days=60)
    state = await order.until(lambda state: state.release is Release.PART)
    assert state.released == 6_000
    lift = said.LiftHold(LEAD, order.at(days=60), "h-1", "invoice came")
    await order.ask(lift)
    ended = await order.handle.result()

    assert ended.outcome is Outcome.COMPLETED
    assert ended.released == 10_000
