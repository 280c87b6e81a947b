"""Facts are one relay's for a while: renewed as long as it gets on, and lost when it does not."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text

from adapters.errors import Rejected
from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.port import Tracking
from domain.order.state import Fulfilment
from runtime.relay.facts import Facts
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace, Placed
from tests.support.sandbox import EASYPOST_SECRET


class Slow(EasyPostTracking):
    """A carrier whose answers are long on their way: each waits for `may_arrive`."""

    def __init__(self, market: Marketplace) -> None:
        super().__init__("EZTK_market", EASYPOST_SECRET, market.world.place.easypost_base)
        self._market = market
        self.has_left = asyncio.Event()
        self.may_arrive = asyncio.Event()
        self.held_until: list[datetime] = []
        self.denies = 0

    async def look(self, reference: str) -> Tracking:
        held = "SELECT max(due_at) AS until FROM inbox WHERE state = 'waiting'"
        self.held_until.append((await self._market.rows(held))[0].until)
        seen = await super().look(reference)
        self.has_left.set()
        await self.may_arrive.wait()
        if self.denies:
            self.denies -= 1
            raise Rejected(self.name, "unknown", "there is no such tracker")
        return seen


async def _scanned(dispatch: Dispatch, order: Placed, *statuses: str) -> tuple[str, str]:
    """A shipped order with so many scans of which nobody has been told; carrier and number."""
    await order.paid(minutes=1)
    shipped = await order.shipped(days=1)
    await dispatch.news()
    carrier, number = shipped.parcels[0].carrier, shipped.parcels[0].number
    for day, status in enumerate(statuses, start=2):
        at = order.at(days=day).isoformat()
        await dispatch.market.world.scan(carrier, number, status, at=at, country="DE")
    dispatch.clock.at = order.at(days=5, hours=1)
    await dispatch.take_in()
    return carrier, number


def _facts(market: Marketplace, tracking: Slow) -> Facts:
    return Facts(market.engine, market.vault, market.client, tracking, market.task_queue)


@pytest.mark.case(23)
async def test_a_relay_that_was_too_slow_withdraws_nothing_that_is_newer(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """What the carrier said long ago must not undo a delivery that another relay has told."""
    order = await market.order()
    carrier, number = await _scanned(dispatch, order, "in_transit")
    slow = Slow(market)
    (job,) = await _facts(market, slow).take(8)
    late = asyncio.ensure_future(job())
    await slow.has_left.wait()
    await market.world.deliver(carrier, number, at=order.at(days=5).isoformat(), country="DE")
    async with market.engine.begin() as db:
        await db.execute(text("UPDATE inbox SET due_at = now() WHERE state = 'waiting'"))
    await dispatch.news()
    await order.until(lambda state: state.fulfilment is Fulfilment.DELIVERED)
    slow.may_arrive.set()
    await late

    scans = await market.rows("SELECT milestone, is_withdrawn FROM scans ORDER BY at")
    assert scans == [("in_transit", False), ("delivered", False)]


async def test_a_lease_is_renewed_while_facts_are_delivered(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The last of many facts must not come due for another relay while the first ones are told."""
    order = await market.order()
    await _scanned(dispatch, order, "in_transit", "out_for_delivery")
    # The first is given up, after a while: nothing of it renews the lease.
    async with market.engine.begin() as db:
        await db.execute(text("UPDATE inbox SET defects = 19 WHERE state = 'waiting'"))
    slow = Slow(market)
    slow.denies = 1
    (job,) = await _facts(market, slow).take(8)
    asyncio.get_running_loop().call_later(1.2, slow.may_arrive.set)
    await job()

    first, second = slow.held_until
    assert second > first
    assert await market.rows("SELECT kind FROM alarms") == [("fact.parked",)]


async def test_a_carrier_slower_than_a_lease_is_away(
    market: Marketplace, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for it would lose the fact again and again, and nobody would hear of it."""
    monkeypatch.setattr("runtime.relay.facts._CARRIER_PATIENCE", 0.2)
    order = await market.order()
    await _scanned(dispatch, order, "in_transit")
    (job,) = await _facts(market, Slow(market)).take(8)
    await job()

    waits = "SELECT state, attempts, defects, last_error FROM inbox WHERE kind = 'tracker.updated'"
    assert await market.rows(waits) == [("waiting", 1, 0, "easypost: slow")]
