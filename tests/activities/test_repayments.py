"""Goods that came although their money had gone back: the buyer pays again, if they like."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from activities.repayment_requests import RepaymentStep
from activities.requests import CareForPayment, Step
from adapters.errors import Unavailable
from domain.order.repaying import RepaymentState, Stage
from tests.activities.repayment_steps import asked_again, came_anyway, paying_again
from tests.activities.test_returns import balances
from tests.activities.test_sweep import found, swept
from tests.support.shop import CARD, SLIP, Deal, Shop, after, attempted


async def looked_at(deal: Deal, state: RepaymentState) -> RepaymentState:
    return await attempted(deal.shop.repayments.settle, RepaymentStep(state, after(days=7)), 1)


async def closed(deal: Deal, state: RepaymentState, day: int = 30) -> RepaymentState:
    return await attempted(deal.shop.repayments.close, RepaymentStep(state, after(days=day)), 1)


async def kinds(deal: Deal) -> list[str]:
    """What the order's timeline tells of it."""
    query = (
        "SELECT kind FROM timeline WHERE subject = :subject AND "
        "(kind LIKE '%repayment%' OR kind LIKE '%again%') ORDER BY seq"
    )
    async with deal.shop.engine.connect() as db:
        found = await db.execute(text(query), {"subject": f"order/{deal.order}"})
        return [kind.removeprefix("order.") for kind in found.scalars()]


@pytest.mark.case(25)
async def test_what_is_paid_again_is_the_seller_s_at_once(shop: Shop) -> None:
    """The goods are there: less commission it is payable, and the order's own money untouched."""
    deal = await came_anyway(shop)
    before = await balances(shop)
    paid = await looked_at(deal, await asked_again(deal, CARD))
    now = await balances(shop)

    assert (paid.stage, paid.amount, paid.settled) == (Stage.PAID, 5_000, 5_000)
    assert before["escrow"] == now["escrow"] == 5_000
    assert now["seller_payable"] + now["commission"] == 5_000
    assert now["commission"] == 400
    assert await kinds(deal) == ["repayment_asked", "paid_again"]


@pytest.mark.case(10, 25)
async def test_a_payment_whose_message_is_lost_is_found_out(shop: Shop) -> None:
    """The buyer has paid, and would be shown for days that they have not."""
    deal = await came_anyway(shop)
    asked = await asked_again(deal, CARD)
    first, again = await swept(shop), await swept(shop)
    news = [one for one in await found(shop) if one[1] == f"repayment/{deal.order}"]
    await looked_at(deal, asked)

    assert news == [("sweep.payment", f"repayment/{deal.order}")]
    assert (first.found, again.found) == (1, 0)
    assert (await swept(shop)).payments == 0


@pytest.mark.case(25)
async def test_nothing_is_taken_from_a_buyer_who_does_not_pay(shop: Shop) -> None:
    """The window closes, and they may ask for another: the first can no longer be paid."""
    deal = await came_anyway(shop)
    first = await asked_again(deal)
    lapsed = await closed(deal, first)
    second = await asked_again(deal, CARD)
    paid = await looked_at(deal, second)

    assert (first.closes_at, lapsed.stage) == (after(days=9), Stage.LAPSED)
    assert (second.attempt, second.intent == first.intent) == (2, False)
    assert paid.stage is Stage.PAID
    told = ["repayment_asked", "repayment_lapsed", "repayment_asked", "paid_again"]
    assert await kinds(deal) == told


async def test_what_was_paid_again_is_not_asked_twice(shop: Shop) -> None:
    """A late click finds nothing to pay, and opens nothing."""
    deal = await came_anyway(shop)
    await looked_at(deal, await asked_again(deal, CARD))
    nothing = await attempted(shop.repayments.ask, paying_again(deal, CARD), 1)

    assert (nothing.stage, nothing.intent) == (Stage.LAPSED, "")
    assert await kinds(deal) == ["repayment_asked", "paid_again"]


async def test_the_platform_pays_its_part_of_the_price_again(shop: Shop) -> None:
    """Its subsidy had gone back as well: the buyer is asked for no more than they had back."""
    deal = await came_anyway(shop, subsidy=1_000)
    async with shop.engine.connect() as db:
        told = "SELECT facts->>'amount' FROM outbox WHERE template = 'order.arrived_after_refund'"
        letter = (await db.execute(text(told))).scalar_one()
    paid = await looked_at(deal, await asked_again(deal, CARD))
    found = await balances(shop)

    assert (letter, paid.amount, paid.worth) == ("4500", 4_500, 5_000)
    assert found["seller_payable"] + found["commission"] == 5_000
    assert found["subsidy"] == -1_000


async def test_a_seller_abroad_has_their_own_currency(shop: Shop) -> None:
    """At the rate that the order keeps, beside the entry in the buyer's."""
    deal = await came_anyway(shop, settles_in="CNY")
    await looked_at(deal, await asked_again(deal, CARD))
    async with shop.engine.connect() as db:
        query = "SELECT currency, -sum(amount) FROM legs WHERE kind = 'seller_payable' GROUP BY 1"
        ((currency, amount),) = (await db.execute(text(query))).all()

    assert currency == "CNY"
    assert 30_000 < amount < 45_000


async def test_a_debit_on_its_way_is_waited_for(shop: Shop) -> None:
    """It cannot be called back: the window stays open until it has arrived."""
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent, "pm_sepa_debit")
    waiting = await closed(deal, state)
    await shop.world.arrive(state.intent)
    paid = await closed(deal, waiting, day=40)

    assert waiting.stage is Stage.AWAITING_PAYMENT
    assert waiting.closes_at is not None
    assert waiting.closes_at > after(days=30)
    assert paid.stage is Stage.PAID


@pytest.mark.case(5)
async def test_another_amount_goes_back_and_may_be_paid_anew(shop: Shop) -> None:
    """Nobody decides about it: the buyer has it back in full, and the seller nothing yet."""
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent, SLIP)
    await shop.world.arrive(state.intent, amount=4_000)
    back = await looked_at(deal, state)
    found = await balances(shop)
    moved = [line["amount"] for line in (await shop.world.effects(deal.order))["lines"]]

    assert (back.stage, back.settled) == (Stage.SENT_BACK, 0)
    assert "seller_payable" not in found
    assert "unapplied_receipts" not in found
    assert sorted(moved)[:2] == [-5_000, -4_000]
    assert (await asked_again(deal)).attempt == 2


async def test_what_was_sent_back_and_comes_back_calls_a_person(shop: Shop) -> None:
    """The process has ended: aftercare hears of it, and nothing is lost."""
    await shop.world.change(auto_refunds=False)
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent, SLIP)
    await shop.world.arrive(state.intent, amount=4_000)
    await looked_at(deal, state)
    async with shop.engine.connect() as db:
        query = "SELECT reference FROM effects WHERE kind = 'late_refund'"
        reference = (await db.execute(text(query))).scalar_one()
    await shop.world.fail_refund(reference)
    care = CareForPayment(deal.order, after(days=40))
    done = await attempted(shop.repayments.care, care, 1)
    async with shop.engine.connect() as db:
        alarms = (await db.execute(text("SELECT kind, subject FROM alarms"))).all()

    assert done == "refund_came_back"
    assert ("refund_came_back", f"repayment/{deal.order}") in [tuple(row) for row in alarms]
    assert (await balances(shop))["unapplied_receipts"] == 4_000


async def refused_once_then(shop: Shop, deal: Deal, method: str = CARD) -> None:
    """The provider has opened and charged, and we have not heard of it."""
    asking = "POST /v1/payment_intents$"
    await shop.world.fault("error_after_effect", asking, key=deal.order, times=1, status=503)
    with pytest.raises(Unavailable):
        await asked_again(deal, method)


async def charges(shop: Shop, deal: Deal) -> list[int]:
    """What the provider took and gave for the order, by its own books."""
    lines = (await shop.world.effects(deal.order))["lines"]
    return sorted(line["amount"] for line in lines)


@pytest.mark.case(56)
async def test_a_charge_whose_answer_was_lost_for_days_is_found_again(shop: Shop) -> None:
    """The step begins anew as a first attempt, and the provider has forgotten our key by then."""
    deal = await came_anyway(shop)
    await refused_once_then(shop, deal)
    await shop.world.expire_keys()
    paid = await looked_at(deal, await asked_again(deal, CARD))

    assert paid.stage is Stage.PAID
    assert await charges(shop, deal) == [-5_000, 5_000, 10_000]


async def test_what_comes_while_the_first_answer_is_lost_is_asked_for_next(shop: Shop) -> None:
    """A repeat asks for what is on record, under the same key; the rest is another attempt's."""
    deal = await came_anyway(shop, parts=3)
    await refused_once_then(shop, deal)
    await deal.scan("2", "delivered", after(days=6))
    await deal.took(shop.shipments.follow, Step(deal.state, after(days=6)))
    first = await looked_at(deal, await asked_again(deal, CARD))
    second = await looked_at(deal, await asked_again(deal, CARD))

    assert (first.amount, second.amount) == (3_334, 3_333)
    assert (second.stage, second.settled) == (Stage.PAID, 6_667)


async def test_a_payment_is_sent_back_when_the_refund_has_come_back(shop: Shop) -> None:
    """The buyer has paid the first time after all: nobody is paid twice for one parcel."""
    await shop.world.change(auto_refunds=False)
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.fail_refund(await deal.at_refund())
    await deal.took(shop.refunds.follow, Step(deal.state, after(days=6)))
    await shop.world.pay(state.intent)
    back = await looked_at(deal, state)

    assert back.stage is Stage.SENT_BACK
    assert "seller_payable" not in await balances(shop)
    assert (await attempted(shop.repayments.ask, paying_again(deal), 1)).intent == ""


async def test_another_refund_of_the_order_asks_for_nothing(shop: Shop) -> None:
    """Goodwill for one parcel is not the price of another whose own refund has come back."""
    await shop.world.change(auto_refunds=False)
    deal = await came_anyway(shop, is_delivered=False)
    await deal.took(shop.refunds.refund, deal.refunding(4_000, after(days=5)))
    await shop.world.fail_refund(await deal.at_refund())
    await deal.took(shop.refunds.follow, Step(deal.state, after(days=6)))
    await deal.scan("1", "delivered", after(days=7))
    await deal.took(shop.shipments.follow, Step(deal.state, after(days=7)))
    nothing = await attempted(shop.repayments.ask, paying_again(deal, CARD), 1)

    assert (nothing.stage, nothing.intent) == (Stage.LAPSED, "")


async def test_what_was_sent_back_is_followed_while_the_next_is_open(shop: Shop) -> None:
    """Its news comes to whoever runs now; the buyer's bank has refused it."""
    await shop.world.change(auto_refunds=False)
    deal = await came_anyway(shop)
    first = await asked_again(deal)
    await shop.world.pay(first.intent, SLIP)
    await shop.world.arrive(first.intent, amount=4_000)
    await looked_at(deal, first)
    second = await asked_again(deal)
    async with shop.engine.connect() as db:
        query = "SELECT reference FROM effects WHERE kind = 'late_refund'"
        reference = (await db.execute(text(query))).scalar_one()
    await shop.world.fail_refund(reference)
    await looked_at(deal, second)
    async with shop.engine.connect() as db:
        alarms = (await db.execute(text("SELECT kind FROM alarms"))).scalars().all()

    assert "refund_came_back" in alarms
    assert (await balances(shop))["unapplied_receipts"] == 4_000


async def test_what_nobody_hears_any_more_is_settled_by_aftercare(shop: Shop) -> None:
    """Its execution was ended by hand, or gave up: the buyer's money is not lost."""
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent)
    care = CareForPayment(deal.order, after(days=8))
    done = [await attempted(shop.repayments.care, care, 1) for _ in range(2)]

    assert done == ["paid", "nothing_to_do"]
    assert (await balances(shop))["seller_payable"] == 4_600


async def test_what_the_carrier_takes_back_or_brought_elsewhere_asks_for_nothing(
    shop: Shop,
) -> None:
    """The buyer has neither goods nor reason to pay for them."""
    deal = await came_anyway(shop)
    async with shop.engine.begin() as db:
        mine = {"parcel": f"{deal.order}/1"}
        row = "UPDATE scans SET is_withdrawn = true WHERE parcel = :parcel AND milestone = "
        await db.execute(text(f"{row}'delivered'"), mine)
    await deal.scan("1", "in_transit", after(days=6))
    await deal.took(shop.shipments.follow, Step(deal.state, after(days=6)))
    withdrawn = await attempted(shop.repayments.ask, paying_again(deal), 1)
    other = await came_anyway(shop, is_delivered=False)
    await other.scan("1", "delivered", after(days=7))
    async with shop.engine.begin() as db:
        where = {"parcel": f"{other.order}/1"}
        await db.execute(text("UPDATE scans SET country = 'CN' WHERE parcel = :parcel"), where)
    await other.took(shop.shipments.follow, Step(other.state, after(days=7)))
    elsewhere = await attempted(shop.repayments.ask, paying_again(other), 1)
    async with shop.engine.connect() as db:
        alarms = (await db.execute(text("SELECT kind FROM alarms"))).scalars().all()

    assert withdrawn.intent == elsewhere.intent == ""
    assert "delivered_elsewhere" in alarms


async def test_one_request_is_one_payment_however_often_it_is_delivered(shop: Shop) -> None:
    """The answer was lost after all was over: a repeat opens nothing, and charges nobody."""
    deal = await came_anyway(shop)
    asked = paying_again(deal, CARD)
    asked = replace(asked, state=replace(asked.state, request="r-1"))
    state = await attempted(shop.repayments.ask, asked, 1)
    await looked_at(deal, state)
    again = await attempted(shop.repayments.ask, asked, 1)

    assert (again.stage, again.attempt) == (Stage.PAID, 1)
    assert await charges(shop, deal) == [-5_000, 5_000, 10_000]


async def test_a_buyer_before_their_bank_s_page_is_waited_for_once(shop: Shop) -> None:
    """As any payment is: the window is lengthened, and then it closes."""
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent, "authenticate")
    longer = await closed(deal, state)
    lapsed = await closed(deal, longer, day=31)

    assert (longer.stage, longer.lengthened) == (Stage.AWAITING_PAYMENT, True)
    assert lapsed.stage is Stage.LAPSED
