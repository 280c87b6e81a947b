"""One life of a purchase for each way it can end."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from domain.order.paying import AmountDecision
from tests.support.marketplace import SUPPORT, Marketplace
from tests.support.purchases import SOON, Bought, buy
from workflows.order import messages as said

AnyHandle = WorkflowHandle[Any, Any]


async def paid(market: Marketplace) -> AnyHandle:
    """Two sellers, one payment; both orders hear of it."""
    await market.seller("s-2")
    bought = await buy(market)
    await bought.paid(minutes=1)
    return bought.handle


async def never_paid(market: Marketplace) -> AnyHandle:
    """Reminders go out, and the window closes."""
    await market.seller("s-2")
    return await _ended(await buy(market, left=SOON))


async def amount_accepted(market: Marketplace) -> AnyHandle:
    """The buyer pays another way, and too little: support accepts it."""
    await market.seller("s-2")
    bought = await buy(market)
    await bought.asks()
    other = said.PayAnotherWay(bought.buyer, bought.at(minutes=5))
    await bought.ask("pay_another_way", other)
    await bought.paid_otherwise(9_990, minutes=6)
    word = said.DecideAmount(SUPPORT, bought.at(hours=1), AmountDecision.ACCEPT, "a bank's fee")
    await bought.ask("decide_amount", word)
    return await _ended(bought)


async def amount_refused(market: Marketplace) -> AnyHandle:
    """Money of another amount, about which nobody decides, goes back."""
    await market.seller("s-2")
    bought = await buy(market, left=SOON)
    await bought.paid_otherwise(9_000, seconds=1)
    return await _ended(bought)


async def paid_and_doubted(market: Marketplace) -> AnyHandle:
    """A report of fraud overtakes the payment: the orders hear of both."""
    await market.seller("s-2")
    bought = await buy(market)
    state = await bought.asks()
    await market.world.pay(state.intent)
    await market.world.warn(state.intent)
    await bought.handle.signal("fraud_warned", said.FraudWarned("evt-doubt", bought.at(minutes=1)))
    await bought.handle.result()
    for order in bought.orders:
        await order.until(lambda state: state.held > 0)
    return bought.handle


async def cancelled(market: Marketplace) -> AnyHandle:
    """The buyer changes their mind before paying."""
    await market.seller("s-2")
    bought = await buy(market)
    await bought.asks()
    await bought.cancelled(hours=1)
    return await _ended(bought)


async def refused(market: Marketplace) -> AnyHandle:
    """One seller is suspended: no order is opened."""
    await market.seller("s-out", standing="suspended")
    return await _ended(await buy(market, (("s-1", 6_000), ("s-out", 4_000))))


async def refused_late(market: Marketplace) -> AnyHandle:
    """The second order's execution is somebody else's: the first one ends with the purchase."""
    await market.seller("s-2")
    name = f"o-ghost-{market.task_queue}"
    ghost = await market.client.start_workflow(
        "sweep", id=f"order/{name}", task_queue="nobody-serves-it"
    )
    bought = await buy(market, orders=(f"{name}-first", name))
    handle = await _ended(bought)
    await bought.orders[0].handle.result()
    await ghost.terminate()
    return handle


async def forwarded(market: Marketplace) -> AnyHandle:
    """News of a paid purchase after its end: its orders hear of it."""
    await market.seller("s-2")
    bought = await buy(market)
    await bought.paid(minutes=1)
    return await bought.late_news()


async def part_of_a_purchase(market: Marketplace) -> AnyHandle:
    """An order that is paid by its purchase, shipped and completed."""
    await market.seller("s-2")
    bought = await buy(market)
    (order, _) = await bought.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=9)
    await order.skip_to_end()
    return order.handle


async def part_of_an_unpaid_purchase(market: Marketplace) -> AnyHandle:
    """An order whose purchase nobody paid."""
    await market.seller("s-2")
    bought = await buy(market, left=timedelta(seconds=2))
    await bought.handle.result()
    await bought.orders[1].handle.result()
    return bought.orders[1].handle


async def _ended(bought: Bought) -> AnyHandle:
    await bought.handle.result()
    return bought.handle
