"""The deadline and the message: received at or before it wins, whatever the engine was doing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.state import Fulfilment, OrderState, Outcome
from tests.support.marketplace import Marketplace, Placed, buyer, dhl_number, seller_of
from tests.workflows.test_order import code_of
from workflows._kit.awaiting import heard_within
from workflows.order import messages as said


async def recorded(market: Marketplace, order: Placed, received_at: datetime) -> str:
    """Put a request on record that nobody has delivered yet, as the API's edge does."""
    name = f"r-{order.order}-{received_at.timestamp()}"
    async with market.engine.begin() as db:
        await db.exec_driver_sql(
            "INSERT INTO requests (id, caller, route, object, key, body_hash, command, person,"
            " update_id, received_at, state, due_at, attempts, last_error)"
            " VALUES ($1, 'test', 'test', $2, $1, '', 'test', '', $1, $3, 'waiting', now(), 0, '')",
            (name, f"order/{order.order}", received_at),
        )
    return name


async def heard(market: Marketplace, name: str) -> None:
    """The request has been delivered and answered."""
    async with market.engine.begin() as db:
        await db.exec_driver_sql("UPDATE requests SET state = 'answered' WHERE id = $1", (name,))


def shipment(order: Placed, at: datetime) -> said.DeclareShipment:
    return said.DeclareShipment(
        seller_of(order.market.of[order.order]), at, "DHLExpress", dhl_number()
    )


def due(state: OrderState) -> datetime:
    """When the only clock that runs ends."""
    (clock,) = state.clocks
    return clock.due_at


def test_a_request_that_waits_for_an_operator_does_not_fill_the_history() -> None:
    """Temporal ends a history of 51,200 events; each look in vain is a dozen of them."""
    waited, looks = timedelta(), 0
    while waited < timedelta(days=90):
        waited += heard_within(looks)
        looks += 1

    assert heard_within(0) == timedelta(seconds=30)
    assert looks * 12 < 30_000


@pytest.mark.case(13)
async def test_a_shipment_received_at_the_deadline_beats_it(market: Marketplace) -> None:
    """The clock has run out, the request is on record and not heard: the seller still wins."""
    order = await market.order()
    deadline = due(await order.paid(minutes=1))
    name = await recorded(market, order, deadline)
    await order.skip(days=7, minutes=3)
    assert (await order.state()).fulfilment is Fulfilment.AWAITING_SHIPMENT
    state = await order.ask(shipment(order, deadline))
    await heard(market, name)

    assert state.fulfilment is Fulfilment.DECLARED
    assert state.outcome is Outcome.OPEN


@pytest.mark.case(13)
async def test_a_shipment_received_after_the_deadline_loses(market: Marketplace) -> None:
    """One winner: the buyer is refunded, and the seller is told why by a typed refusal."""
    order = await market.order()
    deadline = due(await order.paid(minutes=1))
    name = await recorded(market, order, deadline)
    await order.skip(days=7, minutes=3)
    late = shipment(order, deadline + timedelta(seconds=1))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(late)
    await heard(market, name)
    ended = await order.skip_to_end()

    assert code_of(refused) == "deadline-passed"
    assert ended.outcome is Outcome.NEVER_SHIPPED
    assert await market.rows("SELECT count(*) FROM parcels") == [(0,)]


@pytest.mark.case(13)
async def test_the_deadline_and_a_shipment_at_once_have_one_winner(market: Marketplace) -> None:
    """Whoever comes first is served; the order is shipped or refunded, never both."""
    order = await market.order()
    deadline = due(await order.paid(minutes=1))
    request = shipment(order, deadline)
    skipped = asyncio.create_task(order.skip(days=7, minutes=2))
    asked = asyncio.create_task(order.ask(request))
    _, answer = await asyncio.gather(skipped, asked, return_exceptions=True)
    state = await order.until(lambda s: s.fulfilment is not Fulfilment.AWAITING_SHIPMENT)

    is_shipped = state.fulfilment is Fulfilment.DECLARED
    assert is_shipped == isinstance(answer, OrderState)


@pytest.mark.case(31, 32)
async def test_a_word_received_before_the_release_is_heard_before_it(market: Marketplace) -> None:
    """The engine was down when it came: the edge's receipt counts, and money waits for it."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=5)
    state = await order.confirmed(days=6)
    name = await recorded(market, order, due(state))
    await order.skip(days=21, minutes=5)
    assert (await order.state()).released == 0
    await heard(market, name)
    ended = await order.skip_to_end()

    assert ended.released == ended.total


@pytest.mark.case(31)
async def test_a_word_received_after_the_release_does_not_stop_it(market: Marketplace) -> None:
    """One second late is late."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=5)
    state = await order.confirmed(days=6)
    await recorded(market, order, due(state) + timedelta(seconds=1))
    ended = await order.skip_to_end()

    assert ended.ended_at == due(state)


@pytest.mark.case(31)
async def test_silence_confirms_only_when_nobody_has_spoken(market: Marketplace) -> None:
    """A buyer's word in time, not heard yet, keeps the clock from speaking for them."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    state = await order.delivered(days=5)
    name = await recorded(market, order, due(state))
    await order.skip(days=12, minutes=2)
    assert (await order.state()).confirmed_at is None
    await heard(market, name)
    ended = await order.skip_to_end()

    assert ended.confirmed_at == due(state)


@pytest.mark.case(33)
async def test_a_mistaken_confirmation_leaves_time_to_object(market: Marketplace) -> None:
    """Confirmed on the way: the money still waits out the protection."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    state = await order.confirmed(days=2)
    await order.skip(days=16, hours=23)

    assert (await order.state()).released == 0
    assert due(state) == order.at(days=17)


async def test_a_timer_stays_armed_while_its_deadline_stands(market: Marketplace) -> None:
    """Every re-armed timer is billed and replayed: ten wake-ups need one timer."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    for day in range(2, 7):
        await order.payment_news(days=day)
    await order.until(lambda state: bool(state.parcels))
    started = [
        event
        async for event in order.handle.fetch_history_events()
        if event.HasField("timer_started_event_attributes")
    ]

    assert len(started) == 3  # Payment, shipment, delivery: one each.


async def test_requests_of_others_hold_nothing_up(market: Marketplace) -> None:
    """Only a request for the same order, received in time, is waited for."""
    first, second = await market.order(), await market.order()
    await recorded(market, first, datetime(2026, 1, 1, tzinfo=UTC))
    ended = await second.skip_to_end()

    assert ended.outcome is Outcome.NEVER_PAID
    assert buyer(first.order) != buyer(second.order)
