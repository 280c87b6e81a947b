"""News of a shared payment finds the purchase, its orders and its buyer."""

import json

import pytest
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconciliationActivities
from activities.upkeep import Upkeep, UpkeepActivities
from domain.purchase.state import Stage
from persistence.books import SqlBooks
from persistence.idempotency import keep_particulars
from persistence.silence import SqlSilence
from tests.support.dispatch import Dispatch
from tests.support.marketplace import SUPPORT, Marketplace
from tests.support.purchases import Bought, buy
from workflows.order import messages as said


async def _bought(market: Marketplace) -> Bought:
    await market.seller("s-2")
    return await buy(market)


async def _known(market: Marketplace, bought: Bought, email: str) -> None:
    """Keep an address for the purchase, as the request desk does."""
    person = bought.asked.buyer
    sealed = await market.vault.seal(person, json.dumps({"email": email, "name": "Ann"}).encode())
    async with market.engine.begin() as db:
        await keep_particulars(db, f"purchase/{bought.purchase}", person, sealed)


async def _paid(dispatch: Dispatch, bought: Bought) -> None:
    """Let the buyer pay, and the provider's own message of it arrive."""
    state = await bought.asks()
    await dispatch.market.world.pay(state.intent)
    dispatch.clock.at = bought.at(minutes=1)
    await dispatch.news()
    for order in bought.orders:
        await order.until(lambda state: state.captured > 0)


async def test_the_provider_s_message_pays_every_order(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """It names the purchase; the orders hear of it from there."""
    bought = await _bought(market)
    await _paid(dispatch, bought)

    assert (await bought.handle.result()).stage is Stage.PAID
    news = {row.kind: row for row in await dispatch.inbox(f"purchase/{bought.purchase}")}
    body = await market.vault.open(bought.asked.buyer, news["payment_intent.succeeded"].sealed)
    assert b"payment_intent" in body


@pytest.mark.case(51)
async def test_a_refund_that_comes_back_finds_its_order(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The payment is the purchase's, which has ended; the refund carries the order's name."""
    await market.world.change(auto_refunds=False)
    bought = await _bought(market)
    await _paid(dispatch, bought)
    first, second = bought.orders
    await first.ask(said.RefundOrder(SUPPORT, first.at(days=1), 1_000, "scratched"))
    rows = await market.rows("SELECT reference FROM effects WHERE kind = 'refund'")
    await market.world.fail_refund(rows[0].reference)
    dispatch.clock.at = bought.at(days=9)
    await dispatch.news()
    parked = await first.until(lambda state: state.parked is not None)

    assert parked.refunded == 0
    assert (await second.state()).parked is None
    assert await market.rows("SELECT refunded FROM purchases") == [(0,)]


@pytest.mark.case(8)
async def test_a_report_of_fraud_is_passed_on_to_every_order(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """It names the charge, whose purchase has ended: both sellers' money is frozen all the same."""
    bought = await _bought(market)
    await _paid(dispatch, bought)
    await market.world.warn((await bought.state()).intent)
    dispatch.clock.at = bought.at(days=1)
    await dispatch.news()
    orders = [await order.until(lambda state: state.held > 0) for order in bought.orders]

    assert [order.held for order in orders] == [6_000, 4_000]


async def test_late_news_of_the_payment_is_cared_for(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The purchase was cancelled while a slip was out: aftercare gives the money back."""
    bought = await _bought(market)
    state = await bought.asks()
    await market.world.pay(state.intent, "pm_sepa_debit")
    await bought.cancelled(hours=1)
    await bought.handle.result()
    await market.world.arrive(state.intent)
    dispatch.clock.at = bought.at(days=9)
    await dispatch.news()
    await market.client.get_workflow_handle(f"aftercare/purchase/{bought.purchase}").result()

    assert await bought.at_provider() == [("charge", 10_000), ("refund", -10_000)]


async def test_the_buyer_is_written_to_once_for_all_orders(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """One letter for the payment, not one for each seller; a parcel has a letter of its own."""
    bought = await _bought(market)
    await _known(market, bought, f"{bought.purchase}@example.com")
    await _paid(dispatch, bought)
    await bought.orders[0].shipped(days=1)
    await dispatch.relay.drain()

    mails = await market.world.mails(f"{bought.purchase}@example.com")
    assert sorted(mail["subject"] for mail in mails) == [
        f"Order {bought.orders[0].order}: on its way" if "on its way" in str(mails) else str(mails),
        f"Purchase {bought.purchase}: paid",
        f"Purchase {bought.purchase}: we have it",
    ]


@pytest.mark.case(10)
async def test_a_payment_whose_message_was_lost_is_found(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The sweep asks about purchases, too, and the fact reaches their process."""
    bought = await _bought(market)
    state = await bought.asks()
    await market.world.pay(state.intent)
    steps = UpkeepActivities(
        SqlSilence(market.engine), SqlBooks(market.engine), market.gateway, market.tracking
    )
    swept = await ActivityEnvironment().run(steps.sweep, Upkeep(bought.at(hours=1)))
    again = await ActivityEnvironment().run(steps.sweep, Upkeep(bought.at(hours=1)))
    await dispatch.relay.drain()

    assert (await bought.handle.result()).stage is Stage.PAID
    # It finds what other tests have left at the provider as well.
    assert (swept.payments, again.found) == (1, 0)
    assert swept.found >= 1


async def test_both_books_say_the_same_of_a_shared_payment(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The provider's one charge is our entries' sum, and nothing of the books is broken."""
    bought = await _bought(market)
    await _paid(dispatch, bought)
    books = SqlBooks(market.engine)
    report = await ReconciliationActivities(books, market.gateway).compared(bought.at(days=1))

    assert f"purchase/{bought.purchase}/take/1" in report.agreed
    ours = f"purchase/{bought.purchase}/"
    assert [one for one in report.breaks if one.key.startswith(ours)] == []
    assert await books.breaches(bought.at(days=1)) == []
