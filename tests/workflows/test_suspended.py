"""A seller is suspended or closes with orders running: each side keeps what is theirs."""

import pytest

from domain.order.state import Outcome, Payment, Release
from domain.payout.rules import Standing
from tests.support.marketplace import SUPPORT, Marketplace
from tests.workflows.test_parcels import on_its_way
from workflows.order import messages as said


@pytest.mark.case(60)
@pytest.mark.parametrize("standing", [Standing.SUSPENDED, Standing.CLOSED])
async def test_what_has_not_left_is_called_off(market: Marketplace, standing: Standing) -> None:
    """Nobody ships for a store that is shut; the buyer has the money back."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.seller_stands(standing, days=1)
    ended = await order.handle.result()

    assert (ended.outcome, ended.refunded) == (Outcome.SELLER_SUSPENDED, 10_000)


@pytest.mark.case(60)
async def test_an_order_that_is_not_paid_yet_closes(market: Marketplace) -> None:
    """The payment is cancelled at the provider, so that it cannot arrive any more."""
    order = await market.order()
    await order.until(lambda state: bool(state.intent))
    await order.seller_stands(Standing.SUSPENDED, hours=1)
    ended = await order.handle.result()
    intent = await market.gateway.look(ended.intent)

    assert (ended.outcome, ended.payment) == (Outcome.SELLER_SUSPENDED, Payment.NEVER_PAID)
    assert intent.status == "cancelled"


@pytest.mark.case(60)
async def test_what_is_on_its_way_goes_on_with_its_money_kept(market: Marketplace) -> None:
    """The buyer is protected as before; the money waits until the seller is let back in."""
    order = await on_its_way(market)
    await order.seller_stands(Standing.SUSPENDED, days=3)
    await order.delivered(days=5)
    await order.skip(days=60)
    part = said.RefundOrder(SUPPORT, order.at(days=60), 1_000, "a scratch")
    kept = await order.ask(part)
    await order.seller_stands(Standing.ACTIVE, days=61)
    ended = await order.handle.result()

    assert (kept.release, kept.refunded, kept.frozen) == (Release.NONE, 1_000, True)
    assert (ended.outcome, ended.released) == (Outcome.COMPLETED, 9_000)
    assert ended.ended_at == order.at(days=61)


@pytest.mark.case(60)
async def test_half_shipped_orders_lose_the_other_half(market: Marketplace) -> None:
    """What has left goes on, the rest is refunded."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    await order.shipped("1", days=1)
    await order.seller_stands(Standing.SUSPENDED, days=2)
    state = await order.until(lambda state: state.refunded > 0)

    assert (state.refunded, state.outcome, state.unshipped) == (4_000, Outcome.OPEN, ())


async def test_a_reserve_waits_for_the_seller_as_well(market: Marketplace) -> None:
    """An early release left a reserve; it is due at once when they are let back in."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early")
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=9)
    await order.skip(days=20)
    await order.seller_stands(Standing.SUSPENDED, days=20)
    await order.skip(days=90)
    kept = await order.state()
    await order.seller_stands(Standing.ACTIVE, days=90)
    ended = await order.handle.result()

    assert kept.reserved
    assert (ended.reserved, ended.outcome) == (0, Outcome.COMPLETED)
