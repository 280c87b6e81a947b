"""News of a repayment finds its process, and after its end whoever cares for it."""

from datetime import UTC, datetime

import pytest

from activities.reconciliation import ReconciliationActivities
from domain.order.repaying import Stage
from persistence.books import SqlBooks
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace
from tests.support.repayments import came_anyway, pay_again


@pytest.mark.case(25)
async def test_the_provider_s_message_settles_it_and_both_books_agree(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Charged, refunded, charged again: line by line the same on both sides."""
    order = await came_anyway(market)
    repaid = await pay_again(market, order)
    await market.world.pay((await repaid.asks()).intent)
    dispatch.clock.at = datetime.now(UTC)
    await dispatch.news()
    state = await repaid.handle.result()
    books = SqlBooks(market.engine)
    report = await ReconciliationActivities(books, market.gateway).compared(dispatch.clock.at)
    mine = [one for one in report.breaks if order.order in one.key]

    assert state.stage is Stage.PAID
    assert f"repayment/{order.order}/take/1" in report.agreed
    assert mine == []
    assert await books.breaches(dispatch.clock.at) == []


async def test_what_was_sent_back_and_returns_is_heard_after_the_end(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Another amount was paid and given back; the buyer's bank refuses it days later."""
    order = await came_anyway(market)
    await market.world.change(auto_refunds=False)
    repaid = await pay_again(market, order)
    intent = (await repaid.asks()).intent
    await market.world.pay(intent, "slow")
    await market.world.arrive(intent, amount=9_000)
    dispatch.clock.at = datetime.now(UTC)
    await dispatch.news()
    state = await repaid.handle.result()
    ((refund,),) = await market.rows("SELECT reference FROM effects WHERE kind = 'late_refund'")
    await market.world.fail_refund(refund)
    await dispatch.news()
    subject = f"repayment/{order.order}"
    cared = market.client.get_workflow_handle(f"aftercare/{subject}")

    assert state.stage is Stage.SENT_BACK
    assert "refund_came_back" in await cared.result()
    alarms = await market.rows("SELECT kind FROM alarms WHERE subject = :subject", subject=subject)
    assert ("refund_came_back",) in alarms
