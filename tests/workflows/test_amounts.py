"""Money of another amount than was asked for: every decision, and silence, ends somewhere."""

import pytest

from domain.order.paying import AmountDecision, BorneBy
from domain.order.state import Outcome, Payment
from tests.support.marketplace import SUPPORT, Marketplace, Placed, buyer
from tests.workflows.test_attempts import another_way
from workflows.order import messages as said


async def other_amount(market: Marketplace, paid: int = 9_000) -> Placed:
    """An order over 10,000 to which its buyer's bank sent *paid*."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent, "slow")
    await market.world.arrive(state.intent, amount=paid)
    await order.payment_news(days=1)
    await order.until(lambda state: state.payment is Payment.AMOUNT_DIFFERS)
    return order


def decision(
    order: Placed, what: AmountDecision, borne_by: BorneBy = BorneBy.PLATFORM_LOSS
) -> said.DecideAmount:
    return said.DecideAmount(SUPPORT, order.at(days=2), what, "a bank's fee", borne_by)


@pytest.mark.case(5)
async def test_another_amount_waits_for_a_decision(market: Marketplace) -> None:
    """Nobody ships for it, it is nobody's yet, and a person is called."""
    order = await other_amount(market)
    state = await order.state()
    balances = await market.balances()

    assert (state.received, state.captured) == (9_000, 0)
    assert balances[f"unapplied_receipts/{order.order}"] == 9_000
    assert "ready_to_ship" not in await market.kinds(order.order)
    assert await market.rows("SELECT status FROM order_views") == [("amount_differs",)]
    assert await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL") == [
        ("amount_differs",)
    ]


@pytest.mark.case(5)
@pytest.mark.parametrize("borne_by", list(BorneBy))
async def test_a_short_amount_is_made_whole_by_the_account_that_was_named(
    market: Marketplace, borne_by: BorneBy
) -> None:
    """The seller ships for the full price; the books say who paid the difference."""
    order = await other_amount(market)
    state = await order.ask(decision(order, AmountDecision.ACCEPT, borne_by))
    balances = await market.balances()

    assert (state.captured, state.received) == (10_000, 0)
    assert balances[f"escrow/{order.order}"] == 10_000
    assert balances[f"{borne_by}/"] == -1_000
    assert f"unapplied_receipts/{order.order}" not in balances
    assert await market.rows("SELECT count(*) FROM alarms WHERE cleared_at IS NULL") == [(0,)]


@pytest.mark.case(5)
async def test_what_the_platform_made_whole_is_never_paid_out_to_the_buyer(
    market: Marketplace,
) -> None:
    """Refunded in full, the buyer has back what they paid, and the platform what it bore."""
    order = await other_amount(market)
    await order.ask(decision(order, AmountDecision.ACCEPT))
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=3), 10_000))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.REFUNDED
    assert await market.provider_effects(order.order) == [("charge", 9_000), ("refund", -9_000)]
    assert "platform_loss/" not in await market.balances()


@pytest.mark.case(5)
async def test_an_excess_is_accepted_as_far_as_it_is_due(market: Marketplace) -> None:
    """The due part pays the order; the rest goes back at once."""
    order = await other_amount(market, 12_000)
    state = await order.ask(decision(order, AmountDecision.ACCEPT))

    assert (state.captured, state.returns) == (10_000, 1)
    assert await market.provider_effects(order.order) == [("charge", 12_000), ("refund", -2_000)]
    assert f"unapplied_receipts/{order.order}" not in await market.balances()


@pytest.mark.case(5)
async def test_it_goes_back_and_the_right_amount_is_waited_for(market: Marketplace) -> None:
    """The buyer mistyped: they have it back, and pay anew in a new window."""
    order = await other_amount(market)
    first = (await order.state()).intent
    state = await order.ask(decision(order, AmountDecision.REFUND_AND_WAIT))
    assert state.payment is Payment.AWAITING
    assert state.clocks[0].due_at == order.at(days=5)
    await order.paid(days=3)
    paid = await order.until(lambda state: state.captured > 0)

    assert paid.intent != first
    assert paid.captured == 10_000
    assert await market.provider_effects(order.order) == [
        ("charge", 9_000),
        ("charge", 10_000),
        ("refund", -9_000),
    ]


@pytest.mark.case(5)
async def test_it_goes_back_and_the_order_closes(market: Marketplace) -> None:
    """Support sees no way: the buyer has everything back."""
    order = await other_amount(market)
    await order.ask(decision(order, AmountDecision.REFUND_AND_CLOSE))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.AMOUNT_REFUSED
    assert await market.provider_effects(order.order) == [("charge", 9_000), ("refund", -9_000)]


@pytest.mark.case(5)
async def test_silence_sends_all_of_it_back(market: Marketplace) -> None:
    """Nobody decides in three days: other people's money is not kept."""
    order = await other_amount(market)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.AMOUNT_REFUSED
    assert ended.ended_at == order.at(days=4)
    assert f"unapplied_receipts/{order.order}" not in await market.balances()
    assert await market.rows("SELECT count(*) FROM alarms WHERE cleared_at IS NULL") == [(0,)]


async def test_a_buyer_may_give_up_meanwhile(market: Marketplace) -> None:
    """Cancelled by the buyer while nobody has decided: all of it goes back."""
    order = await other_amount(market)
    await order.ask(said.CancelOrder(buyer(order.order), order.at(days=2)))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.CANCELLED_BY_BUYER
    assert await market.provider_effects(order.order) == [("charge", 9_000), ("refund", -9_000)]


@pytest.mark.case(2, 5)
async def test_of_two_payments_the_right_one_pays(market: Marketplace) -> None:
    """A short debit and a full card arrive together: the card pays, the debit goes back."""
    order = await market.order(total=10_000)
    first = (await order.until(lambda state: bool(state.intent))).intent
    await market.world.pay(first, "slow")
    await order.ask(another_way(order, hours=1))
    await market.world.arrive(first, amount=9_000)
    await order.payment_news(hours=2)
    state = await order.until(lambda state: state.returns == 1)

    assert state.captured == 10_000
    assert state.intent != first
    assert await market.provider_effects(order.order) == [
        ("charge", 9_000),
        ("charge", 10_000),
        ("refund", -9_000),
    ]
