"""New code is deployed while orders are on their way."""

import pytest

from domain.order.state import Outcome, Payment
from tests.support.marketplace import Placed, open_marketplace, serving
from tests.support.sandbox import SandboxWorld
from tests.support.tomorrow import PATCH, OrderOfTomorrow
from workflows.order.workflow import OrderWorkflow
from workflows.served import ALL

_TOMORROW = [OrderOfTomorrow if each is OrderWorkflow else each for each in ALL]


async def _marks(order: Placed) -> int:
    """How many steps of the order's history were taken because of tomorrow's patch."""
    history = await order.handle.fetch_history()
    marked = [event.marker_recorded_event_attributes for event in history.events]
    return sum(PATCH in str(each.details) for each in marked)


@pytest.mark.case(66)
async def test_what_runs_goes_on_as_it_began_and_what_begins_takes_the_new_way(
    database_url: str, address: str, world: SandboxWorld
) -> None:
    """Orders live for months: a deploy in the middle must neither stop nor change them."""
    async with open_marketplace(database_url, address, world, is_served=False) as market:
        await market.seller()
        async with serving(market):
            old = await market.order(total=10_000)
            await old.paid(minutes=1)
        async with serving(market, workflows=_TOMORROW):
            new = await market.order(total=10_000)
            await new.paid(minutes=1)
            for order in (old, new):
                await order.shipped(days=1)
                await order.delivered(days=2)
                await order.confirmed(days=3)
            ends = [await order.skip_to_end() for order in (old, new)]
        marks = [await _marks(order) for order in (old, new)]

    assert [end.outcome for end in ends] == [Outcome.COMPLETED] * 2
    assert [end.payment for end in ends] == [Payment.CAPTURED] * 2
    assert marks == [0, 1]
