"""What an operator settles outside is never paid a second time by us."""

from dataclasses import replace

import pytest

from adapters.errors import Unavailable
from domain.errors import AlreadyExists
from domain.order import facts, rules
from domain.order.state import Outcome, Payment, Release
from tests.activities.test_returns import balances
from tests.support.shop import SLIP, Shop, after, attempted

_NOTE = "by wire, case 4711"


async def test_a_refund_settled_by_hand_is_not_also_sent(shop: Shop) -> None:
    """The answer of the step was lost and it runs again: the provider must not hear of it."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    asked = replace(deal.refunding(4_000), by_hand=_NOTE)
    first = await attempted(shop.refunds.refund, asked, 1)
    second = await attempted(shop.refunds.refund, asked, 2)

    assert first == second
    effects = (await shop.world.effects(deal.order))["lines"]
    assert [line["type"] for line in effects] == ["charge"]
    assert "refunds_in_transit" not in await balances(shop)


async def test_what_the_provider_has_is_not_settled_by_hand(shop: Shop) -> None:
    """The refund had left and its answer was lost: the operator's word finds it there."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    asked = deal.refunding(4_000)
    await shop.world.fault("reset_after_effect", "POST /v1/refunds", times=1)
    with pytest.raises(Unavailable):
        await attempted(shop.refunds.refund, asked, 1)
    state = await attempted(shop.refunds.refund, replace(asked, by_hand=_NOTE), 1)

    assert state.refunded == 4_000
    effects = (await shop.world.effects(deal.order))["lines"]
    assert sorted(line["type"] for line in effects) == ["charge", "refund"]


async def test_a_hold_needs_a_name_of_its_own(shop: Shop) -> None:
    """Answering yes to a name that is taken, or was, would hold nothing."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.held("h-1", 500)
    again = deal.holding("h-1", 4_000, after(days=3))
    with pytest.raises(AlreadyExists):
        await attempted(shop.escrow.hold, again, 1)
    await deal.lifted("h-1")
    with pytest.raises(AlreadyExists):
        await attempted(shop.escrow.hold, replace(again, state=deal.state), 1)

    assert deal.state.held == 0


async def test_a_share_that_was_held_is_released_after_a_refund_from_elsewhere(
    shop: Shop,
) -> None:
    """The early release paid the refund's part: the held share is still the seller's."""
    deal = await shop.order(await shop.seller("early"))
    await deal.paid()
    await deal.shipped()
    await deal.held("h-1", 4_000)
    await deal.released(after(days=6))
    await deal.refunded(6_000, after(days=7))
    await deal.lifted("h-1")

    assert facts.releasable(deal.state) == 4_000
    assert not rules.is_settled(deal.state)
    await deal.received(after(days=8))
    await deal.released(after(days=30))
    assert deal.state.release is Release.FULL
    assert "escrow" not in await balances(shop)


async def test_a_payment_of_another_amount_is_kept_apart_at_the_close(shop: Shop) -> None:
    """Its news was lost: the window must not close over money that waits for a decision."""
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent, SLIP)
    await shop.world.arrive(deal.state.intent, amount=9_000)
    state = await deal.closed()

    assert (state.payment, state.outcome) == (Payment.AMOUNT_DIFFERS, Outcome.OPEN)
    assert (await balances(shop))["unapplied_receipts"] == 9_000


async def test_late_money_that_cannot_go_back_is_kept_and_told(shop: Shop) -> None:
    """The provider's final no: unapplied again, nothing left in transit, one alarm."""
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent, SLIP)
    await deal.closed()
    await shop.world.arrive(deal.state.intent)
    await shop.world.fault("error", "POST /v1/refunds", status=400)
    first = await deal.cared_for()
    second = await deal.cared_for()

    assert (first, second) == ("late_refund_refused", "late_refund_refused")
    found = await balances(shop)
    assert found["unapplied_receipts"] == 10_000
    assert "refunds_in_transit" not in found
    async with shop.engine.connect() as db:
        alarms = await db.exec_driver_sql("SELECT kind FROM alarms")
        assert alarms.scalars().all() == ["late_refund_refused"]
