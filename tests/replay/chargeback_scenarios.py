"""One life of a chargeback for each way it can end."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from domain.chargeback.rules import Action
from domain.chargeback.state import Stage
from tests.support.claims import claims
from tests.support.disputing import asking, opens
from tests.support.marketplace import Marketplace, Placed

AnyHandle = WorkflowHandle[Any, Any]


async def _delivered(market: Marketplace) -> Placed:
    order = await market.order(lines=(7_000, 3_000))
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    await order.delivered(days=1)
    return order


async def won(market: Marketplace) -> AnyHandle:
    """The evidence goes out by itself, and a dispute of the same order stands still."""
    order = await _delivered(market)
    await opens(asking(order, 7_000), order)
    await order.until(lambda state: state.held == 7_000)
    claim = await claims(market, (await order.state()).intent)
    await market.skipper.fast_forward(claim.handle, timedelta(days=6))
    await claim.until(lambda state: state.stage is Stage.UNDER_REVIEW)
    await claim.decided("won")
    return claim.handle


async def lost(market: Marketplace) -> AnyHandle:
    """Nobody has answered yet when the bank decides."""
    order = await _delivered(market)
    claim = await claims(market, (await order.state()).intent, 4_000)
    await claim.decided("lost")
    return claim.handle


async def lost_in_part(market: Marketplace) -> AnyHandle:
    """A wallet leaves the buyer a part; a dispute of the same order goes on for the rest."""
    order = await _delivered(market)
    await opens(asking(order, 7_000), order)
    await order.until(lambda state: state.held == 7_000)
    claim = await claims(market, (await order.state()).intent)
    await claim.decided("lost", 4_000)
    return claim.handle


async def conceded(market: Marketplace) -> AnyHandle:
    """A lead gives it up."""
    order = await _delivered(market)
    claim = await claims(market, (await order.state()).intent)
    await claim.answer(Action.CONCEDE, "the goods never left")
    await claim.handle.result()
    return claim.handle


async def asked_again(market: Marketplace) -> AnyHandle:
    """An inquiry that was answered becomes more."""
    order = await _delivered(market)
    claim = await claims(market, (await order.state()).intent, is_inquiry=True)
    await claim.answer(Action.CONTEST)
    await market.world.decide(claim.chargeback, "escalate")
    await claim.news()
    await claim.until(lambda state: state.stage is Stage.NEEDS_RESPONSE)
    await claim.answer(Action.CONTEST)
    await claim.decided("lost")
    return claim.handle
