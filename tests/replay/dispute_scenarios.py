"""One life of a dispute for each way it can end, and one of an order that has one."""

from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from domain.actors import Actor, Role
from domain.dispute.reasons import Category, Remedy
from domain.dispute.rules import Action, Asked
from domain.dispute.state import PauseEvent, Stage
from domain.shipment.labels import Box
from tests.support.disputing import Disputed, asking, opens
from tests.support.marketplace import LEAD, OPERATOR, Marketplace, Placed
from tests.support.online import addressed
from workflows.order.messages import Resolution

AnyHandle = WorkflowHandle[Any, Any]
_SECOND = Actor(Role.SUPPORT_LEAD, "l-2")


async def _delivered(market: Marketplace) -> Placed:
    order = await market.order(lines=(7_000, 3_000))
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    await order.delivered(days=1)
    return order


async def _disputed(market: Marketplace) -> Disputed:
    order = await _delivered(market)
    return await opens(asking(order), order)


async def silent(market: Marketplace) -> AnyHandle:
    """The seller is reminded twice and says nothing: the buyer is refunded."""
    dispute = await _disputed(market)
    await dispute.skip_to_end()
    return dispute.handle


async def refused(market: Marketplace) -> AnyHandle:
    """Goods that have not come are called broken: not opened."""
    order = await market.order()
    await order.paid(minutes=1)
    asked = asking(order)
    try:
        await opens(asked, order)
    except WorkflowUpdateFailedError:
        return market.client.get_workflow_handle(f"dispute/{asked.dispute}")
    raise AssertionError(asked.dispute)


async def appealed(market: Marketplace) -> AnyHandle:
    """Escalated, ruled by two, paid, appealed and overturned by a third."""
    dispute = await _disputed(market)
    await dispute.asks(dispute.buyer, Action.ESCALATE, days=3)
    await dispute.skip(days=6, hours=1)
    state = await dispute.reaches(Stage.IN_REVIEW)
    seen = Asked(version=state.revision, amount=7_000, why="photos")
    await dispute.asks(LEAD, Action.DECIDE, seen, days=7)
    await dispute.reaches(Stage.APPEALABLE)
    state = await dispute.asks(dispute.seller, Action.APPEAL, days=8)
    overturn = Asked(version=state.revision, amount=0, why="whole")
    await dispute.asks(_SECOND, Action.DECIDE, overturn, days=9)
    await dispute.handle.result()
    return dispute.handle


async def ruled_in_bulk(market: Marketplace) -> AnyHandle:
    """Ruled on with others, taken back, ruled on again, and nobody calls it back."""
    dispute = await _disputed(market)
    await dispute.asks(dispute.buyer, Action.ESCALATE, days=3)
    await dispute.skip(days=6, hours=1)
    for bulk, day in (("b-1", 7), ("b-2", 8)):
        state = await dispute.reaches(Stage.IN_REVIEW)
        seen = Asked(version=state.revision, amount=3_000, why="one lorry", bulk=bulk)
        await dispute.asks(LEAD, Action.DECIDE, seen, days=day)
        word = Asked(version=state.revision, bulk=bulk)
        await dispute.asks(_SECOND, Action.APPROVE, word, days=day, minutes=5)
        if bulk == "b-1":
            await dispute.asks(LEAD, Action.TAKE_BACK, Asked(bulk=bulk), days=day, minutes=9)
    await dispute.skip_to_end()
    return dispute.handle


async def returned_by_label(market: Marketplace) -> AnyHandle:
    """The goods go back by a label that the platform has bought, and the seller is silent."""
    dispute = await _to_be_returned(market)
    await dispute.parcel_moved("in_transit", days=8)
    await dispute.reaches(Stage.RETURN_UNDER_WAY)
    await dispute.parcel_moved("delivered", days=10)
    await dispute.skip_to_end()
    return dispute.handle


async def label_left_unused(market: Marketplace) -> AnyHandle:
    """A label was bought, and nothing ever sent: it is given back."""
    dispute = await _to_be_returned(market)
    await dispute.skip_to_end()
    return dispute.handle


async def _to_be_returned(market: Marketplace) -> Disputed:
    await market.world.change(postage_currency="EUR")
    dispute = await _disputed(market)
    await addressed(dispute.order)
    await dispute.asks(dispute.buyer, Action.ESCALATE, days=3)
    await dispute.skip(days=6, hours=1)
    state = await dispute.reaches(Stage.IN_REVIEW)
    back = Asked(version=state.revision, amount=5_000, remedy=Remedy.RETURN_AND_REFUND, why="x")
    await dispute.asks(LEAD, Action.DECIDE, back, days=7)
    await dispute.asks(dispute.buyer, Action.RETURN_LABEL, Asked(box=Box(900)), days=8)
    return dispute


async def paid_by_hand(market: Marketplace) -> AnyHandle:
    """The refund comes back, and an operator pays it outside."""
    await market.world.change(auto_refunds=False)
    dispute = await _disputed(market)
    await dispute.asks(dispute.seller, Action.ACCEPT, Asked(version=1), days=3)
    await dispute.until(lambda state: bool(state.open_refund))
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await market.world.fail_refund(reference)
    await dispute.payment_news(days=6)
    await dispute.until(lambda state: state.parked is not None)
    await dispute.resolved(OPERATOR, Resolution.SETTLE_BY_HAND, "by wire")
    await dispute.handle.result()
    await market.world.change(auto_refunds=True)
    return dispute.handle


async def charged_back(market: Marketplace) -> AnyHandle:
    """The bank takes the payment up, and the buyer wins there."""
    dispute = await _disputed(market)
    await dispute.bank_says(PauseEvent.CHARGEBACK_OPENED, days=3)
    await dispute.until(lambda state: bool(state.chargeback))
    await dispute.bank_says(PauseEvent.CHARGEBACK_LOST, days=60)
    await dispute.handle.result()
    return dispute.handle


async def netted(market: Marketplace) -> AnyHandle:
    """A wallet gives the buyer a part, and the dispute what is missing."""
    dispute = await _disputed(market)
    await dispute.bank_says(PauseEvent.CHARGEBACK_OPENED, days=3)
    await dispute.until(lambda state: bool(state.chargeback))
    await dispute.bank_says(PauseEvent.CHARGEBACK_PARTLY, 2_000, days=60)
    await dispute.skip_to_end()
    return dispute.handle


async def disputed(market: Marketplace) -> AnyHandle:
    """An order whose goods are called missing, and come: it tells the dispute, and goes on."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    dispute = await opens(asking(order, 5_000, Category.NOT_RECEIVED, days=20), order)
    await order.until(lambda state: bool(state.disputes))
    await order.delivered(days=21)
    await dispute.until(lambda state: any(one.name == "arrival" for one in state.clocks))
    await dispute.skip_to_end()
    await order.until(lambda state: not state.disputes)
    await order.skip_to_end()
    return order.handle
