"""Facts find their process, once, whatever happens on the way."""

import asyncio
import json
import time
from typing import Any

import pytest
from sqlalchemy import text

from adapters.errors import NotGenuine
from domain.order.state import Fulfilment, Payment
from runtime.intake import UNATTRIBUTED
from sandbox.courier import stripe_signature
from tests.support.dispatch import Dispatch
from tests.support.marketplace import SUPPORT, Marketplace, Placed
from tests.support.sandbox import STRIPE_SECRET
from workflows.order import messages as said

_SUCCESS = b'"payment_intent.succeeded"'


async def _paid(dispatch: Dispatch, order: Placed) -> None:
    state = await order.until(lambda state: bool(state.intent))
    await dispatch.market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    await dispatch.news()
    await order.until(lambda state: state.captured > 0)


async def _shipped(dispatch: Dispatch, order: Placed) -> tuple[str, str]:
    await _paid(dispatch, order)
    state = await order.shipped(days=1)
    await dispatch.news()
    return state.parcels[0].carrier, state.parcels[0].number


@pytest.mark.case(1)
async def test_a_payment_that_is_reported_twice_is_posted_once(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Providers repeat themselves; books must not."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    new = await dispatch.take_in(copies=2)
    await dispatch.relay.drain()
    await order.until(lambda state: state.captured > 0)

    found = await market.rows("SELECT event_id FROM inbox")
    assert len(found) == new == len({row.event_id for row in found})
    assert (await market.balances())[f"escrow/{order.order}"] == 10_000
    assert (await market.kinds(order.order)).count("paid") == 1


async def test_a_message_is_on_record_before_anybody_hears_of_it(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """What was acknowledged is not sent again: it must not be in memory only."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    await dispatch.take_in()

    news = {row.kind: row for row in await dispatch.inbox(f"order/{order.order}")}
    assert news["payment_intent.succeeded"].state == "waiting"
    assert news["charge.succeeded"].state == "done"
    body = await market.vault.open(f"b-{order.order}", news["payment_intent.succeeded"].sealed)
    assert state.intent.encode() in body
    assert (await order.state()).payment is Payment.AWAITING


async def test_a_forged_message_is_refused_and_not_kept(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Anybody can post to the address."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    await market.world.rest()
    sent = dispatch.receiver.received[-1]
    with pytest.raises(NotGenuine):
        await dispatch.intake.payment(sent.headers, sent.body + b" ")

    assert await market.rows("SELECT 1 FROM inbox") == []


async def test_a_signed_message_is_no_more_than_a_reason_to_look(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Another use of the account can name our order, and claim that it was paid."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.rest()
    opened = next(
        json.loads(sent.body)
        for sent in dispatch.receiver.received
        if state.intent.encode() in sent.body
    )
    paid = opened["data"]["object"] | {"id": "pi_elsewhere", "status": "succeeded"}
    lie = opened | {"id": "evt_lie", "type": "payment_intent.succeeded"}
    body = json.dumps(lie | {"data": {"object": paid}}).encode()
    now = int(time.time())
    signature = stripe_signature(body, STRIPE_SECRET, now)
    assert await dispatch.intake.payment({"Stripe-Signature": signature}, body)
    await dispatch.news()
    looked = [row.state for row in await dispatch.inbox(f"order/{order.order}")]
    unpaid = await order.state()
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    await dispatch.news()
    really = await order.until(lambda state: state.captured > 0)

    assert set(looked) == {"done"}
    assert (unpaid.payment, unpaid.captured) == (Payment.AWAITING, 0)
    assert really.captured == 10_000


async def test_a_message_about_nothing_of_ours_is_kept_and_bothers_nobody(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The account may have other uses; what it tells is evidence all the same."""
    await market.world.top_up(1000, "eur")
    await dispatch.news()

    rows = await market.rows("SELECT DISTINCT subject, state, person FROM inbox")
    assert [tuple(row) for row in rows] == [("", "done", UNATTRIBUTED)]


@pytest.mark.case(3)
async def test_the_truth_counts_and_not_the_order_of_messages(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """A decline that is told after the success must not undo it."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent, "decline")
    await market.world.pay(state.intent)
    await market.world.rest()
    dispatch.clock.at = order.at(minutes=1)
    for sent in sorted(dispatch.receiver.received, key=lambda one: _SUCCESS not in one.body):
        await dispatch.arrive(sent)
        await dispatch.relay.drain()
    # The relay has told it; the process still has to take the step.
    await order.until(lambda state: state.fulfilment is Fulfilment.AWAITING_SHIPMENT)
    await order.shipped(days=1)

    arrived = await market.rows(
        "SELECT kind FROM inbox WHERE kind LIKE 'payment_intent.%' ORDER BY seq"
    )
    assert arrived[0].kind == "payment_intent.succeeded"
    assert "payment_intent.payment_failed" in [row.kind for row in arrived]
    assert (await market.balances())[f"escrow/{order.order}"] == 10_000


async def test_milestones_reach_the_order_and_raw_scans_do_not(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """A parcel has dozens of scans; a process acts on a handful of milestones."""
    order = await market.order()
    carrier, number = await _shipped(dispatch, order)
    for hour in range(3):
        await market.world.scan(
            carrier, number, "in_transit", at=order.at(days=2, hours=hour).isoformat(), country="DE"
        )
    dispatch.clock.at = order.at(days=2, hours=4)
    await dispatch.news()
    await order.until(lambda state: state.fulfilment is Fulfilment.IN_TRANSIT)

    history = await order.handle.fetch_history()
    signals = [
        event
        for event in history.events
        if event.workflow_execution_signaled_event_attributes.signal_name == "parcel_moved"
    ]
    assert len(signals) == 1
    scans = await market.rows("SELECT at, received_at FROM scans ORDER BY at")
    assert [row.at for row in scans] == [order.at(days=2, hours=hour) for hour in range(3)]
    assert {row.received_at for row in scans} == {dispatch.clock.at}


async def test_a_delivery_that_is_withdrawn_is_told_and_kept_as_withdrawn(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """A carrier that errs must not leave a clock running that pays the seller."""
    order = await market.order()
    carrier, number = await _shipped(dispatch, order)
    await market.world.scan(carrier, number, "in_transit", at=order.at(days=2).isoformat())
    await market.world.deliver(carrier, number, at=order.at(days=5).isoformat(), country="DE")
    dispatch.clock.at = order.at(days=5, hours=1)
    await dispatch.news()
    await order.until(lambda state: state.fulfilment is Fulfilment.DELIVERED)
    await market.world.withdraw(carrier, number, at=order.at(days=6).isoformat())
    dispatch.clock.at = order.at(days=6)
    await dispatch.news()

    rows = await market.rows("SELECT milestone, is_withdrawn FROM scans ORDER BY at")
    assert [tuple(row) for row in rows] == [("in_transit", False), ("delivered", True)]
    (parcel,) = await market.rows("SELECT milestone FROM parcels")
    assert parcel.milestone == "in_transit"


async def test_a_relay_that_died_after_its_signal_does_nothing_twice(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Killed between the signal and the note that it was sent, it sends the signal again."""
    order = await market.order(total=10_000)
    await _paid(dispatch, order)
    async with market.engine.begin() as db:
        await db.execute(text("UPDATE inbox SET state = 'waiting' WHERE state = 'done'"))
    await dispatch.relay.drain()
    await order.shipped(days=1)

    kinds = await market.kinds(order.order)
    assert kinds == ["placed", "payment_asked", "paid", "ready_to_ship", "shipped"]


async def test_a_taken_fact_comes_due_again_by_itself(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """What a relay had taken when it was killed is lost for a while, not for ever."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    await dispatch.take_in()
    taken = await dispatch.facts.take(8)

    assert len(taken) == 1
    assert await dispatch.relay.drain() == 1, "only the notice: the facts are another's"
    async with market.engine.begin() as db:
        await db.execute(text("UPDATE inbox SET due_at = now() - interval '1 s'"))
    await dispatch.relay.drain()
    assert (await order.until(lambda state: state.captured > 0)).payment is Payment.CAPTURED


async def test_news_for_an_order_that_has_ended_reaches_aftercare(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """An execution that has ended hears nothing; a refund that comes back must be seen."""
    order = await market.order(total=10_000)
    await _paid(dispatch, order)
    refund = said.RefundOrder(SUPPORT, order.at(days=1), 10_000)
    handle: Any = order.handle
    await handle.execute_update("refund", refund)
    await order.handle.result()
    await dispatch.news()
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await market.world.fail_refund(reference)
    dispatch.clock.at = order.at(days=12)
    await dispatch.news()
    done = await market.client.get_workflow_handle(f"aftercare/order/{order.order}").result()

    assert "refund_came_back" in done
    assert (await market.balances())[f"escrow/{order.order}"] == 10_000
    alarms = await market.rows("SELECT kind FROM alarms")
    assert [row.kind for row in alarms] == ["refund_came_back"]


async def test_a_parcel_that_comes_back_after_the_end_raises_an_alarm(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The seller was paid; whether the buyer gets the money back is for a person to say."""
    order = await market.order()
    carrier, number = await _shipped(dispatch, order)
    await market.world.deliver(carrier, number, at=order.at(days=5).isoformat(), country="DE")
    dispatch.clock.at = order.at(days=5)
    await dispatch.news()
    await order.until(lambda state: state.fulfilment is Fulfilment.DELIVERED)
    await order.skip_to_end()
    await market.world.deliver(carrier, number, at=order.at(days=30).isoformat(), country="DE")
    dispatch.clock.at = order.at(days=30)
    await dispatch.news()
    said_again = await market.rows("SELECT kind FROM alarms")
    await market.world.scan(carrier, number, "return_to_sender", at=order.at(days=40).isoformat())
    dispatch.clock.at = order.at(days=40)
    await dispatch.news()

    assert said_again == []
    (alarm,) = await market.rows("SELECT kind, subject, facts FROM alarms")
    assert (alarm.kind, alarm.subject) == ("parcel_after_end", f"order/{order.order}")
    assert alarm.facts["is"] == "returning"


async def test_a_fact_waits_while_the_provider_is_away_and_keeps_later_ones_behind_it(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """An outage is waited out; nothing overtakes meanwhile."""
    order = await market.order()
    carrier, number = await _shipped(dispatch, order)
    await market.world.fault("error", "GET /easypost", status=503)
    for day, status in enumerate(("in_transit", "out_for_delivery"), start=2):
        await market.world.scan(carrier, number, status, at=order.at(days=day).isoformat())
    await dispatch.news()
    subject = f"order/{order.order}"

    assert await dispatch.relay.pending(subject) == 2
    await market.world.clear_faults()
    async with asyncio.timeout(20):
        while await dispatch.relay.pending(subject):
            await dispatch.relay.drain(subject)
            await asyncio.sleep(0.1)
    state = await order.until(lambda state: state.parcels[0].milestone == "out_for_delivery")
    assert state.fulfilment is Fulfilment.IN_TRANSIT


async def _poisoned(dispatch: Dispatch, order: Placed, failed: str) -> None:
    """A scan whose tracker the provider denies for good, which is no outage; *failed* so often."""
    market = dispatch.market
    carrier, number = await _shipped(dispatch, order)
    await market.world.scan(carrier, number, "in_transit", at=order.at(days=2).isoformat())
    await dispatch.take_in()
    spoil = (
        f"UPDATE inbox SET reference = 'trk_unknown/' || :number, {failed} WHERE state = 'waiting'"  # noqa: S608 - our own
    )
    async with market.engine.begin() as db:
        await db.execute(text(spoil), {"number": number})
        await db.execute(text("UPDATE parcels SET tracker = 'trk_unknown/' || :n"), {"n": number})
    await dispatch.relay.drain()


async def test_a_defect_after_many_outages_is_tried_again(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """A day without the carrier must not leave one try between a scan and an operator."""
    order = await market.order()
    await _poisoned(dispatch, order, "attempts = 20000")

    counts = "SELECT state, attempts, defects FROM inbox WHERE attempts > 0"
    assert await market.rows(counts) == [("waiting", 20_001, 1)]


async def test_poison_is_parked_with_an_alarm_and_blocks_nobody(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """One message that our code cannot take must not stop an order for ever."""
    order = await market.order()
    await _poisoned(dispatch, order, "defects = 19")

    (alarm,) = await market.rows("SELECT kind, subject FROM alarms")
    assert tuple(alarm) == ("fact.parked", f"order/{order.order}")
    assert await dispatch.relay.pending(f"order/{order.order}") == 0
