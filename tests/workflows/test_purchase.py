"""A purchase over several sellers: one payment, one order for each, all or none."""

import pytest

from domain.purchase.state import Stage
from tests.support.marketplace import Marketplace
from tests.support.purchases import buy


@pytest.fixture
async def market(market: Marketplace) -> Marketplace:
    """One seller more than usual."""
    await market.seller("s-2")
    return market


async def test_one_payment_pays_every_order_its_exact_share(market: Marketplace) -> None:
    """The buyer pays once; each seller's order has its own escrow, to the last cent."""
    bought = await buy(market)
    orders = await bought.paid(minutes=1)
    ended = await bought.handle.result()

    assert (ended.stage, ended.captured) == (Stage.PAID, 10_000)
    assert await bought.at_provider() == [("charge", 10_000)]
    balances = await market.balances()
    assert [balances[f"escrow/{order.order}"] for order in orders] == [6_000, 4_000]
    assert [(await order.state()).captured for order in orders] == [6_000, 4_000]
    assert await bought.kinds() == ["placed", "payment_asked", "paid"]
    assert await market.kinds(orders[0].order) == ["placed", "paid", "ready_to_ship"]
