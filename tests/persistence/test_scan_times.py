"""Carriers' times: without a zone, ahead of the clock, wrong; kept as told, and never trusted."""

from collections.abc import AsyncGenerator
from datetime import datetime

import pytest
from sqlalchemy import text

from adapters.logistics.port import Scan
from domain.shipment.milestones import Milestone
from persistence import inbox
from tests.support.sandbox import SandboxWorld
from tests.support.shop import Deal, Shop, after, open_shop


@pytest.fixture
async def shop(database_url: str, world: SandboxWorld) -> AsyncGenerator[Shop]:
    async with open_shop(database_url, world) as opened:
        yield opened


@pytest.fixture
async def deal(shop: Shop) -> Deal:
    """An order on its way, under a policy whose zone is Los Angeles."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.shipped()
    return deal


async def heard(deal: Deal, at: datetime, *scans: Scan) -> str:
    """Let the carrier tell all it knows, at an instant; the milestone that stands then."""
    parcel = f"{deal.order}/1"
    async with deal.shop.engine.begin() as db:
        await inbox.keep_scans(db, parcel, scans, at)
        milestone, _ = await inbox.standing(db, parcel)
    async with deal.shop.database.transaction() as tx:
        last = await tx.orders.scans(deal.order)
    assert last["1"].milestone == milestone
    return milestone


async def kept(deal: Deal) -> list[tuple[datetime, datetime]]:
    """(event time, time of receipt) of every scan."""
    async with deal.shop.engine.connect() as db:
        rows = await db.execute(text("SELECT at, received_at FROM scans ORDER BY id"))
        return [(row.at, row.received_at) for row in rows]


@pytest.mark.case(27)
async def test_a_time_in_the_future_outranks_nothing_that_comes_after_it(deal: Deal) -> None:
    """A carrier's clock that runs ten days ahead would hide a delivery for ten days."""
    ahead = Scan(Milestone.IN_TRANSIT, after(days=12))
    arrived = Scan(Milestone.DELIVERED, after(days=3), country="DE")

    assert await heard(deal, after(days=2), ahead) == Milestone.IN_TRANSIT
    assert await heard(deal, after(days=3, hours=1), ahead, arrived) == Milestone.DELIVERED
    assert (await kept(deal))[0] == (after(days=12), after(days=2))


@pytest.mark.case(27)
async def test_a_delivery_dated_ahead_can_be_followed_by_its_return(deal: Deal) -> None:
    """What stands is what was told last, where times cannot be."""
    arrived = Scan(Milestone.DELIVERED, after(days=9), country="DE")
    returned = Scan(Milestone.RETURNING, after(days=4))
    await heard(deal, after(days=3), arrived)

    assert await heard(deal, after(days=4), arrived, returned) == Milestone.RETURNING


@pytest.mark.case(27)
async def test_a_time_without_a_zone_is_read_in_the_policys(deal: Deal) -> None:
    """The carrier's ten o'clock is ten o'clock where the policy's days begin, not in Greenwich."""
    arrived = Scan(Milestone.DELIVERED, after(hours=60), country="DE")
    moved = Scan(Milestone.IN_TRANSIT, after(hours=56), has_zone=False)

    milestone = await heard(deal, after(days=4), moved, arrived)

    # 56 hours after noon in Greenwich, read in Los Angeles, is 64 hours after it: the later one.
    assert milestone == Milestone.IN_TRANSIT
    assert (after(hours=64), after(days=4)) in await kept(deal)


@pytest.mark.case(27)
async def test_late_news_of_early_scans_changes_nothing(deal: Deal) -> None:
    """Carriers report out of order: the event's time decides, and its first receipt is kept."""
    arrived = Scan(Milestone.DELIVERED, after(days=3), country="DE")
    earlier = Scan(Milestone.OUT_FOR_DELIVERY, after(days=2, hours=20))
    await heard(deal, after(days=3), arrived)
    await heard(deal, after(days=5), earlier, arrived)

    assert await heard(deal, after(days=6), earlier, arrived) == Milestone.DELIVERED
    assert await kept(deal) == [
        (after(days=3), after(days=3)),
        (after(days=2, hours=20), after(days=5)),
    ]
