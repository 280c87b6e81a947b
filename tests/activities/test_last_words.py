"""What a carrier says when its order is over, or nearly: told to whom it concerns, never lost."""

import pytest
from sqlalchemy import text

from activities.requests import Refund, Step
from domain.order.state import Fulfilment, Outcome
from tests.support.shop import Deal, Shop, after


async def followed(deal: Deal, day: int) -> None:
    await deal.took(deal.shop.shipments.follow, Step(deal.state, after(days=day)))


async def alarms(shop: Shop) -> list[str]:
    async with shop.engine.connect() as db:
        return list((await db.execute(text("SELECT kind FROM alarms"))).scalars())


@pytest.mark.case(25)
async def test_a_lost_parcel_that_comes_after_the_rest_was_received_is_told(shop: Shop) -> None:
    """Its money went back, the order goes on for the other: the buyer is asked all the same."""
    deal = await shop.order(await shop.seller(), parts=2)
    await deal.paid()
    await deal.took(shop.shipments.declare, deal.shipping(lines=("1",)))
    await deal.took(shop.shipments.declare, deal.shipping(lines=("2",)))
    await deal.scan("1", "lost", after(days=2))
    await deal.scan("2", "delivered", after(days=3))
    await followed(deal, 3)
    (owed,) = deal.state.owed
    back = Refund(deal.state, after(days=3), 1, owed.amount, owed=owed.name)
    await deal.took(shop.refunds.refund, back)
    await deal.received(after(days=4))
    await deal.scan("1", "delivered", after(days=5))
    await followed(deal, 5)
    await followed(deal, 6)
    async with shop.engine.connect() as db:
        told = "SELECT facts->>'amount' FROM outbox WHERE template = 'order.arrived_after_refund'"
        letters = (await db.execute(text(told))).scalars().all()

    assert deal.state.fulfilment is Fulfilment.RECEIVED
    assert letters == ["5000"]


@pytest.mark.case(23)
async def test_a_delivery_that_is_withdrawn_as_the_order_ends_calls_a_person(shop: Shop) -> None:
    """The process still hears it, and has no rule for it any more."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.shipped()
    await deal.scan("1", "delivered", after(days=3))
    await followed(deal, 3)
    await deal.received(after(days=4))
    await deal.released()
    quiet = await alarms(shop)
    async with shop.engine.begin() as db:
        await db.execute(text("UPDATE scans SET is_withdrawn = true"))
    await deal.scan("1", "returning", after(days=20))
    await followed(deal, 20)

    assert deal.state.outcome is Outcome.COMPLETED
    assert (quiet, await alarms(shop)) == ([], ["parcel_after_end"])
