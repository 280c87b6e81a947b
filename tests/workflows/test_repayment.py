"""The life of a payment for goods that came after their refund."""

import asyncio
from datetime import timedelta

import pytest

from domain.order.repaying import Stage
from tests.support.marketplace import Marketplace
from tests.support.repayments import came_anyway, pay_again
from workflows.aftercare.messages import LateFact
from workflows.aftercare.workflow import AftercareWorkflow


@pytest.mark.case(25)
async def test_the_buyer_pays_again_and_the_seller_has_it(market: Marketplace) -> None:
    """The provider's two books: charged, refunded, charged again; nobody keeps what is not theirs.

    The order itself has ended and stays as it was.
    """
    order = await came_anyway(market)
    repaid = await pay_again(market, order)
    state = await repaid.paid()
    balances = await market.balances()

    assert (state.stage, state.amount) == (Stage.PAID, 10_000)
    assert balances["seller_payable/s-1"] + balances["commission/"] == 10_000
    assert f"escrow/{order.order}" not in balances
    told = (await market.kinds(order.order))[-3:]
    assert told == ["arrived_after_refund", "repayment_asked", "paid_again"]
    letters = await market.rows(
        "SELECT audience FROM outbox WHERE template = 'order.paid_again' ORDER BY audience"
    )
    assert letters == [("buyer",), ("seller",)]


async def test_a_card_given_at_once_is_charged_and_heard_of(market: Marketplace) -> None:
    """News that overtakes the first step is not lost, and a repeat of it changes nothing."""
    order = await came_anyway(market)
    repaid = await pay_again(market, order, "pm_card_visa")
    await repaid.news()
    await repaid.news()

    assert (await repaid.handle.result()).stage is Stage.PAID
    charged = await market.provider_effects(order.order)
    assert charged == [("charge", 10_000), ("charge", 10_000), ("refund", -10_000)]


@pytest.mark.case(25)
async def test_a_window_that_closes_takes_nothing_and_may_open_again(market: Marketplace) -> None:
    """Days pass in silence: no automatic debit, and the buyer may still do right later."""
    order = await came_anyway(market)
    first = await pay_again(market, order)
    await first.asks()
    await market.skipper.fast_forward(first.handle)
    lapsed = await first.handle.result()
    second = await (await pay_again(market, order)).paid()

    assert (lapsed.stage, lapsed.attempt) == (Stage.LAPSED, 1)
    assert (second.stage, second.attempt) == (Stage.PAID, 2)


async def test_money_whose_news_was_lost_is_found_at_the_end(market: Marketplace) -> None:
    """The window's end asks the provider before it closes anything."""
    order = await came_anyway(market)
    repaid = await pay_again(market, order)
    await market.world.pay((await repaid.asks()).intent)
    await market.skipper.fast_forward(repaid.handle)

    assert (await repaid.handle.result()).stage is Stage.PAID


async def test_an_outage_calls_an_operator_and_is_outlived(market: Marketplace) -> None:
    """Three days without the provider: an alarm, and the payment is opened all the same."""
    order = await came_anyway(market)
    await market.world.fault("error", "POST /v1/payment_intents", status=503)
    repaid = await pay_again(market, order)
    await market.skipper.fast_forward(repaid.handle, timedelta(days=3, minutes=10))
    async with asyncio.timeout(20):
        while not (alarms := await market.rows("SELECT kind, subject FROM alarms")):
            await asyncio.sleep(0.05)
    await market.world.clear_faults()
    await market.skipper.fast_forward(repaid.handle, timedelta(hours=7))

    assert alarms == [("aftercare_failed", f"repayment/{order.order}")]
    assert (await repaid.asks()).stage is Stage.AWAITING_PAYMENT


async def test_late_news_of_it_is_cared_for(market: Marketplace) -> None:
    """Its process has ended: nothing is left to do, and nothing fails."""
    order = await came_anyway(market)
    await (await pay_again(market, order)).paid()
    subject = f"repayment/{order.order}"
    fact = LateFact("evt-late", "payment_intent.succeeded", subject, "", order.at(days=60))
    handle = await market.client.start_workflow(
        AftercareWorkflow.run,
        subject,
        id=f"aftercare/{subject}",
        task_queue=market.task_queue,
        start_signal="fact_arrived",
        start_signal_args=[fact],
    )

    assert await handle.result() == ["nothing_to_do"]
