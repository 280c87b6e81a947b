"""Labels bought online, and couriers at the door, in the life of an order."""

from datetime import datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.order.agreements import Topic
from domain.order.facts import clock_of
from domain.order.parcels import ParcelStage
from domain.order.state import ClockName, Fulfilment, OrderState, Outcome, Payment
from domain.shipment.labels import LabelStatus
from domain.shipment.pickup import PickupStatus
from tests.support.marketplace import Marketplace, Placed, buyer, seller_of
from tests.support.online import labelled
from workflows.order import messages as said


async def paid(market: Marketplace) -> Placed:
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.until(lambda state: state.fulfilment is Fulfilment.AWAITING_SHIPMENT)
    return order


async def asked_to_cancel(order: Placed, **after: float) -> OrderState:
    return await order.ask(
        said.AskConsent(buyer(order.order), order.at(**after), Topic.CANCELLATION)
    )


async def label_row(order: Placed) -> tuple[str, str, str]:
    """(status, number, shipment) of the order's label, as the database has it."""
    (row,) = await order.market.rows(
        'SELECT status, number, shipment FROM labels WHERE "order" = :order', order=order.order
    )
    return row.status, row.number, row.shipment


async def at_carriers(order: Placed) -> list[tuple[str, int]]:
    lines = (await order.market.world.effects(order.order))["lines"]
    return [(one["type"], one["amount"]) for one in lines if one["account"] == "easypost"]


async def fetching(order: Placed, day: int, **after: float) -> OrderState:
    """Order a courier for that day, between noon and four of the order's own hours."""
    seller = seller_of(order.market.of[order.order])
    opens, closes = order.at(days=day), order.at(days=day, hours=4)
    return await order.ask(said.SchedulePickup(seller, order.at(**after), opens, closes))


def code_of(refused: pytest.ExceptionInfo[WorkflowUpdateFailedError]) -> str | None:
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.type


async def test_a_label_is_a_declaration_without_typing(market: Marketplace) -> None:
    """The parcel travels under the label's own number, and is followed like any other."""
    order = await paid(market)
    state = await labelled(order, days=1)
    status, number, _ = await label_row(order)

    assert (state.fulfilment, state.parcels[0].number) == (Fulfilment.DECLARED, number)
    assert (state.labels[0].parcel, status) == ("1", LabelStatus.BOUGHT)
    assert len(await at_carriers(order)) == 1
    assert (await market.kinds(order.order))[-2:] == ["shipped", "label_bought"]
    moved = await order.scanned(days=2)
    assert moved.labels[0].status is LabelStatus.USED
    done = await order.delivered(days=5)
    assert done.fulfilment is Fulfilment.DELIVERED


async def test_a_label_for_some_lines_leaves_the_rest_to_ship(market: Marketplace) -> None:
    """Each parcel has a label of its own."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    await order.until(lambda state: state.fulfilment is Fulfilment.AWAITING_SHIPMENT)
    first = await labelled(order, "2", days=1)
    second = await labelled(order, "1", days=1, hours=1)

    assert (first.fulfilment, first.unshipped) == (Fulfilment.PARTLY_SHIPPED, ("1",))
    assert [label.parcel for label in second.labels] == ["1", "2"]
    assert len({parcel.number for parcel in second.parcels}) == 2
    assert len(await at_carriers(order)) == 2


async def test_a_label_that_is_not_sold_leaves_no_effect_and_may_be_asked_again(
    market: Marketplace,
) -> None:
    """The seller is told no, and the next purchase is not stuck with the old answer."""
    order = await paid(market)
    with pytest.raises(WorkflowUpdateFailedError) as dear:
        await labelled(order, most=1, days=1)
    await market.world.fault("error", "POST .*/shipments/.*/buy$", times=1, status=422)
    with pytest.raises(WorkflowUpdateFailedError) as declined:
        await labelled(order, days=1)
    state = await labelled(order, days=1, hours=1)

    assert code_of(dear) == code_of(declined) == "label-unavailable"
    assert (state.labels_asked, len(state.labels), len(state.parcels)) == (2, 1, 1)
    assert len(await at_carriers(order)) == 1


@pytest.mark.case(14)
async def test_silence_cancels_although_a_label_was_just_bought(market: Marketplace) -> None:
    """Nothing has left: the buyer is refunded, and the label is given back."""
    order = await paid(market)
    await asked_to_cancel(order, days=1)
    bought = await labelled(order, days=2)
    await order.skip_to_end()
    state = await order.state()

    assert [one.topic for one in bought.agreements] == [Topic.CANCELLATION]
    assert (state.outcome, state.payment) == (Outcome.CANCELLED_BY_AGREEMENT, Payment.REFUNDED)
    assert state.labels[0].status is LabelStatus.VOID_ASKED
    cost = (await at_carriers(order))[0][1]
    assert await at_carriers(order) == [("postage", cost), ("postage_refund", -cost)]


@pytest.mark.case(14)
async def test_a_parcel_that_left_unheard_of_is_called_back(market: Marketplace) -> None:
    """The carrier has it, whatever we have heard: its label is spent, and it has to return."""
    order = await paid(market)
    await asked_to_cancel(order, days=1)
    await labelled(order, days=2)
    _, number, _ = await label_row(order)
    await market.world.scan("UPS", number, "in_transit")
    await order.skip_to_end()
    state = await order.state()
    alarms = await market.rows("SELECT kind FROM alarms WHERE kind = 'recall_parcel'")

    assert (state.outcome, state.payment) == (Outcome.CANCELLED_BY_AGREEMENT, Payment.REFUNDED)
    assert state.labels[0].status is LabelStatus.USED
    assert len(alarms) == 1
    assert "parcel_recalled" in await market.kinds(order.order)
    assert [kind for kind, _ in await at_carriers(order)] == ["postage"]


@pytest.mark.case(14, 15)
async def test_a_parcel_that_has_left_withdraws_the_request_to_cancel(market: Marketplace) -> None:
    """Handing it over is shipping; buying a label was not."""
    order = await paid(market)
    await asked_to_cancel(order, days=1)
    await labelled(order, days=2)
    state = await order.scanned(days=2, hours=5)

    assert state.agreements == ()
    assert clock_of(state, ClockName.CANCELLATION_ANSWER) is None
    assert "cancellation_void" in await market.kinds(order.order)
    assert (state.outcome, state.fulfilment) == (Outcome.OPEN, Fulfilment.IN_TRANSIT)


async def test_a_seller_gives_an_unused_label_back_and_buys_another(market: Marketplace) -> None:
    """Printed wrongly, or the wrong size: the goods wait again, no longer than they had to."""
    order = await paid(market)
    before = await order.state()
    await labelled(order, days=1)
    seller = seller_of()
    state = await order.ask(said.VoidLabel(seller, order.at(days=1, hours=2)))
    with pytest.raises(WorkflowUpdateFailedError) as again:
        await order.ask(said.VoidLabel(seller, order.at(days=1, hours=3)))
    second = await labelled(order, days=2)

    assert state.labels[0].status is LabelStatus.VOID_ASKED
    assert state.parcels[0].stage is ParcelStage.GIVEN_BACK
    assert (state.fulfilment, state.unshipped) == (Fulfilment.AWAITING_SHIPMENT, ("1",))
    assert ships_by(state) == ships_by(before)
    assert code_of(again) == "illegal-transition"
    assert (second.fulfilment, len(second.labels)) == (Fulfilment.DECLARED, 2)


def ships_by(state: OrderState) -> datetime:
    clock = clock_of(state, ClockName.SHIPMENT)
    assert clock is not None
    return clock.due_at


async def test_a_used_label_is_not_given_back(market: Marketplace) -> None:
    """Also when its scan has not been heard of: the carrier's truth is asked."""
    order = await paid(market)
    await labelled(order, days=1)
    _, number, _ = await label_row(order)
    await market.world.scan("UPS", number, "in_transit")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(said.VoidLabel(seller_of(), order.at(days=2)))

    assert code_of(refused) == "shipment-fixed"
    assert (await order.state()).labels[0].status is LabelStatus.BOUGHT


@pytest.mark.case(20)
async def test_three_couriers_in_vain_end_in_a_drop_off(market: Marketplace) -> None:
    """The first scan is due no sooner than the seller's own time to bring the parcel ends."""
    order = await paid(market)
    began = order.at(days=1)
    state = await labelled(
        order, days=1, fetch_from=order.at(days=2), fetch_until=order.at(days=2, hours=4)
    )
    before = first_scan(state)
    for number in (1, 2, 3):
        await order.skip(days=number + 1, hours=5)
        state = await order.until(lambda now: now.labels[0].pickup is not PickupStatus.SCHEDULED)
        if number < 3:
            state = await fetching(order, number + 2, days=number + 1, hours=6)
    with pytest.raises(WorkflowUpdateFailedError):
        await fetching(order, 6, days=4, hours=6)
    ended = order.at(days=4, hours=4)

    assert began < before < first_scan(state) or first_scan(state) == before
    assert first_scan(state) >= ended + timedelta(hours=72)
    assert state.labels[0].pickup is PickupStatus.DROP_OFF
    kinds = await market.kinds(order.order)
    assert (kinds.count("pickup_missed"), kinds.count("drop_off")) == (2, 1)
    moved = await order.scanned(days=6)
    assert (moved.labels[0].pickup, moved.labels[0].status) == (
        PickupStatus.COLLECTED,
        LabelStatus.USED,
    )


def first_scan(state: OrderState) -> datetime:
    clock = clock_of(state, ClockName.FIRST_SCAN)
    assert clock is not None
    return clock.due_at


async def test_a_collected_parcel_is_awaited_at_the_warehouse(market: Marketplace) -> None:
    """A parcel that a courier took and no warehouse has seen is the carrier's to find."""
    order = await paid(market)
    await labelled(
        order, days=1, fetch_from=order.at(days=2), fetch_until=order.at(days=2, hours=4)
    )
    (row,) = await market.rows("SELECT visit FROM pickups")
    await market.world.collect(row.visit)
    await order.skip(days=2, hours=5)
    taken = await order.until(lambda now: now.labels[0].pickup is PickupStatus.COLLECTED)
    await order.skip(days=4, hours=5)
    missed = await order.until(lambda now: clock_of(now, ClockName.CHECK_IN) is None)
    alarms = await market.rows("SELECT kind FROM alarms WHERE kind = 'check_in_missed'")

    assert clock_of(taken, ClockName.CHECK_IN) is not None
    assert taken.labels[0].status is LabelStatus.USED
    assert missed.labels[0].pickup is PickupStatus.COLLECTED
    assert len(alarms) == 1


async def test_a_door_without_couriers_is_told_and_another_window_may_be_asked(
    market: Marketplace,
) -> None:
    """A refusal uses no attempt up, and leaves nothing but its record."""
    order = await paid(market)
    await labelled(order, days=1)
    await market.world.fault("error", "POST .*/pickups$", times=1, status=422)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await fetching(order, 2, days=1, hours=1)
    state = await fetching(order, 3, days=1, hours=2)

    assert code_of(refused) == "label-unavailable"
    assert (state.labels[0].pickup, state.labels[0].couriers) == (PickupStatus.SCHEDULED, 2)
