"""What a suspicion of fraud keeps, and what becomes of it when compliance has decided."""

import pytest

from activities.requests import ChangeAddress, DecideFraud, Move, Record, Step
from domain.order.facts import clock_of
from domain.order.state import ClockName, Fulfilment, OrderState, Outcome, Payment
from tests.support.shop import Deal, Shop, after

_COMPLIANCE = "compliance:c-1"


async def with_reserve(shop: Shop) -> Deal:
    """A received order whose money went out early, but for the reserve; fraud is suspected."""
    deal = await shop.order(await shop.seller("early"))
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    await deal.received(after(days=7))
    await deal.took(shop.frauds.report, Step(deal.state, after(days=8), _COMPLIANCE, "stolen"))
    return deal


async def cleared(deal: Deal, day: int) -> None:
    decision = DecideFraud(deal.state, after(days=day), is_fraud=False, actor=_COMPLIANCE)
    await deal.took(deal.shop.frauds.decide, decision)


@pytest.mark.case(8)
async def test_a_reserve_is_kept_while_fraud_is_suspected(shop: Shop) -> None:
    """Its time is over before compliance is: it waits, the order goes on, and then it is due."""
    deal = await with_reserve(shop)
    stopped = clock_of(deal.state, ClockName.RESERVE)
    kept = await deal.reserve_released(after(days=61))
    await cleared(deal, 90)
    again = clock_of(deal.state, ClockName.RESERVE)
    ended = await deal.reserve_released(after(days=90))

    assert stopped is None
    assert (kept.reserved, kept.ended_at) == (1_840, None)
    assert again is not None
    assert again.due_at == after(days=90)
    assert (ended.reserved, ended.outcome) == (0, Outcome.COMPLETED)


@pytest.mark.case(8)
async def test_a_suspicion_that_is_cleared_in_time_leaves_the_reserve_its_end(shop: Shop) -> None:
    """A false alarm neither shortens nor lengthens what the policy says: ship + 60 days."""
    deal = await with_reserve(shop)
    await cleared(deal, 20)
    clock = clock_of(deal.state, ClockName.RESERVE)

    assert clock is not None
    assert clock.due_at == after(days=61)


async def looked_at_again(shop: Shop) -> Deal:
    """A large order: accepted, suspected before its shipment, then sent elsewhere by its buyer."""
    deal = await shop.order(await shop.seller(), 500_000)
    await deal.paid()
    await accepted(deal, 1)
    await deal.took(shop.frauds.report, Step(deal.state, after(days=2), _COMPLIANCE, "stolen"))
    moving = ChangeAddress(deal.state, after(days=2, hours=1), "DE", "draft/none")
    await deal.took(shop.standing.change_address, moving)
    return deal


async def accepted(deal: Deal, day: int) -> OrderState:
    verdict = Record(deal.state, after(days=day), Move.RISK_ACCEPTED, _COMPLIANCE)
    return await deal.took(deal.shop.orders.record, verdict)


@pytest.mark.case(8, 29)
async def test_a_changed_address_does_not_let_a_stopped_seller_ship(shop: Shop) -> None:
    """The risk check accepts the address; the shipping time begins when the fraud is cleared."""
    deal = await looked_at_again(shop)
    stopped = await accepted(deal, 3)
    await cleared(deal, 4)
    clock = clock_of(deal.state, ClockName.SHIPMENT)

    assert (stopped.fulfilment, stopped.clocks) == (Fulfilment.AWAITING_SHIPMENT, ())
    assert clock is not None
    assert clock.due_at == after(days=11)


@pytest.mark.case(8, 29)
async def test_fraud_is_confirmed_in_the_middle_of_a_second_risk_check(shop: Shop) -> None:
    """No verdict on the address is needed any more: everything goes back at once."""
    deal = await looked_at_again(shop)
    decision = DecideFraud(deal.state, after(days=3), is_fraud=True, actor=_COMPLIANCE)
    await deal.took(shop.frauds.decide, decision)
    back = await deal.refunded(500_000, after(days=3))

    assert (back.payment, back.outcome) == (Payment.REFUNDED, Outcome.FRAUD)
