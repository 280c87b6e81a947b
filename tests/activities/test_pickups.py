"""Couriers at the door: three may come in vain, then the seller brings the parcel."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from activities.requests import LabelStep, SchedulePickup
from domain.errors import IllegalTransition, LabelUnavailable
from domain.shipment.labels import Label
from domain.shipment.pickup import Pickup, PickupStatus
from tests.activities.test_returns import balances
from tests.support.shop import Shop, after, attempted


@dataclass
class Door:
    """One label's parcel, waiting at the door; days are counted from the order's."""

    shop: Shop
    label: Label

    async def scheduled(self, number: int, day: int) -> Pickup:
        """A courier is to come on that day between noon and four."""
        asked = SchedulePickup(
            self.label.key, after(days=day - 1), number, after(days=day), after(days=day, hours=4)
        )
        return await attempted(self.shop.pickups.schedule, asked, 1)

    async def looked(self, **at: float) -> Pickup:
        """See whether one came."""
        return await attempted(self.shop.pickups.attempted, self.step(**at), 1)

    async def missed(self, number: int) -> Pickup:
        """One more courier in vain."""
        await self.scheduled(number, number + 1)
        return await self.looked(days=number + 1, hours=4)

    def step(self, **at: float) -> LabelStep:
        return LabelStep(self.label.key, after(**at))


@pytest.fixture
async def door(shop: Shop) -> Door:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    return Door(shop, await deal.labelled())


async def test_a_courier_who_came_is_shown_by_the_first_scan(door: Door) -> None:
    """Carriers tell of no failed pickup: what they have scanned, they have."""
    pickup = await door.scheduled(1, 2)
    early = await door.looked(days=2, hours=1)
    await door.shop.world.collect(pickup.visit)
    came = [await door.looked(days=2, hours=2) for _ in range(2)]
    stored = await attempted(door.shop.pickups.checked_in, door.step(days=3), 1)

    assert early.status is PickupStatus.SCHEDULED
    assert [one.status for one in came] == [PickupStatus.COLLECTED] * 2
    assert came[0].due_at == after(days=4, hours=2)
    assert (stored.status, stored.due_at) == (PickupStatus.CHECKED_IN, None)


@pytest.mark.case(20)
async def test_the_third_courier_in_vain_lets_the_seller_bring_it(door: Door) -> None:
    """With a time of its own: a carrier that never came must not cost the seller the order."""
    stands = [await door.missed(number) for number in (1, 2, 3)]
    again = await door.looked(days=4, hours=5)
    with pytest.raises(IllegalTransition):
        await door.scheduled(4, 6)
    brought = await _handed_in(door)

    assert [one.status for one in stands] == [
        PickupStatus.MISSED,
        PickupStatus.MISSED,
        PickupStatus.DROP_OFF,
    ]
    assert stands[2].due_at == after(days=4, hours=4) + timedelta(hours=72)
    assert again == stands[2]
    assert brought.status is PickupStatus.COLLECTED


async def _handed_in(door: Door) -> Pickup:
    await door.shop.world.scan("UPS", door.label.number, "in_transit")
    return await door.looked(days=5)


@pytest.mark.case(20)
async def test_looking_twice_counts_one_attempt(door: Door) -> None:
    """A step that is repeated must not use an attempt up."""
    await door.scheduled(1, 2)
    stands = [await door.looked(days=2, hours=4 + hour) for hour in range(3)]

    assert [one.attempt for one in stands] == [1, 1, 1]
    assert stands[-1].status is PickupStatus.MISSED


async def test_the_carriers_own_word_ends_an_attempt_early(door: Door) -> None:
    """Where it does say that nobody was there, the window need not be waited out."""
    pickup = await door.scheduled(1, 2)
    await door.shop.world.miss(pickup.visit)

    assert (await door.looked(days=2, hours=1)).status is PickupStatus.MISSED


async def test_one_courier_at_a_time(door: Door) -> None:
    """A second one at the same door would be paid for nothing."""
    await door.shop.world.change(pickup_fee=400)
    first = await door.scheduled(1, 2)
    with pytest.raises(IllegalTransition):
        await door.scheduled(2, 3)

    assert await door.scheduled(1, 2) == first
    assert (await balances(door.shop))["seller_debt"] == -door.label.cost - 400


async def test_a_door_where_no_courier_comes_charges_nobody(door: Door) -> None:
    """Another window may be asked for: a refusal uses no attempt up."""
    await door.shop.world.change(pickup_fee=400)
    await door.shop.world.fault("error", "POST .*/pickups/.*/buy$", times=1, status=422)
    for _ in range(2):
        with pytest.raises(LabelUnavailable):
            await door.scheduled(1, 2)
    charged = (await balances(door.shop))["seller_debt"]
    second = await door.scheduled(2, 3)

    assert charged == -door.label.cost
    assert (second.attempt, second.status) == (1, PickupStatus.SCHEDULED)


async def test_a_courier_is_called_off_and_what_was_paid_comes_back(door: Door) -> None:
    """An order that is cancelled needs no courier."""
    await door.shop.world.change(pickup_fee=400)
    await door.scheduled(1, 2)
    ends = [
        await attempted(door.shop.pickups.call_off, door.step(days=1, hours=2), 1) for _ in range(2)
    ]

    assert [one.status for one in ends] == [PickupStatus.CALLED_OFF] * 2
    assert (await balances(door.shop))["seller_debt"] == -door.label.cost


async def test_nothing_is_called_off_where_nobody_comes(door: Door) -> None:
    """Nor is a parcel that is gone."""
    nobody = await attempted(door.shop.pickups.call_off, door.step(days=1), 1)
    pickup = await door.scheduled(1, 2)
    await door.shop.world.collect(pickup.visit)
    gone = await door.looked(days=2, hours=1)

    assert nobody.status is PickupStatus.NONE
    assert await attempted(door.shop.pickups.call_off, door.step(days=3), 1) == gone
