"""A purchase that is not one payment of the right amount by its buyer alone."""

from dataclasses import replace

import pytest

from activities.purchase_requests import OpenPurchase
from domain.errors import IllegalTransition
from domain.order.paying import AmountDecision, BorneBy
from domain.order.rules import MOST_ATTEMPTS
from domain.order.state import Payment
from domain.purchase.state import PurchaseState, Share, Stage
from tests.activities.test_purchases import rows
from tests.activities.test_returns import balances
from tests.support.bundles import Bundle, bundle
from tests.support.shop import BEGAN, CARD, SLIP, Shop, attempted


async def moved(shop: Shop, bought: Bundle) -> list[int]:
    """What moved at the provider for the purchase and its orders, by its own books."""
    names = [bought.purchase, *(deal.order for deal in bought.deals)]
    found = [await shop.world.effects(name) for name in names]
    return sorted(line["amount"] for one in found for line in one["lines"])


@pytest.mark.case(2)
async def test_of_two_payments_the_first_pays_and_the_other_goes_back(shop: Shop) -> None:
    """A card was charged while a slip was out: every order is paid once, and nothing is kept."""
    bought = await bundle(shop, 6_000, 4_000)
    slip = (await bought.asked()).intent
    await shop.world.pay(slip, SLIP)
    await bought.asked_again(CARD)
    await shop.world.arrive(slip)
    await bought.settled()
    await bought.others_closed()

    assert (bought.state.stage, bought.state.others) == (Stage.PAID, ())
    assert await moved(shop, bought) == [-10_000, 10_000, 10_000]
    assert (await balances(shop))["escrow"] == 10_000


async def test_a_slip_that_arrives_after_the_card_goes_back_too(shop: Shop) -> None:
    """It could not be cancelled any more, and the purchase has ended: aftercare knows of it."""
    bought = await bundle(shop, 6_000, 4_000)
    slip = (await bought.asked()).intent
    await shop.world.pay(slip, "pm_sepa_debit")
    await bought.asked_again(CARD)
    await bought.settled()
    await bought.others_closed()
    waits = bought.state.others
    await shop.world.arrive(slip)
    cared = [await bought.cared_for() for _ in range(2)]

    assert waits == (slip,)
    assert {one.done for one in cared} == {"late_payment_refunded, forwarded"}
    assert await moved(shop, bought) == [-10_000, 10_000, 10_000]


async def test_the_platform_s_part_of_each_order_is_its_own(shop: Shop) -> None:
    """The buyer pays less; every seller has the whole price, and refunds divide by who paid."""
    bought = await bundle(shop, 6_000, 4_000, subsidies=(1_500, 0))
    first, second = await bought.paid()
    await first.refunded(6_000)
    await second.refunded(1_000)

    assert bought.state.captured == 8_500
    assert (first.state.captured, second.state.captured) == (6_000, 4_000)
    assert await moved(shop, bought) == [-4_500, -1_000, 8_500]
    assert "subsidy" not in await balances(shop)
    assert await rows(shop, "SELECT captured, refunded FROM purchases") == [(8_500, 5_500)]


async def test_a_chargeback_takes_nothing_that_the_platform_paid(shop: Shop) -> None:
    """A card's holder has back what they paid, and no more."""
    bought = await bundle(shop, 6_000, 4_000, subsidies=(2_000, 0))
    first, second = await bought.paid()
    async with shop.database.transaction() as tx:
        shares = await tx.purchases.charge_back("dp_1", bought.purchase, 8_000)

    assert shares == {first.order: 4_000, second.order: 4_000}


@pytest.mark.case(5)
@pytest.mark.parametrize("borne_by", BorneBy)
async def test_a_short_payment_that_is_accepted_pays_every_order(
    shop: Shop, borne_by: BorneBy
) -> None:
    """Each lacks its part, to the last cent, and the named account makes each of them whole."""
    bought = await bundle(shop, 6_000, 3_999, subsidies=(1_000, 0))
    await bought.paid_otherwise(7_000)
    assert (await bought.heard(bought.deals[0])).payment is Payment.AWAITING
    await bought.decided(AmountDecision.ACCEPT, borne_by)

    assert (bought.state.stage, bought.state.captured) == (Stage.PAID, 7_000)
    assert [deal.state.captured for deal in bought.deals] == [6_000, 3_999]
    found = await balances(shop)
    assert found["escrow"] == 9_999
    assert "unapplied_receipts" not in found
    borne = {"platform_loss": -1_999, "subsidy": -1_000}
    if borne_by is BorneBy.SUBSIDY:
        borne = {"platform_loss": 0, "subsidy": -2_999}
    assert {name: found.get(name, 0) for name in borne} == borne
    assert await rows(shop, "SELECT kind FROM alarms WHERE cleared_at IS NULL") == []


@pytest.mark.case(5)
async def test_an_excess_that_is_accepted_gives_the_rest_back(shop: Shop) -> None:
    """The buyer typed too much: the orders have their prices, the buyer has the rest."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid_otherwise(12_000)
    await bought.decided(AmountDecision.ACCEPT)

    assert bought.state.captured == 10_000
    assert await moved(shop, bought) == [-2_000, 12_000]


@pytest.mark.case(5)
async def test_an_amount_that_goes_back_may_be_paid_again(shop: Shop) -> None:
    """A further payment asks for the right amount, and its orders are paid by that one."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid_otherwise(9_000)
    await bought.decided(AmountDecision.REFUND_AND_WAIT)
    await shop.world.pay(bought.state.intent)
    await bought.settled()

    assert (bought.state.stage, bought.state.captured) == (Stage.PAID, 10_000)
    assert await moved(shop, bought) == [-9_000, 9_000, 10_000]


@pytest.mark.case(5)
async def test_an_amount_that_is_refused_closes_every_order(shop: Shop) -> None:
    """All of it goes back, once, though news of it comes again afterwards."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid_otherwise(9_000)
    await bought.decided(AmountDecision.REFUND_AND_CLOSE)
    cared = await bought.cared_for()

    assert (bought.state.stage, cared.done) == (Stage.NEVER_PAID, "nothing_to_do")
    assert {deal.state.payment for deal in bought.deals} == {Payment.NEVER_PAID}
    assert await moved(shop, bought) == [-9_000, 9_000]


async def test_a_decision_to_wait_ends_with_the_attempts(shop: Shop) -> None:
    """The refusal changes nothing: the money is still apart, and another decision is possible."""
    bought = await bundle(shop, 6_000, 4_000)
    state = await bought.paid_otherwise(9_000)
    bought.state = replace(state, attempts=MOST_ATTEMPTS)
    asked = bought.deciding(AmountDecision.REFUND_AND_WAIT)
    with pytest.raises(IllegalTransition):
        await attempted(shop.purchase_amounts.decide, asked, 1)

    assert (await balances(shop))["unapplied_receipts"] == 9_000


async def test_a_seller_who_is_paid_on_shipment_refuses_the_whole(shop: Shop) -> None:
    """Nothing is charged before the buyer knows that this order has to be placed by itself."""
    await shop.policy("long", capture="on_shipment")
    sellers = [await shop.seller(), await shop.seller(policy="long")]
    shares = tuple(Share(f"p-long-{n}", seller, 1_000) for n, seller in enumerate(sellers))
    state = PurchaseState("p-long", "b-1", "EUR", BEGAN, shares)
    opening = OpenPurchase(state, BEGAN, ((), ()), "DE")
    refused = await attempted(shop.purchases.open, opening, 1)

    assert (refused.stage, refused.reason) == (Stage.NOT_ACCEPTED, "paid-on-shipment")
    assert await rows(shop, "SELECT * FROM orders") == []
