"""Authorised now, captured when the goods go: money is taken in time, or not at all."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.state import ClockName, Fulfilment, Outcome, Payment
from tests.support.marketplace import COMPLIANCE, Marketplace, Placed, buyer, seller_of
from tests.support.online import labelled
from tests.workflows.test_order import code_of
from workflows.order import messages as said

CARD = "pm_card_visa"
_LARGE = 50_000_000


async def authorised(market: Marketplace, total: int = 10_000, **figures: str) -> Placed:
    """An order whose policy takes the money at the shipment, and whose buyer's bank agrees."""
    figures = {"capture": "on_shipment", "ship_within": "20d"} | figures
    await market.policy("long", **figures)
    await market.seller("s-long", policy="long")
    order = await market.order("s-long", total=total, method=CARD)
    await order.until(lambda state: bool(state.intent))
    await order.payment_news(minutes=1)
    await order.until(lambda state: state.authorised > 0)
    return order


def at_provider(market: Marketplace, intent: str) -> str:
    return str(market.world.place.stripe().v1.payment_intents.retrieve(intent).status)


@pytest.mark.case(11)
async def test_what_the_bank_agreed_to_is_in_no_books(market: Marketplace) -> None:
    """The seller is told to ship, but nobody owns money that has not moved."""
    order = await authorised(market)
    state = await order.state()

    assert (state.payment, state.captured, state.authorised) == (Payment.AUTHORISED, 0, 10_000)
    assert state.fulfilment is Fulfilment.AWAITING_SHIPMENT
    assert await market.balances() == {}
    assert await market.provider_effects(order.order) == []


@pytest.mark.case(11)
async def test_the_money_is_taken_when_the_goods_go(market: Marketplace) -> None:
    """First the money, then the parcel; and once."""
    order = await authorised(market)
    state = await order.shipped(days=3)

    assert (state.payment, state.captured, state.authorised) == (Payment.CAPTURED, 10_000, 0)
    assert state.fulfilment is Fulfilment.DECLARED
    assert state.paid_at == order.at(days=3)
    assert await market.provider_effects(order.order) == [("charge", 10_000)]
    assert ClockName.AUTHORISATION not in {clock.name for clock in state.clocks}


@pytest.mark.case(11)
async def test_the_money_is_taken_before_the_bank_s_word_runs_out(market: Marketplace) -> None:
    """Processing takes longer than the seven days of an authorisation: captured a day before."""
    order = await authorised(market)
    await order.skip(days=6, minutes=10)
    state = await order.until(lambda state: state.captured > 0)

    assert state.payment is Payment.CAPTURED
    assert state.fulfilment is Fulfilment.AWAITING_SHIPMENT
    assert state.paid_at == order.at(days=6, minutes=1)
    assert (await market.balances())[f"escrow/{order.order}"] == 10_000


@pytest.mark.case(11)
async def test_a_word_that_ran_out_asks_the_buyer_again(market: Marketplace) -> None:
    """The bank gave the money free early: the seller is stopped, and the buyer may pay anew."""
    order = await authorised(market)
    first = (await order.state()).intent
    await market.world.expire_authorisation(first)
    await order.payment_news(days=2)
    waiting = await order.until(lambda state: state.payment is Payment.AWAITING)
    assert (waiting.fulfilment, waiting.authorised) == (Fulfilment.NOT_STARTED, 0)
    await market.world.pay(waiting.intent)
    await order.payment_news(days=3)
    again = await order.until(lambda state: state.payment is Payment.AUTHORISED)
    state = await order.shipped(days=4)

    assert again.intent != first
    assert state.captured == 10_000
    assert await market.provider_effects(order.order) == [("charge", 10_000)]
    told = await market.rows("SELECT audience FROM outbox WHERE template LIKE '%_lost'")
    assert sorted(audience for (audience,) in told) == ["buyer", "seller"]


@pytest.mark.case(11)
async def test_nothing_is_shipped_for_a_word_that_ran_out(market: Marketplace) -> None:
    """The news of it is lost, the seller declares a parcel: refused, typed, with no parcel kept."""
    order = await authorised(market)
    await market.world.expire_authorisation((await order.state()).intent)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.shipped(days=3)
    state = await order.state()

    assert code_of(refused) == "illegal-transition"
    assert state.payment is Payment.AWAITING
    assert await market.rows("SELECT count(*) FROM parcels") == [(0,)]


@pytest.mark.case(11)
async def test_a_policy_may_give_up_instead(market: Marketplace) -> None:
    """Some marketplaces ask nobody twice: the order closes unpaid."""
    order = await authorised(market, authorisation_lost="cancel")
    await market.world.expire_authorisation((await order.state()).intent)
    await order.payment_news(days=2)
    ended = await order.handle.result()

    assert ended.outcome is Outcome.NEVER_PAID
    assert await market.balances() == {}


@pytest.mark.case(11)
async def test_nobody_who_is_suspected_is_asked_to_pay_again(market: Marketplace) -> None:
    """The word runs out while compliance looks: the order closes, and no payment is left open."""
    order = await authorised(market)
    first = (await order.state()).intent
    await order.ask(said.ReportFraud(COMPLIANCE, order.at(days=1), "the card's holder denies it"))
    await market.world.expire_authorisation(first)
    await order.payment_news(days=2)
    ended = await order.handle.result()

    assert (ended.outcome, ended.intent, ended.attempts) == (Outcome.NEVER_PAID, first, 1)
    assert await market.rows("SELECT count(*) FROM alarms WHERE cleared_at IS NULL") == [(0,)]
    assert await market.balances() == {}


@pytest.mark.case(11)
async def test_an_order_called_off_before_its_capture_is_voided(market: Marketplace) -> None:
    """Never shipped: the bank's word is given back; there is nothing to refund."""
    order = await authorised(market, ship_within="3d")
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.NEVER_SHIPPED
    assert ended.payment is Payment.VOIDED
    assert at_provider(market, ended.intent) == "canceled"
    assert await market.provider_effects(order.order) == []


async def test_risk_is_refused_before_anything_is_taken(market: Marketplace) -> None:
    """A verdict before the capture costs no fee."""
    order = await authorised(market, _LARGE)
    refuse = said.DecideRisk(COMPLIANCE, order.at(hours=3), said.RiskVerdict.REFUSE)
    await order.ask(refuse)
    ended = await order.handle.result()

    assert (ended.outcome, ended.payment) == (Outcome.REFUSED_BY_RISK, Payment.VOIDED)
    assert at_provider(market, ended.intent) == "canceled"


async def test_a_number_that_cannot_be_takes_no_money(market: Marketplace) -> None:
    """The declaration is refused before the buyer's bank is asked."""
    order = await authorised(market)
    wrong = said.DeclareShipment(seller_of("s-long"), order.at(days=1), "DHLExpress", "123")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(wrong)
    state = await order.state()

    assert code_of(refused) == "tracking-number-invalid"
    assert state.captured == 0


@pytest.mark.case(18)
async def test_a_number_that_is_in_use_takes_no_money(market: Marketplace) -> None:
    """A declaration that is refused leaves the bank's word as it was."""
    order = await authorised(market)
    first = await market.order("s-long", method=CARD)
    await first.until(lambda state: bool(state.intent))
    await first.payment_news(minutes=1)
    await first.until(lambda state: state.authorised > 0)
    number = (await first.shipped(days=1)).parcels[0].number
    again = said.DeclareShipment(seller_of("s-long"), order.at(days=1), "DHLExpress", number)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(again)
    state = await order.state()

    assert code_of(refused) == "tracking-number-in-use"
    assert (state.captured, state.authorised) == (0, 10_000)
    assert at_provider(market, state.intent) == "requires_capture"


@pytest.mark.case(11)
async def test_a_label_is_bought_with_the_money_taken_and_not_before(market: Marketplace) -> None:
    """What is not sold at that price takes nothing; what is bought is paid for first."""
    order = await authorised(market)
    with pytest.raises(WorkflowUpdateFailedError) as dear:
        await labelled(order, most=1, days=1)
    untaken = await order.state()
    state = await labelled(order, days=2)

    assert code_of(dear) == "label-unavailable"
    assert (untaken.captured, untaken.authorised) == (0, 10_000)
    assert (state.payment, state.captured) == (Payment.CAPTURED, 10_000)
    assert (state.fulfilment, len(state.labels)) == (Fulfilment.DECLARED, 1)
    assert ("charge", 10_000) in await market.provider_effects(order.order)


async def test_a_buyer_who_cancels_in_time_leaves_no_authorisation(market: Marketplace) -> None:
    """The bank has agreed but the news is not here: the cancellation gives it back."""
    await market.policy("long", capture="on_shipment")
    await market.seller("s-long", policy="long")
    order = await market.order("s-long", method=CARD)
    state = await order.until(lambda state: bool(state.intent))
    await order.ask(said.CancelOrder(buyer(order.order), order.at(minutes=1)))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.CANCELLED_BY_BUYER
    assert at_provider(market, state.intent) == "canceled"


@pytest.mark.case(6, 11)
async def test_a_word_of_which_no_news_came_is_found_at_the_deadline(market: Marketplace) -> None:
    """The webhook was lost: the window's end looks before it closes."""
    await market.policy("long", capture="on_shipment", ship_within="20d")
    await market.seller("s-long", policy="long")
    order = await market.order("s-long", method=CARD)
    await order.until(lambda state: bool(state.intent))
    await order.skip(days=3, minutes=1)
    state = await order.until(lambda state: state.payment is not Payment.AWAITING)

    assert state.payment is Payment.AUTHORISED
