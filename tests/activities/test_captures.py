"""A bank's word at its end: the money is taken, or it is clear why not."""

from dataclasses import replace

import pytest

from activities.requests import Step
from adapters.errors import Unavailable
from domain.order.paying import authorised
from domain.order.state import Fulfilment, OrderState, Payment
from tests.support.shop import SLIP, Deal, Shop, after, attempted


async def agreed(deal: Deal) -> Deal:
    """An order whose bank has agreed, as far as its process knows."""
    await deal.asked()
    async with deal.shop.database.transaction() as tx:
        terms = (await tx.orders.get(deal.order)).terms
    state = authorised(deal.state, terms, 10_000, after(minutes=2), after(days=7) - after())
    deal.state = replace(
        state, payment=Payment.AUTHORISED, fulfilment=Fulfilment.AWAITING_SHIPMENT, clocks=()
    )
    return deal


async def captured(deal: Deal) -> OrderState:
    return await deal.took(deal.shop.captures.capture, Step(deal.state, after(days=6)))


@pytest.mark.case(11)
async def test_a_word_that_the_provider_forgot_asks_the_buyer_again(shop: Shop) -> None:
    """The payment waits for a method again: it is closed, so that only the next can be paid."""
    deal = await agreed(await shop.order(await shop.seller()))
    first = deal.state.intent
    state = await captured(deal)

    assert (state.payment, state.authorised) == (Payment.AWAITING, 0)
    assert state.intent != first
    assert (await shop.gateway.look(first)).status == "cancelled"


@pytest.mark.case(11)
async def test_a_capture_that_is_under_way_is_waited_for(shop: Shop) -> None:
    """An answer that changes nothing would be asked for without a pause, for ever."""
    deal = await agreed(await shop.order(await shop.seller()))
    await shop.world.pay(deal.state.intent, SLIP)
    with pytest.raises(Unavailable):
        await attempted(shop.captures.capture, Step(deal.state, after(days=6)), 1)
    await shop.world.arrive(deal.state.intent)
    state = await captured(deal)

    assert (state.payment, state.captured) == (Payment.CAPTURED, 10_000)
