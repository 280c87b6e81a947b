"""A process never dies of a money step: it parks, says why, and goes on at an operator's word."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.state import Outcome
from tests.support.marketplace import OPERATOR, SUPPORT, Marketplace, Placed
from tests.workflows.test_order import code_of
from workflows._kit.attributes import NEEDS_ATTENTION
from workflows.order import messages as said
from workflows.order.messages import Resolution


async def parked_refund(market: Marketplace) -> Placed:
    """An order whose refund the provider has refused for good."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    state = await order.state()
    # Money that went back outside the engine: the provider has nothing left to refund.
    stripe = market.world.place.stripe()
    stripe.v1.refunds.create({"payment_intent": state.intent})
    refund = said.RefundOrder(SUPPORT, order.at(days=1), 10_000)
    await order.begin(refund)
    await order.until(lambda state: state.parked is not None)
    return order


def word(resolution: Resolution, order: Placed, note: str = "") -> said.Resolve:
    return said.Resolve(OPERATOR, order.at(days=2), resolution, note)


async def test_a_refused_refund_parks_and_says_why(market: Marketplace) -> None:
    """State, view, alarm and search attribute all say the same."""
    order = await parked_refund(market)
    state = await order.state()
    description = await order.handle.describe()

    assert state.parked is not None
    assert "charge_already_refunded" in state.parked.reason
    assert state.refunded == 0
    assert await market.rows("SELECT status, needs_attention FROM order_views") == [
        ("needs_attention", True)
    ]
    assert await market.rows("SELECT kind, cleared_at FROM alarms") == [("parked", None)]
    assert description.typed_search_attributes[NEEDS_ATTENTION] is True


async def test_an_operator_settles_it_by_hand(market: Marketplace) -> None:
    """What was paid outside is posted as such, and the order goes on to its end."""
    order = await parked_refund(market)
    by_hand = word(Resolution.SETTLE_BY_HAND, order, "refunded in the dashboard, case 4711")
    await order.ask(by_hand)
    ended = await order.handle.result()

    assert ended.outcome is Outcome.REFUNDED
    assert (await market.balances())["provider_clearing/by_hand"] == 10_000
    assert await market.rows("SELECT count(*) FROM alarms WHERE cleared_at IS NULL") == [(0,)]


async def test_a_retry_is_a_new_attempt_with_a_new_key(market: Marketplace) -> None:
    """Only a final failure advances the number; the same no parks again."""
    order = await parked_refund(market)
    await order.ask(word(Resolution.RETRY, order))
    await order.until(lambda state: state.refunds == 2 and state.parked is not None)
    effects = await market.rows("SELECT key, state FROM effects ORDER BY key")

    subject = f"order/{order.order}"
    assert effects == [(f"{subject}/refund/1", "failed"), (f"{subject}/refund/2", "failed")]


@pytest.mark.case(51)
async def test_a_final_refund_that_comes_back_parks_the_order(market: Marketplace) -> None:
    """An expired card fails days later: reversed, and an operator pays it another way."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), 2_000))
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await market.world.fail_refund(reference)
    await order.payment_news(days=2)
    parked = await order.until(lambda state: state.parked is not None)
    by_hand = word(Resolution.SETTLE_BY_HAND, order, "by wire, case 4712")
    state = await order.ask(by_hand)
    state = await order.until(lambda state: state.refunded == 2_000)

    assert (parked.refunded, state.parked) == (0, None)
    kinds = await market.kinds(order.order)
    assert "refund_came_back" in kinds
    assert (await market.balances())["provider_clearing/by_hand"] == 2_000
    assert await market.rows("SELECT count(*) FROM postings WHERE key LIKE '%%/returned'") == [(1,)]


async def test_nobody_resolves_what_is_not_parked(market: Marketplace) -> None:
    """The operator's door is closed while the process runs by itself."""
    order = await market.order()
    await order.paid(minutes=1)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(word(Resolution.RETRY, order))

    assert code_of(refused) == "illegal-transition"


async def test_a_provider_that_is_away_for_days_parks_the_order(market: Marketplace) -> None:
    """Retries end; the same key is tried again when the operator says so."""
    await market.world.fault("error", "POST /v1/refunds", status=503)
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    refund = said.RefundOrder(SUPPORT, order.at(days=1), 10_000)
    await order.begin(refund)
    await order.skip(days=5)
    await order.until(lambda state: state.parked is not None)
    await market.world.clear_faults()
    await order.ask(word(Resolution.RETRY, order))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.REFUNDED
    assert await market.rows("SELECT key FROM effects") == [(f"order/{order.order}/refund/1",)]
    assert await market.provider_effects(order.order) == [("charge", 10_000), ("refund", -10_000)]


async def test_what_a_rule_refuses_by_itself_parks_the_order(market: Marketplace) -> None:
    """Nobody asked, so nobody would hear the no: the order must not die with money in it."""
    order = await market.order()
    await order.paid(minutes=1)
    await market.rows_changed(
        'UPDATE order_money SET held = 10000 WHERE "order" = :order', order=order.order
    )
    await order.skip(days=8)
    parked = await order.until(lambda state: state.parked is not None)
    await market.rows_changed(
        'UPDATE order_money SET held = 0 WHERE "order" = :order', order=order.order
    )
    again = await order.ask(word(Resolution.RETRY, order, "the books are mended"))
    ended = await order.handle.result()

    assert parked.parked is not None
    assert parked.parked.tried == "amount-exceeded"
    assert again.parked is None
    assert (ended.outcome, ended.refunded) == (Outcome.NEVER_SHIPPED, 10_000)
