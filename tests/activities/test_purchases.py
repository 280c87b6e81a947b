"""One payment over several orders: shares that sum exactly, and one lock over all refunds."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from activities.purchase_requests import ClosePurchase, OpenPurchase
from domain.errors import AlreadyExists, AmountExceeded, PendingRequest
from domain.order.state import OrderState, Payment
from domain.purchase.state import PurchaseEvent, PurchaseState, Share, Stage
from tests.activities.test_money_steps import waiters
from tests.activities.test_returns import balances
from tests.support.bundles import Bundle, bundle
from tests.support.shop import SLIP, Deal, Shop, after, attempted


async def rows(shop: Shop, query: str) -> Sequence[Any]:
    async with shop.engine.connect() as db:
        return (await db.execute(text(query))).all()


async def less(shop: Shop, bought: Bundle, charged_back: int) -> None:
    """The payment has lost something that no order has been told of yet."""
    async with shop.database.transaction() as tx:
        payment = await tx.purchases.locked(bought.purchase)
        await tx.purchases.put(replace(payment, charged_back=charged_back))


@pytest.mark.case(50)
@pytest.mark.parametrize("first", [0, 1])
async def test_two_orders_never_refund_more_than_the_payment_has(shop: Shop, first: int) -> None:
    """Each asks for what its own share allows; together it is more than arrived."""
    bought = await bundle(shop, 6_000, 4_000)
    deals = await bought.paid()
    await less(shop, bought, 4_000)
    winner, loser = deals[first], deals[1 - first]
    async with shop.engine.connect() as db:
        await db.execute(text("SELECT 1 FROM purchases FOR UPDATE"))
        ahead = await _queued(shop, winner, 1)
        behind = await _queued(shop, loser, 2)
        await db.rollback()
    refunded, refused = await asyncio.gather(ahead, behind, return_exceptions=True)

    assert isinstance(refunded, OrderState)
    assert isinstance(refused, AmountExceeded)
    assert await rows(shop, "SELECT refunded FROM purchases") == [(4_000,)]
    assert (await balances(shop))["escrow"] == 6_000
    await less(shop, bought, 0)


async def _queued(shop: Shop, deal: Deal, place: int) -> asyncio.Task[OrderState]:
    """Begin a refund, and let it wait at the payment's row as the one in that place."""
    task = asyncio.create_task(attempted(shop.refunds.refund, deal.refunding(4_000), 1))
    async with asyncio.timeout(20):
        while True:
            async with waiters(shop) as found:
                if found >= place:
                    return task
            await asyncio.sleep(0.02)


async def test_an_order_is_refunded_no_more_than_its_share(shop: Shop) -> None:
    """The payment has enough, and most of it is the other seller's."""
    bought = await bundle(shop, 6_000, 4_000)
    small = (await bought.paid())[1]
    with pytest.raises(AmountExceeded):
        await small.refunded(4_001)

    assert (await balances(shop))["escrow"] == 10_000


async def test_a_refund_that_comes_back_is_the_payment_s_again(shop: Shop) -> None:
    """Or the last refund of the purchase would find too little to take it from."""
    await shop.world.change(auto_refunds=False)
    bought = await bundle(shop, 6_000, 4_000)
    deal = (await bought.paid())[0]
    await deal.refunded(6_000)
    await shop.world.fail_refund(await deal.at_refund())
    await deal.took(shop.refunds.follow, deal.releasing(after(days=9)))

    assert deal.state.refunded == 0
    assert await rows(shop, "SELECT refunded FROM purchases") == [(0,)]


@pytest.mark.case(49)
@pytest.mark.parametrize(
    ("currency", "totals"), [("EUR", (3_334, 3_333, 3_333)), ("JPY", (1, 2, 997))]
)
async def test_shares_and_fees_sum_to_the_payment(
    shop: Shop, currency: str, totals: tuple[int, ...]
) -> None:
    """Nothing is rounded away between the sellers, with or without decimals."""
    bought = await bundle(shop, *totals, currency=currency)
    await bought.paid()

    found = await balances(shop)
    assert found["escrow"] == sum(totals)
    assert await rows(
        shop,
        "SELECT p.fee - sum(a.fee) FROM purchases p JOIN purchase_allocations a USING (purchase)"
        " GROUP BY p.purchase",
    ) == [(0,)]


@pytest.mark.case(4)
async def test_money_for_a_closed_purchase_goes_back_whole(shop: Shop) -> None:
    """Kept apart from every order, and back with the buyer in one refund, however often told."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.asked()
    await shop.world.pay(bought.state.intent, SLIP)
    assert (await bought.closed()).stage is Stage.NEVER_PAID
    await shop.world.arrive(bought.state.intent)
    for _ in range(2):
        assert (await bought.cared_for()).done == "late_payment_refunded"

    lines = (await shop.world.effects(bought.purchase))["lines"]
    assert sorted(line["amount"] for line in lines) == [-10_000, 10_000]
    assert {"unapplied_receipts", "refunds_in_transit", "escrow"}.isdisjoint(await balances(shop))


async def test_late_money_that_comes_back_again_raises_an_alarm(shop: Shop) -> None:
    """The buyer's account is gone: the money is theirs, and a person finds another way."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.asked()
    await shop.world.pay(bought.state.intent, SLIP)
    await bought.closed()
    await shop.world.arrive(bought.state.intent)
    await bought.cared_for()
    lines = (await shop.world.effects(bought.purchase))["lines"]
    (refund,) = [line["source"] for line in lines if line["type"] == "refund"]
    await shop.world.fail_refund(refund)
    for _ in range(2):
        await bought.cared_for()

    assert (await balances(shop))["unapplied_receipts"] == 10_000
    assert await rows(shop, "SELECT kind FROM alarms") == [("refund_came_back",)]


async def test_news_of_a_paid_purchase_is_its_orders(shop: Shop) -> None:
    """Whatever it is about, each of them looks at its own."""
    bought = await bundle(shop, 6_000, 4_000)
    deals = await bought.paid()
    cared = await bought.cared_for()

    assert (cared.done, cared.orders) == ("forwarded", tuple(deal.order for deal in deals))


async def test_an_order_hears_nothing_before_the_money_is_there(shop: Shop) -> None:
    """News of a payment that is still on its way is no payment."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.asked()
    state = await bought.heard(bought.deals[0])

    assert (state.payment, state.clocks) == (Payment.AWAITING, ())


async def test_a_deadline_waits_for_who_spoke_in_time(shop: Shop) -> None:
    """The buyer's cancellation is on record and was not heard yet."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.asked()
    async with shop.engine.begin() as db:
        await db.execute(
            text(
                "INSERT INTO requests (id, caller, route, object, key, body_hash, command, person,"
                " state, received_at, update_id, due_at, attempts, last_error) VALUES ('r', 'b',"
                " 'r', :object, 'k', '', 'c', '', 'waiting', :at, 'u', :at, 0, '')"
            ),
            {"object": f"purchase/{bought.purchase}", "at": after(days=3)},
        )
    closing = ClosePurchase(
        bought.state, after(days=3), PurchaseEvent.WINDOW_CLOSED, by_deadline=True
    )
    with pytest.raises(PendingRequest):
        await attempted(shop.purchase_payments.close, closing, 1)

    assert (await shop.gateway.look(bought.state.intent)).status == "awaiting_buyer"


async def test_a_purchase_is_opened_whole_or_not_at_all(shop: Shop) -> None:
    """The second seller cannot take it: of the first one's order nothing is left either."""
    bought = await bundle(shop, 6_000, 4_000)
    seller = bought.state.shares[0].seller
    shares = (Share("p-mixed-1", seller, 1), Share("p-mixed-2", "s-nobody", 1))
    mixed = PurchaseState("p-mixed", "b-1", "EUR", after(), shares)
    refused = await attempted(shop.purchases.open, OpenPurchase(mixed, after(), ((), ()), "DE"), 1)

    assert (refused.stage, refused.reason) == (Stage.NOT_ACCEPTED, "not-found")
    assert await rows(shop, "SELECT count(*) FROM orders") == [(2,)]


async def test_a_chargeback_is_allocated_once_pro_rata(shop: Shop) -> None:
    """What a card's holder takes back is taken of every order, by what each still has."""
    bought = await bundle(shop, 6_000, 4_000)
    deals = await bought.paid()
    await deals[0].refunded(2_000)
    first, second = deals[0].order, deals[1].order
    async with shop.database.transaction() as tx:
        shares = await tx.purchases.charge_back("dp_1", bought.purchase, 3_001)
    async with shop.database.transaction() as tx:
        again = await tx.purchases.charge_back("dp_1", bought.purchase, 3_001)

    assert shares == again == {first: 1_501, second: 1_500}
    async with shop.database.transaction() as tx:
        with pytest.raises(AlreadyExists):
            await tx.purchases.charge_back("dp_1", bought.purchase, 1)
        with pytest.raises(AmountExceeded):
            await tx.purchases.charge_back("dp_2", bought.purchase, 8_001)
