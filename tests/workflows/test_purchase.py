"""A purchase over several sellers: one payment, one order for each, all or none."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.paying import AmountDecision
from domain.order.state import Outcome, Payment
from domain.payout.rules import Standing
from domain.purchase.state import Stage
from runtime.trace.skips import ClockHeld, Skips
from tests.support.marketplace import OPERATOR, SUPPORT, Marketplace, Placed
from tests.support.purchases import SOON, TWO, buy
from tests.workflows.test_order import code_of
from workflows.order import messages as said


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


async def test_each_order_goes_on_by_itself(market: Marketplace) -> None:
    """One seller never ships and is refunded for; the other one is paid: neither waits."""
    bought = await buy(market)
    shipped, forgotten = await bought.paid(minutes=1)
    await shipped.shipped(days=1)
    await shipped.delivered(days=9)
    paid_out = await shipped.skip_to_end()
    refunded = await forgotten.skip_to_end()

    assert (paid_out.outcome, refunded.outcome) == (Outcome.COMPLETED, Outcome.NEVER_SHIPPED)
    assert await bought.at_provider() == [("charge", 10_000), ("refund", -4_000)]
    balances = await market.balances()
    assert balances["seller_payable/s-1"] == 5_520
    assert "seller_payable/s-2" not in balances
    assert await market.rows("SELECT captured, refunded FROM purchases") == [(10_000, 4_000)]


async def test_the_provider_s_fee_is_borne_by_every_order(market: Marketplace) -> None:
    """What a payment cost is known of each seller's sale, and sums to what was kept."""
    await market.seller("s-3")
    bought = await buy(market, (("s-1", 3_333), ("s-2", 3_333), ("s-3", 3_334)))
    await bought.paid(minutes=1)

    fees = await market.rows("SELECT fee FROM purchase_allocations ORDER BY position")
    assert sum(fee for (fee,) in fees) == -(await market.balances())["provider_fees/stripe"]
    assert all(fee > 0 for (fee,) in fees)


async def test_an_unpaid_purchase_closes_with_all_its_orders(market: Marketplace) -> None:
    """One clock: after it nothing may arrive any more, and no order waits for ever."""
    bought = await buy(market, left=SOON)
    ended = await bought.handle.result()
    orders = [await order.handle.result() for order in bought.orders]

    assert (ended.stage, ended.ended_at) == (Stage.NEVER_PAID, bought.at(days=3))
    assert {order.outcome for order in orders} == {Outcome.NEVER_PAID}
    assert {order.ended_at for order in orders} == {bought.at(days=3)}
    assert (await market.gateway.look(ended.intent)).status == "cancelled"
    assert (await bought.kinds()).count("payment_reminded") == 2


@pytest.mark.case(6)
async def test_money_on_its_way_keeps_the_purchase_open(market: Marketplace) -> None:
    """A bank slip that was paid in time must not lose all its orders to the clock."""
    bought = await buy(market, left=SOON)
    state = await bought.asks()
    await market.world.pay(state.intent, "slow")
    longer = await bought.until(
        lambda state: state.clock is not None and state.clock.due_at > bought.at(days=3)
    )
    await market.world.arrive(state.intent)
    await bought.news(days=4)
    ended = await bought.handle.result()

    assert longer.stage is Stage.AWAITING_PAYMENT
    assert ended.stage is Stage.PAID
    assert "payment_pending" in await bought.kinds()


async def test_the_buyer_cancels_the_whole(market: Marketplace) -> None:
    """Before the payment it is one decision, and nothing of it is left open."""
    bought = await buy(market)
    state = await bought.asks()
    cancelled = await bought.cancelled(hours=1)
    orders = [await order.handle.result() for order in bought.orders]

    assert cancelled.stage is Stage.CANCELLED_BY_BUYER
    assert {order.outcome for order in orders} == {Outcome.CANCELLED_BY_BUYER}
    assert (await market.gateway.look(state.intent)).status == "cancelled"


async def test_one_order_of_a_purchase_is_not_cancelled_alone(market: Marketplace) -> None:
    """The buyer was asked for the whole sum: a part of it cannot be taken out by itself."""
    bought = await buy(market)
    await bought.asks()
    order = bought.orders[0]
    await order.until(lambda state: state.version > 0)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(said.CancelOrder(bought.buyer, order.at(hours=1)))

    assert code_of(refused) == "illegal-transition"


async def test_a_cancellation_that_comes_after_the_money_is_refused(market: Marketplace) -> None:
    """The buyer has paid and the news is on its way: the truth decides, and the orders go on."""
    bought = await buy(market)
    state = await bought.asks()
    await market.world.pay(state.intent)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await bought.cancelled(hours=1)
    order = await bought.orders[1].until(lambda state: state.captured > 0)

    assert code_of(refused) == "illegal-transition"
    assert order.payment is Payment.CAPTURED


async def test_one_order_that_cannot_be_taken_refuses_the_whole(market: Marketplace) -> None:
    """Nobody pays for half a purchase: nothing is charged, and no order is opened."""
    await market.seller("s-out", standing="suspended")
    bought = await buy(market, (("s-1", 6_000), ("s-out", 4_000)))
    ended = await bought.handle.result()

    assert (ended.stage, ended.reason) == (Stage.NOT_ACCEPTED, "seller-not-active")
    assert await bought.at_provider() == []
    assert await market.rows("SELECT * FROM orders") == []
    assert await bought.kinds() == ["not_accepted"]


async def test_a_sum_that_nobody_can_be_asked_for_ends_the_whole(market: Marketplace) -> None:
    """Each order for itself could be paid, all of them at once cannot."""
    bought = await buy(market, (("s-1", 60_000_000), ("s-2", 40_000_000)))
    ended = await bought.handle.result()
    orders = [await order.handle.result() for order in bought.orders]

    assert (ended.stage, ended.reason) == (Stage.NOT_ACCEPTED, "amount_too_large")
    assert [order.outcome for order in orders] == [Outcome.NOT_ACCEPTED] * 2
    assert await bought.kinds() == ["placed", "not_accepted"]


async def test_an_order_that_somebody_else_has_ends_the_whole(market: Marketplace) -> None:
    """Two checkouts chose the same id: what was opened so far ends, before any money is asked."""
    other = await market.order()
    bought = await buy(market, TWO, orders=(f"{other.order}-1", other.order))
    ended = await bought.handle.result()

    assert (ended.stage, ended.reason) == (Stage.NOT_ACCEPTED, "already-exists")
    assert await bought.at_provider() == []
    assert (await other.state()).paid_by == ""


async def test_an_execution_in_the_way_ends_what_was_opened(market: Marketplace) -> None:
    """The name was taken between opening and starting: the orders that run hear of it."""
    process = f"order/o-ghost-{market.task_queue}"
    await market.client.start_workflow("sweep", id=process, task_queue="nobody-serves-it")
    first = f"{process.removeprefix('order/')}-first"
    bought = await buy(market, TWO, orders=(first, process.removeprefix("order/")))
    ended = await bought.handle.result()
    order = await bought.orders[0].handle.result()

    assert (ended.stage, ended.reason) == (Stage.NOT_ACCEPTED, "already-exists")
    assert order.outcome is Outcome.NOT_ACCEPTED
    assert await bought.at_provider() == []
    await market.client.get_workflow_handle(process).terminate()


@pytest.mark.case(1)
async def test_a_capture_that_is_told_twice_is_allocated_once(market: Marketplace) -> None:
    """Providers repeat their webhooks; no order may have its share twice."""
    bought = await buy(market, method="pm_card_visa")
    await bought.asks()
    await asyncio.gather(*(bought.news("same", minutes=1) for _ in range(3)))
    await bought.handle.result()

    captures = await market.rows("SELECT key FROM postings WHERE kind = 'capture'")
    assert len(captures) == 2
    assert await market.rows("SELECT captured FROM purchases") == [(10_000,)]


@pytest.mark.case(5)
async def test_money_of_another_amount_is_no_order_s_and_goes_back(market: Marketplace) -> None:
    """Nobody can say whose goods were paid: it is kept apart, and silence returns it."""
    bought = await buy(market, left=SOON)
    apart = await bought.paid_otherwise(9_000, seconds=1)
    kept = (await market.balances())[f"unapplied_receipts/purchase/{bought.purchase}"]
    ended = await bought.handle.result()

    assert (apart.stage, kept) == (Stage.AMOUNT_DIFFERS, 9_000)
    assert ended.stage is Stage.NEVER_PAID
    assert await bought.at_provider() == [("charge", 9_000), ("refund", -9_000)]
    assert f"unapplied_receipts/purchase/{bought.purchase}" not in await market.balances()
    assert await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL") == []


@pytest.mark.case(5)
async def test_support_decides_about_another_amount(market: Marketplace) -> None:
    """A short payment is accepted by a person: every order goes on as if it had been whole."""
    bought = await buy(market)
    await bought.paid_otherwise(9_990, minutes=1)
    word = said.DecideAmount(SUPPORT, bought.at(hours=1), AmountDecision.ACCEPT, "a bank's fee")
    paid = await bought.ask("decide_amount", word)
    orders = [await order.until(lambda state: state.captured > 0) for order in bought.orders]

    assert (paid.stage, paid.captured) == (Stage.PAID, 9_990)
    assert [order.captured for order in orders] == [6_000, 4_000]
    assert "amount_accepted" in await bought.kinds()


@pytest.mark.case(2)
async def test_the_buyer_pays_another_way(market: Marketplace) -> None:
    """The first method does not come through: the second pays, and the first can no more."""
    bought = await buy(market)
    first = (await bought.asks()).intent
    other = said.PayAnotherWay(bought.buyer, bought.at(minutes=5), "pm_card_visa")
    asked = await bought.ask("pay_another_way", other)
    await bought.news(minutes=6)
    ended = await bought.handle.result()

    assert (asked.attempts, asked.others) == (2, (first,))
    assert (ended.stage, ended.others) == (Stage.PAID, ())
    assert (await market.gateway.look(first)).status == "cancelled"
    assert await bought.at_provider() == [("charge", 10_000)]


@pytest.mark.case(8)
async def test_doubt_about_the_payment_reaches_every_order(market: Marketplace) -> None:
    """The report overtakes the news of the payment: no seller ships for money that is doubted."""
    bought = await buy(market)
    state = await bought.asks()
    await market.world.pay(state.intent)
    await market.world.warn(state.intent)
    report = said.FraudWarned("evt-doubt", bought.at(minutes=1))
    await bought.handle.signal("fraud_warned", report)
    ended = await bought.handle.result()
    orders = [await order.until(lambda state: state.held > 0) for order in bought.orders]

    assert ended.stage is Stage.PAID
    assert [order.held for order in orders] == [6_000, 4_000]
    assert {kind for (kind,) in await market.rows("SELECT kind FROM alarms")} == {"fraud_suspected"}


async def test_refunds_of_two_orders_find_their_own_way(market: Marketplace) -> None:
    """Both go out of one payment; each order follows its own, and the payment knows the sum."""
    bought = await buy(market)
    orders = await bought.paid(minutes=1)
    await asyncio.gather(*(_refund(order, 1_500) for order in orders))

    assert await bought.at_provider() == [
        ("charge", 10_000),
        ("refund", -1_500),
        ("refund", -1_500),
    ]
    assert await market.rows("SELECT refunded FROM purchases") == [(3_000,)]


async def _refund(order: Placed, amount: int) -> None:
    state = await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), amount, "scratched"))
    assert state.refunded == amount


async def test_a_clock_that_is_held_by_orders_says_so(market: Marketplace) -> None:
    """The server would wait for the orders' end: who moves clocks must hear it at once."""
    bought = await buy(market)
    await bought.asks()

    with pytest.raises(ClockHeld, match="2 children"):
        await Skips(market.client).to(bought.handle, bought.at(days=1))


async def test_risk_looks_at_the_whole_payment(market: Marketplace) -> None:
    """A large payment is not small because it was divided among sellers."""
    bought = await buy(market, (("s-1", 49_000_000), ("s-2", 100)))
    orders = await bought.paid(minutes=1)

    assert {(await order.state()).payment for order in orders} == {Payment.IN_RISK_CHECK}


@pytest.mark.case(4)
async def test_money_that_arrives_after_the_window_goes_back_whole(market: Marketplace) -> None:
    """No order ships for it, and the buyer has it back in one refund, once."""
    bought = await buy(market, left=SOON)
    state = await bought.asks()
    await market.world.pay(state.intent, "pm_sepa_debit")
    await bought.cancelled(days=2)
    await bought.handle.result()
    await market.world.arrive(state.intent)
    done = [await (await bought.late_news()).result() for _ in range(2)]

    assert done == [["late_payment_refunded"], ["late_payment_refunded"]]
    assert await bought.at_provider() == [("charge", 10_000), ("refund", -10_000)]


async def test_late_news_reaches_the_orders_that_live_and_those_that_ended(
    market: Marketplace,
) -> None:
    """The purchase ends early; what is said about its payment later is still heard."""
    bought = await buy(market)
    lives, ends = await bought.paid(minutes=1)
    await ends.ask(said.RefundOrder(SUPPORT, ends.at(days=1), 4_000, "all of it"))
    await ends.handle.result()
    care = await bought.late_news()

    assert await care.result() == ["forwarded"]
    kinds = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in (await care.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert kinds == ["purchase.care", "aftercare.payment"]
    assert (await lives.state()).ended_at is None


async def test_a_purchase_that_cannot_ask_parks_and_goes_on(market: Marketplace) -> None:
    """The provider's final no to the payment is an operator's case, and no order is lost by it."""
    await market.world.fault("error", "POST /v1/payment_intents$", times=1, status=400)
    bought = await buy(market)
    parked = await bought.until(lambda state: state.parked is not None)
    word = said.Resolve(OPERATOR, bought.at(hours=1), said.Resolution.RETRY, "mended")
    await bought.ask("resolve", word)
    state = await bought.asks()

    assert parked.parked is not None
    assert parked.parked.step == "purchase.ask"
    assert state.parked is None
    assert await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL") == []


@pytest.mark.case(60)
async def test_a_seller_who_is_suspended_before_the_payment_is_refunded_for(
    market: Marketplace,
) -> None:
    """The buyer has paid for both: the one part goes back by itself, the other one goes on."""
    bought = await buy(market)
    await bought.asks()
    good, gone = bought.orders
    await gone.until(lambda state: state.version > 0)
    await gone.seller_stands(Standing.SUSPENDED, minutes=1)
    waits = await gone.state()
    await bought.paid(minutes=2)
    ended = await gone.handle.result()

    assert waits.payment is Payment.AWAITING
    assert (ended.outcome, ended.refunded) == (Outcome.SELLER_SUSPENDED, 4_000)
    assert (await good.state()).payment is Payment.CAPTURED
    assert await bought.at_provider() == [("charge", 10_000), ("refund", -4_000)]
