"""A seller's record counts each order once, however often a step is run."""

from sqlalchemy import text

from activities.requests import Move, Record
from tests.support.shop import Shop, after


async def test_a_mark_is_given_once_though_its_answer_was_lost(shop: Shop) -> None:
    """The mark lowers a seller's level: one order that was not shipped is not two."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    never = Record(deal.state, after(days=8), Move.NEVER_SHIPPED, by_deadline=True)
    first = await shop.orders.record(never)
    again = await shop.orders.record(never)
    async with shop.engine.connect() as db:
        row = "SELECT non_fulfilments FROM sellers WHERE seller = :seller"
        marks = (await db.execute(text(row), {"seller": deal.seller})).scalar_one()

    assert (marks, again) == (1, first)
