"""The contract of `TrackingProvider`: one tracker per number, and the truth about it."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.errors import NotGenuine, Rejected, Unavailable
from adapters.logistics.port import Scan, TrackingProvider
from domain.shipment.milestones import Milestone
from tests.support.receiver import Receiver
from tests.support.sandbox import SandboxWorld

CARRIER = "UPS"


@pytest.fixture
def number() -> str:
    return f"1Z{uuid.uuid4().hex[:14].upper()}"


async def test_a_new_number_is_declared_only(tracking: TrackingProvider, number: str) -> None:
    """The seller says that it is sent; no carrier has said so."""
    seen = await tracking.watch(CARRIER, number)

    assert (seen.carrier, seen.number) == (CARRIER, number)
    assert seen.milestone is Milestone.DECLARED
    assert seen.scans == ()


async def test_watching_twice_gives_the_same_tracker(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """Each tracker is charged, and the step before it may be repeated."""
    first = await tracking.watch(CARRIER, number)
    await world.scan(CARRIER, number, "in_transit")

    again = await tracking.watch(CARRIER, number)

    assert again.reference == first.reference
    assert again.milestone is Milestone.IN_TRANSIT


async def test_the_same_number_of_another_carrier_is_another_parcel(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """Carriers give out numbers without asking each other."""
    ups, dhl = [await tracking.watch(carrier, number) for carrier in (CARRIER, "DHLExpress")]
    await world.deliver("DHLExpress", number)

    both = await tracking.look_many([ups.reference, dhl.reference])

    assert ups.reference != dhl.reference
    assert [one.milestone for one in both] == [Milestone.DECLARED, Milestone.DELIVERED]


@pytest.mark.parametrize(
    ("status", "milestone"),
    [
        ("pre_transit", Milestone.DECLARED),
        ("in_transit", Milestone.IN_TRANSIT),
        ("out_for_delivery", Milestone.OUT_FOR_DELIVERY),
        ("available_for_pickup", Milestone.READY_FOR_PICKUP),
        ("delivered", Milestone.DELIVERED),
        ("return_to_sender", Milestone.RETURNING),
        ("failure", Milestone.FAILED),
        ("cancelled", Milestone.CANCELLED),
    ],
)
async def test_every_carrier_speaks_one_vocabulary(
    tracking: TrackingProvider, world: SandboxWorld, number: str, status: str, milestone: Milestone
) -> None:
    """Processes act on milestones alone."""
    watched = await tracking.watch(CARRIER, number)

    await world.scan(CARRIER, number, status)

    seen = await tracking.look(watched.reference)
    assert seen.milestone is milestone
    assert [scan.milestone for scan in seen.scans] == [milestone]


async def test_a_scan_that_nobody_understands_moves_nothing(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """A parcel on its way does not become a declared one because of a strange word."""
    watched = await tracking.watch(CARRIER, number)
    await world.scan(CARRIER, number, "in_transit", at="2026-11-01T10:00:00Z")

    await world.scan(CARRIER, number, "unknown", at="2026-11-02T10:00:00Z")

    seen = await tracking.look(watched.reference)
    assert seen.milestone is Milestone.IN_TRANSIT
    assert [scan.milestone for scan in seen.scans] == [Milestone.IN_TRANSIT] * 2


async def test_scans_are_told_in_the_order_of_their_times(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """Carriers report late and out of order."""
    watched = await tracking.watch(CARRIER, number)
    await world.deliver(
        CARRIER,
        number,
        at="2026-11-03T09:00:00Z",
        message="Left at door",
        city="Recife",
        country="BR",
    )
    await world.scan(CARRIER, number, "in_transit", at="2026-11-01T12:00:00-03:00")

    seen = await tracking.look(watched.reference)

    assert [scan.at for scan in seen.scans] == [
        datetime(2026, 11, 1, 15, tzinfo=UTC),
        datetime(2026, 11, 3, 9, tzinfo=UTC),
    ]
    assert seen.scans[-1] == Scan(
        Milestone.DELIVERED, datetime(2026, 11, 3, 9, tzinfo=UTC), "Left at door", "Recife", "BR"
    )


@pytest.mark.case(27)
async def test_a_time_without_a_zone_is_told_as_such(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """Nobody here knows where the carrier's clock hangs: whoever knows the policy decides."""
    watched = await tracking.watch(CARRIER, number)
    for at, has_zone in (("2026-11-01T10:00:00Z", False), ("2026-11-02T10:00:00Z", True)):
        await world.scan(CARRIER, number, "in_transit", at=at, has_zone=has_zone)

    scans = (await tracking.look(watched.reference)).scans
    assert [scan.has_zone for scan in scans] == [False, True]
    assert scans[0].at == datetime(2026, 11, 1, 10, tzinfo=UTC)


async def test_a_withdrawn_delivery_is_no_delivery(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """The carrier corrects itself; the truth now is what counts."""
    watched = await tracking.watch(CARRIER, number)
    await world.scan(CARRIER, number, "in_transit", at="2026-11-01T10:00:00Z")
    await world.deliver(CARRIER, number, at="2026-11-02T10:00:00Z")

    await world.withdraw(CARRIER, number)

    assert (await tracking.look(watched.reference)).milestone is Milestone.IN_TRANSIT


@pytest.mark.case(10)
async def test_many_are_looked_at_in_few_calls(
    tracking: TrackingProvider, world: SandboxWorld
) -> None:
    """The sweep over silent parcels asks about thousands."""
    numbers = [f"1Z{uuid.uuid4().hex[:14].upper()}" for _ in range(120)]
    references = [(await tracking.watch(CARRIER, one)).reference for one in numbers]
    await world.deliver(CARRIER, numbers[110])
    rule = await world.fault("delay", "/easypost/v2/", seconds=0.0)

    seen = await tracking.look_many(references)

    calls = next(one["seen"] for one in await world.faults() if one["id"] == rule)
    assert [one.number for one in seen] == numbers
    assert [one.number for one in seen if one.milestone is Milestone.DELIVERED] == [numbers[110]]
    assert calls == 2


async def test_nothing_is_asked_about_nothing(unreachable_tracking: TrackingProvider) -> None:
    """A sweep that finds no silent parcel needs no provider."""
    assert await unreachable_tracking.look_many([]) == ()


@pytest.mark.parametrize(
    ("fault", "status"),
    [("error", 500), ("error", 429), ("error", 502), ("connection_reset", 0)],
)
async def test_a_provider_in_trouble_is_an_outage(
    tracking: TrackingProvider, world: SandboxWorld, number: str, fault: str, status: int
) -> None:
    """Nothing was refused, so it is asked again."""
    await world.fault(fault, "/easypost/v2/trackers", times=1, status=status)
    with pytest.raises(Unavailable):
        await tracking.watch(CARRIER, number)

    assert (await tracking.watch(CARRIER, number)).number == number


async def test_a_lost_answer_makes_no_second_tracker(
    tracking: TrackingProvider, world: SandboxWorld, number: str
) -> None:
    """The tracker was made and nobody told us."""
    await world.fault("reset_after_effect", "POST /easypost/v2/trackers", times=1)
    with pytest.raises(Unavailable):
        await tracking.watch(CARRIER, number)
    first = await tracking.watch(CARRIER, number)

    assert (await tracking.watch(CARRIER, number)).reference == first.reference


async def test_a_provider_that_is_gone_is_an_outage(
    unreachable_tracking: TrackingProvider,
) -> None:
    """Only outages leave the adapter."""
    with pytest.raises(Unavailable):
        await unreachable_tracking.look("trk_1/1Z")


async def test_what_does_not_exist_is_a_final_no(tracking: TrackingProvider) -> None:
    """Asking for ever would not make it exist."""
    with pytest.raises(Rejected):
        await tracking.look("trk_never/1Z")
    with pytest.raises(Rejected):
        await tracking.watch(CARRIER, " ")


@pytest.fixture
async def received(world: SandboxWorld) -> AsyncIterator[Receiver]:
    """An endpoint that the provider sends its messages to."""
    async with Receiver() as receiver:
        await world.tell(easypost_url=f"{receiver.url}/hook")
        yield receiver
        await world.change(easypost_webhook_url="")


async def test_genuine_news_names_the_parcel(
    tracking: TrackingProvider, world: SandboxWorld, received: Receiver, number: str
) -> None:
    """It says which parcel has news; the news itself is read again from the provider."""
    watched = await tracking.watch(CARRIER, number)
    await world.deliver(CARRIER, number, at="2026-11-20T10:00:00Z")
    messages = await received.wait_for(2)

    news = [tracking.verify(message.headers, message.body) for message in messages]

    assert sorted(one.kind for one in news) == ["tracker.created", "tracker.updated"]
    assert {one.reference for one in news} == {watched.reference}
    assert {(one.carrier, one.number) for one in news} == {(CARRIER, number)}
    assert len({one.event_id for one in news}) == 2
    told = next(one for one in news if one.kind == "tracker.updated")
    assert told.occurred_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


async def test_forged_news_is_not_genuine(
    tracking: TrackingProvider, received: Receiver, number: str
) -> None:
    """A "delivered" from anybody would pay a seller who never shipped."""
    await tracking.watch(CARRIER, number)
    [message, *_] = await received.wait_for(1)
    forged = json.dumps({**json.loads(message.body), "description": "tracker.updated"}).encode()

    with pytest.raises(NotGenuine):
        tracking.verify(message.headers, forged)
    with pytest.raises(NotGenuine):
        tracking.verify({}, message.body)
    assert tracking.verify(message.headers, message.body).number == number
