"""The check of labels: carriers' verdicts are heard of, and two sets of books agree."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from activities.requests import LabelStep, SchedulePickup
from activities.upkeep import Upkeep
from adapters.errors import Unavailable
from domain.shipment.labels import LabelStatus
from domain.shipment.reconciliation import Difference
from tests.support.shop import Deal, Shop, attempted


@pytest.fixture
async def deal(shop: Shop) -> Deal:
    """A paid order with addresses on both sides."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.addressed()
    return deal


def now() -> datetime:
    """The provider's lists go by its own clock."""
    return datetime.now(UTC) + timedelta(hours=2)


async def differences(deal: Deal) -> dict[str, Difference]:
    """Where both sides differ about this order's labels."""
    compared = await deal.shop.carriage.compared(now(), timedelta(0))
    return {one.key: one.kind for one in compared.differences if deal.order in one.key}


async def bought(deal: Deal, number: int = 1) -> str:
    asked = deal.labelling(number, at=datetime.now(UTC).replace(microsecond=0))
    return (await attempted(deal.shop.labels.buy, asked, 1)).key


async def test_a_granted_refund_is_booked_though_no_message_came(deal: Deal) -> None:
    """The carrier's word takes weeks, and the order may have ended long before."""
    key = await bought(deal)
    await deal.shop.world.change(auto_voids=False)
    at = now()
    await attempted(deal.shop.carriage.check, Upkeep(at), 1)
    async with deal.shop.engine.begin() as db:
        await db.execute(text("UPDATE labels SET status = 'void_asked'"))
    waits = await attempted(deal.shop.carriage.check, Upkeep(at), 1)
    async with deal.shop.database.transaction() as tx:
        label = await tx.labels.found(key)
    assert label is not None
    await deal.shop.world.judge_void(label.shipment)
    heard = await attempted(deal.shop.carriage.check, Upkeep(at), 1)

    assert (waits.asked, waits.judged) == (1, 0)
    assert (heard.asked, heard.judged) == (1, 1)
    async with deal.shop.database.transaction() as tx:
        after = await tx.labels.found(key)
    assert after is not None
    assert after.status is LabelStatus.VOIDED
    assert await differences(deal) == {}


async def test_books_that_agree_are_said_to(deal: Deal) -> None:
    """By the provider's own list, label by label."""
    key = await bought(deal)
    compared = await deal.shop.carriage.compared(now(), timedelta(0))

    assert key in compared.agreed
    assert await differences(deal) == {}


async def test_a_label_that_only_the_provider_has_is_told(deal: Deal) -> None:
    """It was paid out of the wallet, whatever our books say: a person must look."""
    await deal.shop.world.fault("reset_after_effect", "POST .*/buy$", times=1)
    with pytest.raises(Unavailable):
        await bought(deal)
    found = await differences(deal)
    key = await bought(deal)

    assert found == {key: Difference.MISSING_HERE}
    assert await differences(deal) == {}


async def test_a_label_that_only_we_have_and_another_price_are_told(deal: Deal) -> None:
    """Neither side is believed against the other."""
    key = await bought(deal)
    async with deal.shop.engine.begin() as db:
        await db.execute(text("UPDATE labels SET cost = cost + 1"))
    dearer = await differences(deal)
    async with deal.shop.engine.begin() as db:
        await db.execute(text("UPDATE labels SET cost = cost - 1, status = 'voided'"))
    back = await differences(deal)
    async with deal.shop.engine.begin() as db:
        await db.execute(text("UPDATE labels SET status = 'bought'"))
        copy = "INSERT INTO labels SELECT (jsonb_populate_record(l, :key)).* FROM labels l"
        await db.execute(text(copy.replace(":key", f"""'{{"key": "{key}0"}}'::jsonb""")))
    alone = await differences(deal)
    async with deal.shop.engine.begin() as db:
        await db.execute(text("DELETE FROM labels WHERE key = :key"), {"key": f"{key}0"})

    assert dearer == {key: Difference.ANOTHER_PRICE}
    assert back == {key: Difference.GIVEN_BACK_HERE}
    assert alone == {f"{key}0": Difference.MISSING_THERE}


async def test_what_couriers_cost_is_compared_as_well(deal: Deal) -> None:
    """The wallet pays them too: a fee that nobody booked would never be missed."""
    await deal.shop.world.change(pickup_fee=400)
    key, at = await bought(deal), datetime.now(UTC).replace(microsecond=0)
    asked = SchedulePickup(key, at, 1, at + timedelta(hours=4), at + timedelta(hours=8))
    courier = (await attempted(deal.shop.pickups.schedule, asked, 1)).key
    agreed = (await deal.shop.carriage.compared(now(), timedelta(0))).agreed
    change = "UPDATE effects SET amount = amount + :more WHERE key = :key"
    async with deal.shop.engine.begin() as db:
        await db.execute(text(change), {"more": 1, "key": courier})
    dearer = await differences(deal)
    async with deal.shop.engine.begin() as db:
        await db.execute(text(change), {"more": -1, "key": courier})
    visit = (await attempted(deal.shop.pickups.schedule, asked, 1)).visit
    await deal.shop.shipping.cancel_visit(visit)
    back = await differences(deal)
    await attempted(deal.shop.pickups.call_off, LabelStep(key, at), 1)

    assert courier in agreed
    assert dearer == {courier: Difference.ANOTHER_PRICE}
    assert back == {courier: Difference.GIVEN_BACK_THERE}
    assert await differences(deal) == {}
