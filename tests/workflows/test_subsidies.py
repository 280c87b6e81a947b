"""A platform's subsidy is part of the price: who paid what gets back what."""

import pytest

from domain.order.state import Outcome
from tests.support.marketplace import SUPPORT, Marketplace, Placed
from workflows.order import messages as said


async def subsidised(market: Marketplace) -> Placed:
    """An order over 10,000 of which the platform pays 1,500."""
    order = await market.order(total=10_000, subsidy=1_500)
    await order.paid(minutes=1)
    return order


@pytest.mark.case(12)
async def test_the_seller_gets_the_whole_price(market: Marketplace) -> None:
    """Commission and release are on the price, whoever paid it."""
    order = await subsidised(market)
    await order.shipped(days=1)
    await order.delivered(days=5)
    ended = await order.skip_to_end()
    balances = await market.balances()

    assert (ended.captured, ended.released) == (10_000, 10_000)
    assert balances["seller_payable/s-1"] == 9_200
    assert balances["commission/"] == 800
    assert balances["subsidy/"] == -1_500
    assert await market.provider_effects(order.order) == [("charge", 8_500)]


@pytest.mark.case(12)
async def test_a_full_refund_never_pays_the_subsidy_out(market: Marketplace) -> None:
    """The buyer has back what they paid; the platform has its own money back."""
    order = await subsidised(market)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), 10_000))
    ended = await order.handle.result()
    balances = await market.balances()

    assert ended.outcome is Outcome.REFUNDED
    assert await market.provider_effects(order.order) == [("charge", 8_500), ("refund", -8_500)]
    assert "subsidy/" not in balances
    assert f"escrow/{order.order}" not in balances


@pytest.mark.case(12, 49)
async def test_refunds_in_parts_divide_by_who_paid_to_the_last_unit(market: Marketplace) -> None:
    """Three odd parts: each is split pro rata, and together they are exactly what was paid."""
    order = await subsidised(market)
    for part in (3_333, 3_333, 3_334):
        await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), part))
    await order.handle.result()
    sent = await market.provider_effects(order.order)

    refunds = [amount for kind, amount in sent if kind == "refund"]
    assert sorted(refunds) == [-2_834, -2_833, -2_833]
    assert "subsidy/" not in await market.balances()


@pytest.mark.case(12, 51)
async def test_a_subsidised_refund_that_comes_back_puts_both_shares_back(
    market: Marketplace,
) -> None:
    """The reversing entry takes the platform's share again, too."""
    order = await subsidised(market)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), 4_000))
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await market.world.fail_refund(reference)
    await order.payment_news(days=2)
    state = await order.until(lambda state: state.parked is not None)
    balances = await market.balances()

    assert state.refunded == 0
    assert balances[f"escrow/{order.order}"] == 10_000
    assert balances["subsidy/"] == -1_500
