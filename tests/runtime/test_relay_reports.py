"""Reports of fraud carry nothing of ours: they find their order by its payment."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.upkeep import Upkeep, UpkeepActivities
from domain.order.state import Fraud
from persistence.books import SqlBooks
from persistence.silence import SqlSilence
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace, Placed


async def _paid(market: Marketplace, dispatch: Dispatch) -> Placed:
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    await dispatch.news()
    await order.until(lambda state: state.captured > 0)
    return order


@pytest.mark.case(8)
async def test_a_warning_of_the_card_s_bank_reaches_the_order(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Weeks before a chargeback: the money is frozen by the provider's message alone."""
    order = await _paid(market, dispatch)
    await market.world.warn((await order.state()).intent)
    await dispatch.news()
    state = await order.until(lambda state: state.fraud is Fraud.SUSPECTED)

    assert state.held == 10_000
    found = await market.rows("SELECT subject, state FROM inbox WHERE kind LIKE 'radar%'")
    assert found == [(f"order/{order.order}", "done")]


@pytest.mark.case(3, 8)
async def test_a_warning_that_overtakes_the_note_of_its_payment_is_swept_up(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The provider knows a payment before we have written down whose it is."""
    order = await _paid(market, dispatch)
    intent = (await order.state()).intent
    await market.world.warn(intent)
    note = text("UPDATE order_views SET intent = :intent")
    async with market.engine.begin() as db:
        await db.execute(note, {"intent": ""})
    await dispatch.news()
    async with market.engine.begin() as db:
        await db.execute(note, {"intent": intent})
    upkeep = UpkeepActivities(
        SqlSilence(market.engine), SqlBooks(market.engine), market.gateway, market.tracking
    )
    later = order.at(minutes=1) + timedelta(minutes=15)
    await ActivityEnvironment().run(upkeep.sweep, Upkeep(later))
    await dispatch.relay.drain()
    state = await order.until(lambda state: state.fraud is Fraud.SUSPECTED)

    assert state.held == 10_000


@pytest.mark.case(8)
async def test_a_carrier_that_is_away_keeps_no_warning_back(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The release's clock runs on meanwhile: the money must be frozen before it is gone."""
    order = await _paid(market, dispatch)
    shipped = await order.shipped(days=1)
    await dispatch.news()
    carrier, number = shipped.parcels[0].carrier, shipped.parcels[0].number
    at = order.at(days=2).isoformat()
    await market.world.scan(carrier, number, "in_transit", at=at, country="DE")
    await market.world.fault("error", "GET /easypost", status=503)
    await dispatch.news()
    await market.world.warn(shipped.intent)
    await dispatch.news()
    state = await order.until(lambda state: state.fraud is Fraud.SUSPECTED)
    waits = await market.rows("SELECT kind FROM inbox WHERE state = 'waiting'")

    assert state.held == 10_000
    assert waits == [("tracker.updated",)]
    await market.world.clear_faults()


@pytest.mark.case(8)
async def test_a_review_that_finds_nothing_freezes_nothing(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Opened and closed before anybody hears of it: the truth is read, not the message."""
    order = await _paid(market, dispatch)
    intent = (await order.state()).intent
    await market.world.review(intent)
    await market.world.close_review(intent, "approved")
    await dispatch.news()
    await order.shipped(days=1)
    state = await order.state()

    assert (state.fraud, state.held) == (Fraud.NONE, 0)


@pytest.mark.case(8)
async def test_a_warning_after_the_end_is_told_to_a_person(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Nothing is left to freeze, but a chargeback will follow."""
    order = await _paid(market, dispatch)
    await order.shipped(days=1)
    await order.delivered(days=3)
    ended = await order.skip_to_end()
    await market.world.warn(ended.intent)
    await dispatch.news()
    care = market.client.get_workflow_handle(f"aftercare/order/{order.order}")
    done = await care.result()

    assert done == ["fraud_reported"]
    assert await market.rows("SELECT kind FROM alarms") == [("fraud_after_end",)]


async def test_a_report_about_a_payment_of_somebody_else_is_kept_and_done_with(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The account may have other uses than this marketplace."""
    stripe = market.world.place.stripe()
    foreign = stripe.v1.payment_intents.create(
        {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    )
    await market.world.warn(foreign.id)
    await dispatch.news()

    found = await market.rows("SELECT subject, state FROM inbox WHERE kind LIKE 'radar%'")
    assert found == [("", "done")]
