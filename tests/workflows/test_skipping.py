"""The hands by which tests move clocks on."""

from tests.replay.scenarios import lost
from tests.support.marketplace import Marketplace


async def test_the_clock_of_a_process_that_has_ended_is_left_alone(market: Marketplace) -> None:
    """It may end of itself just before a test lets its time run: that is no failure."""
    order = await lost(market)

    assert await market.skipper.fast_forward(order) is False
