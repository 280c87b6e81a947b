"""A buyer who pays twice, late, or before their bank's page: the order is paid once."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.state import Outcome, Payment
from tests.support.marketplace import Marketplace, Placed, buyer
from tests.workflows.test_order import code_of
from workflows.order import messages as said

CARD = "pm_card_visa"


def another_way(order: Placed, method: str = CARD, **after: float) -> said.PayAnotherWay:
    return said.PayAnotherWay(buyer(order.order), order.at(**after), method)


async def slip_out(market: Marketplace) -> tuple[Placed, str]:
    """An order whose buyer has taken a debit that may still be collected."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent, "slow")
    return order, state.intent


async def paid_twice(market: Marketplace) -> Placed:
    """A card has paid while a debit is on its way, and then the debit arrives as well."""
    order, debit = await slip_out(market)
    await order.ask(another_way(order, hours=1))
    await order.payment_news(hours=1)
    await order.until(lambda state: state.captured > 0)
    await market.world.arrive(debit)
    await order.payment_news(days=2)
    await order.until(lambda state: not state.others)
    return order


@pytest.mark.case(2)
async def test_a_second_payment_goes_back_by_itself(market: Marketplace) -> None:
    """The buyer pays twice: the excess is refunded in full, and nothing ships twice."""
    order = await paid_twice(market)
    state = await order.state()
    balances = await market.balances()

    assert (state.captured, state.refunded, state.returns) == (10_000, 0, 1)
    assert await market.provider_effects(order.order) == [
        ("charge", 10_000),
        ("charge", 10_000),
        ("refund", -10_000),
    ]
    assert balances[f"escrow/{order.order}"] == 10_000
    assert f"unapplied_receipts/{order.order}" not in balances
    kinds = await market.kinds(order.order)
    assert kinds.count("ready_to_ship") == 1
    assert "paid_twice" in kinds


@pytest.mark.case(1, 2)
async def test_the_same_news_again_gives_nothing_back_again(market: Marketplace) -> None:
    """Providers repeat themselves: one posting per payment, one refund of the excess."""
    order = await paid_twice(market)
    before = await market.rows("SELECT count(*) FROM postings")
    await order.payment_news(days=3)
    await order.payment_news(days=4)
    await order.shipped(days=5)

    assert await market.rows("SELECT count(*) FROM postings") == before


@pytest.mark.case(2)
async def test_what_is_not_paid_yet_is_closed_once_the_order_is_paid(market: Marketplace) -> None:
    """A slip left open would be paid by somebody who has paid already."""
    order = await market.order(total=10_000, currency="BRL")
    first = (await order.until(lambda state: bool(state.intent))).intent
    await market.world.pay(first, "slow")
    await order.ask(another_way(order, hours=1))
    await order.payment_news(hours=1)
    state = await order.until(lambda state: state.captured > 0 and not state.others)
    slip = market.world.place.stripe().v1.payment_intents.retrieve(first)

    assert slip.status == "canceled"
    assert state.intent != first
    assert state.returns == 0


async def test_a_further_payment_is_refused_once_one_has_arrived(market: Marketplace) -> None:
    """The news is still on its way, but the provider knows: nobody is asked to pay again."""
    order, debit = await slip_out(market)
    await market.world.arrive(debit)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(another_way(order, hours=1))
    state = await order.state()

    assert code_of(refused) == "illegal-transition"
    assert state.captured == 10_000
    assert await market.provider_effects(order.order) == [("charge", 10_000)]


@pytest.mark.case(6)
async def test_a_buyer_before_their_bank_s_page_may_finish(market: Marketplace) -> None:
    """3-D Secure at the very end of the window: half an hour more, then the money is there."""
    order = await market.order(total=10_000, method="pm_card_authenticationRequired")
    state = await order.until(lambda state: bool(state.intent))
    await order.skip(days=3, minutes=1)
    waiting = await order.until(lambda s: s.clocks[0].due_at == order.at(days=3, minutes=30))
    await market.world.arrive(state.intent)
    await order.payment_news(days=3, minutes=10)
    paid = await order.until(lambda state: state.captured > 0)

    assert waiting.payment is Payment.AWAITING
    assert paid.outcome is Outcome.OPEN


@pytest.mark.case(6)
async def test_a_buyer_who_never_comes_back_from_their_bank_is_not_waited_for(
    market: Marketplace,
) -> None:
    """The window is lengthened once; then the payment is closed for good."""
    order = await market.order(total=10_000, method="pm_card_authenticationRequired")
    await order.until(lambda state: bool(state.intent))
    ended = await order.skip_to_end()
    seen = market.world.place.stripe().v1.payment_intents.retrieve(ended.intent)

    assert ended.outcome is Outcome.NEVER_PAID
    assert ended.ended_at == order.at(days=3, minutes=30)
    assert seen.status == "canceled"
