"""One life of a payment for goods that came after their refund, for each way it can end."""

from typing import Any

from temporalio.client import WorkflowHandle

from tests.support.marketplace import Marketplace
from tests.support.repayments import came_anyway, pay_again

AnyHandle = WorkflowHandle[Any, Any]


async def paid(market: Marketplace) -> AnyHandle:
    """The buyer pays what had gone back to them."""
    repaid = await pay_again(market, await came_anyway(market))
    await repaid.paid()
    return repaid.handle


async def lapsed(market: Marketplace) -> AnyHandle:
    """Nobody pays, and the window closes."""
    repaid = await pay_again(market, await came_anyway(market))
    await repaid.asks()
    await market.skipper.fast_forward(repaid.handle)
    await repaid.handle.result()
    return repaid.handle
