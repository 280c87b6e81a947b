"""Where two branches of an order cross: neither may stop the order, keep money, or lose a word."""

import pytest

from domain.order.agreements import Topic
from domain.order.facts import clock_of
from domain.order.state import ClockName, Fraud, Fulfilment, Outcome, Payment, Release
from domain.payout.rules import Standing
from tests.support.marketplace import COMPLIANCE, LEAD, SUPPORT, Marketplace, Placed, buyer
from tests.support.online import labelled
from tests.workflows.test_amounts import other_amount
from tests.workflows.test_authorisations import at_provider, authorised
from tests.workflows.test_fraud import verdict
from tests.workflows.test_labels import asked_to_cancel, paid
from tests.workflows.test_parcels import in_two_parcels, on_its_way
from workflows.order import messages as said
from workflows.order.messages import FraudVerdict

_LARGE = 50_000_000


async def released_early(market: Marketplace) -> Placed:
    """An order of a seller who has most of its money already, the rest in reserve."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early")
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    await order.skip(days=6, hours=1)
    await order.until(lambda state: state.reserved > 0)
    return order


@pytest.mark.parametrize("is_shipped", [True, False])
async def test_a_question_about_the_promise_outlives_the_rest_of_the_goods(
    market: Marketplace, *, is_shipped: bool
) -> None:
    """It was asked about the first parcel; what becomes of the second does not answer it."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    await order.shipped("1", days=1)
    await order.ask(said.AskConsent(buyer(order.order), order.at(days=6), Topic.PROTECTION))
    if is_shipped:
        await order.shipped("2", days=6, hours=1)
    await order.skip(days=40)
    state = await order.until(lambda state: not state.agreements)

    assert clock_of(state, ClockName.PROTECTION_ANSWER) is None
    assert "protection_declined" in await market.kinds(order.order)


async def test_a_parcel_that_moves_after_the_buyer_was_asked_is_still_decided(
    market: Marketplace,
) -> None:
    """Customs are no delivery: without proof of one in time the buyer has the money back."""
    order = await on_its_way(market)
    await order.skip(days=62)
    await order.until(lambda state: state.fulfilment is Fulfilment.BUYER_ASKED)
    await order.scanned("held_at_customs", days=63)
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.refunded) == (Outcome.NEVER_RECEIVED, 10_000)


@pytest.mark.case(60)
async def test_money_of_another_amount_goes_back_when_the_seller_is_gone(
    market: Marketplace,
) -> None:
    """Nobody will decide about it any more: what came is the buyer's."""
    order = await other_amount(market)
    await order.seller_stands(Standing.SUSPENDED, days=2)
    ended = await order.handle.result()

    assert (ended.outcome, ended.payment) == (Outcome.SELLER_SUSPENDED, Payment.NEVER_PAID)
    assert f"unapplied_receipts/{order.order}" not in await market.balances()


@pytest.mark.case(60)
async def test_a_bank_s_word_in_the_risk_check_goes_back_when_the_seller_is_gone(
    market: Marketplace,
) -> None:
    """Nothing was taken: the authorisation ends, and so does the order."""
    order = await authorised(market, total=_LARGE)
    await order.seller_stands(Standing.SUSPENDED, days=1)
    ended = await order.handle.result()

    assert (ended.outcome, ended.payment) == (Outcome.SELLER_SUSPENDED, Payment.VOIDED)
    assert at_provider(market, ended.intent) == "canceled"


@pytest.mark.case(26)
async def test_what_a_hold_left_owing_is_paid_when_the_hold_ends(market: Marketplace) -> None:
    """A lost parcel of EUR 60, and only EUR 30 free: the other half is not forgotten."""
    order = await in_two_parcels(market)
    await order.ask(said.PlaceHold(LEAD, order.at(days=3), "claim", 7_000, "a claim"))
    await order.scanned("lost", "1", days=4)
    part = await order.until(lambda state: state.refunded > 0)
    await order.ask(said.LiftHold(LEAD, order.at(days=5), "claim", "settled"))
    whole = await order.until(lambda state: not state.owed)

    assert (part.refunded, whole.refunded) == (3_000, 6_000)


async def test_a_seller_who_closes_after_being_suspended_is_paid_in_the_end(
    market: Marketplace,
) -> None:
    """A suspension keeps the money until it ends; a closed store waits out its window."""
    order = await on_its_way(market)
    await order.seller_stands(Standing.SUSPENDED, days=3)
    await order.delivered(days=5)
    await order.skip(days=60)
    kept = await order.until(lambda state: not state.clocks)
    await order.seller_stands(Standing.CLOSED, days=61)
    ended = await order.skip_to_end()

    assert (kept.release, kept.frozen) == (Release.NONE, True)
    assert (ended.outcome, ended.released) == (Outcome.COMPLETED, 10_000)
    assert ended.ended_at == order.at(days=181)


async def test_a_store_that_closes_before_an_early_release_waits_once(
    market: Marketplace,
) -> None:
    """Nothing goes out early any more; the money waits as for every closed store."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early")
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    await order.seller_stands(Standing.CLOSED, days=3)
    await order.until(lambda state: len(state.parcels) > 0)
    await order.skip(days=10)
    state = await order.state()

    assert clock_of(state, ClockName.EARLY_RELEASE) is None
    assert (await market.kinds(order.order)).count("release_put_off") == 1


async def test_a_reserve_of_a_refunded_order_waits_for_a_suspended_seller(
    market: Marketplace,
) -> None:
    """Called off meanwhile or not: what is kept ends when the suspension does."""
    order = await released_early(market)
    await order.seller_stands(Standing.SUSPENDED, days=7)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=8), 10_000, "a recall"))
    await order.skip(days=9)
    await order.until(lambda state: not state.clocks)
    await order.seller_stands(Standing.ACTIVE, days=20)
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.reserved) == (Outcome.REFUNDED, 0)


@pytest.mark.case(8)
async def test_nothing_is_released_in_doubt_when_another_hold_ends(market: Marketplace) -> None:
    """A claim is settled while compliance looks: its share stays until they have decided."""
    order = await on_its_way(market)
    await order.ask(said.PlaceHold(LEAD, order.at(days=2), "claim", 4_000, "a claim"))
    await order.ask(said.ReportFraud(COMPLIANCE, order.at(days=3), "a tip"))
    await order.delivered(days=5)
    await order.confirmed(days=6)
    await order.ask(said.LiftHold(LEAD, order.at(days=7), "claim", "settled"))
    await order.skip(days=60)
    doubted = await order.state()
    await order.ask(verdict(order, FraudVerdict.CLEARED, days=61))
    ended = await order.handle.result()

    assert (doubted.fraud, doubted.released) == (Fraud.SUSPECTED, 0)
    assert (ended.outcome, ended.released) == (Outcome.COMPLETED, 10_000)


async def test_an_order_ends_with_its_last_refund(market: Marketplace) -> None:
    """All else was done before the buyer's bank had it: nothing is left to wait for."""
    order = await on_its_way(market)
    await market.world.change(auto_refunds=False)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=3), 1_000, "a scratch"))
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await order.delivered(days=5)
    await order.confirmed(days=6)
    await order.skip(days=22)
    await order.until(lambda state: state.released > 0)
    await market.world.succeed_refund(reference)
    await order.payment_news(days=23)
    ended = await order.handle.result()

    assert (ended.outcome, ended.released, ended.refunded) == (Outcome.COMPLETED, 9_000, 1_000)


@pytest.mark.case(14)
async def test_a_receipt_settles_what_was_asked_before_it(market: Marketplace) -> None:
    """The buyer asked to cancel, and then has the goods: silence cancels nothing any more."""
    order = await paid(market)
    await asked_to_cancel(order, hours=1)
    await labelled(order, hours=2)
    await order.confirmed(hours=3)
    await order.skip(days=10)
    state = await order.state()

    assert (state.fulfilment, state.outcome) == (Fulfilment.RECEIVED, Outcome.OPEN)
    assert state.agreements == ()
