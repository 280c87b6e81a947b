"""Outgoing webhooks arrive: at least once, in order, signed, and not for ever."""

import json
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from domain.webhooks import WAITS
from persistence import hooks
from tests.support.hooking import AT, Hooking, open_hooking
from tests.support.receiver import Received, Receiver


@pytest.fixture
async def hooking(database_url: str) -> AsyncGenerator[Hooking]:
    """Endpoints over a database of the test's own."""
    async with open_hooking(database_url) as opened:
        yield opened


def told(receiver: Receiver) -> list[str]:
    """The subject and kind of each event that arrived, in turn."""
    events = [json.loads(one.body) for one in receiver.received]
    return [f"{event['subject']} {event['type']}" for event in events]


def is_signed_by(secret: str, received: Received) -> bool:
    """Whether the official package accepts it."""
    try:
        Webhook(secret).verify(received.body, received.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_an_event_arrives_as_a_signed_cloud_event(
    hooking: Hooking, receiver: Receiver
) -> None:
    """What integrators are promised, as they meet it."""
    name, secret = await hooking.endpoint(f"{receiver.url}/in?x=1")
    await hooking.happened("o-1", "order.paid", actor="buyer:b-1", amount=12_300, currency="EUR")
    await hooking.relay().drain()

    (received,) = receiver.received
    (delivery,) = await hooking.deliveries(name)
    assert received.path == "/in?x=1"
    assert is_signed_by(secret, received)
    assert received.headers["content-type"].startswith("application/cloudevents+json")
    assert received.headers["webhook-id"] == delivery.event
    assert json.loads(received.body) == {
        "specversion": "1.0",
        "id": delivery.event,
        "source": "https://caravan.example/v1",
        "type": "order.paid",
        "subject": "order/o-1",
        "time": "2026-11-30T14:05:01Z",
        "datacontenttype": "application/json",
        "data": {
            "version": 1,
            "actor": "buyer:b-1",
            "facts": {"amount": 12_300, "currency": "EUR"},
            "links": {"self": "https://caravan.example/v1/orders/o-1"},
        },
    }


class Killed(BaseException):
    """What a process does not survive."""


async def test_a_relay_that_dies_after_the_call_calls_again_under_the_same_id(
    hooking: Hooking, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: the receiver knows by the id that it has the event already."""
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1")

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(hooks, "reached", die)
        with pytest.raises(Killed):
            await hooking.relay().drain()
    (between,) = await hooking.deliveries(name)
    assert await hooking.relay().drain() == 0
    await hooking.wait_is_over()
    await hooking.relay().drain()

    (after,) = await hooking.deliveries(name)
    assert (between.state, between.attempts) == ("waiting", 0)
    assert after.state == "delivered"
    assert len(receiver.received) == 2
    assert len({(one.headers["webhook-id"], one.body) for one in receiver.received}) == 1


async def test_one_subject_is_told_in_order_while_others_go_on(
    hooking: Hooking, receiver: Receiver
) -> None:
    """A receiver must not see an order shipped before it was paid."""
    receiver.answers[:] = [500]
    await hooking.endpoint(receiver.url)
    for kind in ("order.placed", "order.paid", "order.shipped"):
        await hooking.happened("o-1", kind)
    await hooking.relay().drain()
    await hooking.happened("o-2", "order.placed")
    await hooking.relay().drain()
    while_waiting = told(receiver)
    await hooking.wait_is_over()
    await hooking.relay().drain()

    assert while_waiting == ["order/o-1 order.placed", "order/o-2 order.placed"]
    assert told(receiver)[2:] == [
        "order/o-1 order.placed",
        "order/o-1 order.paid",
        "order/o-1 order.shipped",
    ]


async def test_each_attempt_is_on_record(hooking: Hooking, receiver: Receiver) -> None:
    """A receiver who says that it never came is shown the instant, the status, the duration."""
    receiver.answers[:] = [503]
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1")
    await hooking.relay().drain()
    (put_off,) = await hooking.deliveries(name)
    failing = (await hooking.found(name)).failing_since
    await hooking.wait_is_over()
    await hooking.relay().drain()
    (done,) = await hooking.deliveries(name)
    async with hooking.engine.connect() as db:
        log = await hooks.attempts(db, done.seq)

    assert (put_off.state, put_off.attempts, put_off.last_error) == ("waiting", 1, "answered 503")
    assert failing is not None
    assert [one.status for one in log] == [200, 503]
    assert (await hooking.found(name)).failing_since is None
    assert (done.state, done.attempts) == ("delivered", 2)


async def test_during_a_rotation_both_secrets_sign(hooking: Hooking, receiver: Receiver) -> None:
    """The receiver changes over without losing a message, and the old secret then ends."""
    name, old = await hooking.endpoint(receiver.url)
    new = await hooking.rotate(name, timedelta(hours=24))
    await hooking.happened("o-1")
    await hooking.relay().drain()
    await hooking.run(
        "UPDATE webhook_secrets SET valid_until = now() - interval '1 s'"
        " WHERE valid_until IS NOT NULL"
    )
    await hooking.happened("o-2")
    await hooking.relay().drain()

    during, after = receiver.received
    assert (is_signed_by(old, during), is_signed_by(new, during)) == (True, True)
    assert (is_signed_by(old, after), is_signed_by(new, after)) == (False, True)


async def test_an_endpoint_that_is_gone_is_left_alone(hooking: Hooking, receiver: Receiver) -> None:
    """410 is how a receiver says so; an operator hears of it, for it may be a mistake."""
    receiver.answers[:] = [410]
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1")
    await hooking.happened("o-1", "order.shipped")
    await hooking.relay().drain()
    await hooking.happened("o-2")

    endpoint = await hooking.found(name)
    (alarm,) = await hooking.run("SELECT kind, subject, cleared_at FROM alarms")
    assert (endpoint.is_enabled, endpoint.disabled_because) == (False, "gone")
    assert [one.state for one in await hooking.deliveries(name)] == ["failed", "skipped"]
    assert tuple(alarm) == ("webhook.disabled", f"webhook-endpoint/{name}", None)
    assert len(receiver.received) == 1


async def _give_up(hooking: Hooking) -> None:
    """Let the last attempt at everything that waits be the next one."""
    await hooking.run("UPDATE webhook_deliveries SET attempts = :all", all=len(WAITS))
    await hooking.wait_is_over()
    await hooking.relay().drain()


async def test_an_endpoint_that_fails_for_days_is_disabled_and_can_be_enabled(
    hooking: Hooking, receiver: Receiver
) -> None:
    """Nobody is called for ever; and what was missed is had by a replay."""
    receiver.answers[:] = [500]
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1")
    await _give_up(hooking)
    disabled = await hooking.found(name)
    await hooking.happened("o-2")
    await hooking.switch(name, on=True)
    async with hooking.engine.begin() as db:
        queued = await hooks.replay(db, await hooking.found(name), AT)
    await hooking.relay().drain()

    assert (disabled.is_enabled, disabled.disabled_because) == (False, "failing")
    assert queued == (2, None)
    assert sorted(told(receiver)[1:]) == ["order/o-1 order.paid", "order/o-2 order.paid"]
    assert (await hooking.found(name)).failing_since is None
    assert await hooking.run("SELECT 1 FROM alarms WHERE cleared_at IS NULL") == []


async def test_one_event_that_cannot_be_delivered_disables_nothing(
    hooking: Hooking, receiver: Receiver
) -> None:
    """A receiver that chokes on one event and takes all others is not away."""
    receiver.answers[:] = [500]
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1")
    await hooking.relay().drain()
    await hooking.happened("o-2")
    await hooking.relay().drain()
    receiver.answers[:] = [500]
    await _give_up(hooking)
    states = [one.state for one in await hooking.deliveries(name)]

    assert states == ["failed", "delivered"]
    assert (await hooking.found(name)).is_enabled


async def test_an_endpoint_hears_only_what_it_asked_for(
    hooking: Hooking, receiver: Receiver
) -> None:
    """By the kind of the event, and a seller's endpoint by whose it is."""
    await hooking.endpoint(f"{receiver.url}/paid", "order.paid")
    await hooking.endpoint(f"{receiver.url}/orders", "order.*")
    await hooking.endpoint(f"{receiver.url}/payouts", "payout.*")
    await hooking.endpoint(f"{receiver.url}/s2", owner="s-2")
    await hooking.happened("o-1", "order.paid", seller="s-1")
    await hooking.happened("o-2", "order.shipped", seller="s-2", actor="operator:op-7")
    await hooking.relay().drain()

    heard = sorted((one.path, json.loads(one.body)["subject"]) for one in receiver.received)
    actors = {
        one.path: json.loads(one.body)["data"]["actor"]
        for one in receiver.received
        if json.loads(one.body)["subject"] == "order/o-2"
    }
    assert heard == [
        ("/orders", "order/o-1"),
        ("/orders", "order/o-2"),
        ("/paid", "order/o-1"),
        ("/s2", "order/o-2"),
    ]
    assert actors == {"/orders": "operator:op-7", "/s2": "operator"}


async def test_a_replayed_event_keeps_its_id_and_its_body(
    hooking: Hooking, receiver: Receiver
) -> None:
    """A receiver that has it already does nothing; one that lost it takes it."""
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1", amount=5)
    await hooking.relay().drain()
    (delivery,) = await hooking.deliveries(name)
    async with hooking.engine.begin() as db:
        await hooks.again(db, delivery.seq)
    await hooking.relay().drain()

    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_a_replay_never_crosses_into_another_store(
    hooking: Hooking, receiver: Receiver
) -> None:
    """It reads the timeline of everybody, and must not tell it to everybody."""
    await hooking.happened("o-1", seller="s-1")
    await hooking.happened("o-2", seller="s-2")
    name, _ = await hooking.endpoint(receiver.url, "order.paid", owner="s-2")
    async with hooking.engine.begin() as db:
        endpoint = await hooking.found(name)
        queued = [await hooks.replay(db, endpoint, AT) for _ in range(2)]
    await hooking.relay().drain()

    assert queued == [(1, None), (1, None)]
    assert told(receiver) == ["order/o-2 order.paid"]


async def test_a_long_replay_says_where_it_was_cut_off(
    hooking: Hooking, receiver: Receiver
) -> None:
    """One request must not write a million rows; the next one goes on from there."""
    for number in range(3):
        await hooking.happened("o-1", f"order.kind_{number}")
    name, _ = await hooking.endpoint(receiver.url)
    async with hooking.engine.begin() as db:
        first = await hooks.replay(db, await hooking.found(name), AT, 2)
        second = await hooks.replay(db, await hooking.found(name), first[1] or AT, 3)

    assert first == (2, AT + timedelta(seconds=2))
    assert second == (2, None)


async def test_a_slow_endpoint_leaves_room_for_others(hooking: Hooking, receiver: Receiver) -> None:
    """A hundred orders for one that does not answer must not keep the rest from going out."""
    slow, _ = await hooking.endpoint(f"{receiver.url}/slow")
    for number in range(10):
        await hooking.happened(f"o-{number}")
    quick, _ = await hooking.endpoint(f"{receiver.url}/quick")
    await hooking.happened("o-10")
    async with hooking.engine.begin() as db:
        taken = await hooks.take(db, 8, timedelta(minutes=1), per_endpoint=2)
        more = await hooks.take(db, 8, timedelta(minutes=1), busy=[slow], per_endpoint=2)

    assert [one.endpoint for one in taken].count(slow) == 2
    assert [one.endpoint for one in taken].count(quick) == 1
    assert more == []


async def test_two_relays_never_take_the_same_delivery(
    hooking: Hooking, receiver: Receiver
) -> None:
    """Any number of relays may run."""
    name, _ = await hooking.endpoint(receiver.url)
    for number in range(6):
        await hooking.happened(f"o-{number}")
    first, second = hooking.relay(), hooking.relay()
    async with hooking.engine.begin() as db:
        held = await hooks.take(db, 2, timedelta(minutes=1), per_endpoint=2)
        async with hooking.engine.begin() as other:
            beside = await hooks.take(other, 8, timedelta(minutes=1), per_endpoint=8)
    await hooking.wait_is_over()
    await first.drain()
    await second.drain()

    assert not {one.seq for one in held} & {one.seq for one in beside}
    assert len(receiver.received) == 6
    assert {one.state for one in await hooking.deliveries(name)} == {"delivered"}


async def test_what_was_settled_long_ago_is_forgotten(hooking: Hooking, receiver: Receiver) -> None:
    """A log that only grows is a second ledger that nobody asked for."""
    name, _ = await hooking.endpoint(receiver.url)
    await hooking.happened("o-1")
    await hooking.relay().drain()
    await hooking.happened("o-2")
    await hooking.run("UPDATE webhook_deliveries SET queued_at = now() - interval '31 days'")
    async with hooking.engine.begin() as db:
        gone = await hooks.prune(db, timedelta(days=30))
        attempts = await db.scalar(text("SELECT count(*) FROM webhook_attempts"))

    assert (gone, attempts) == (1, 0)
    assert [one.subject for one in await hooking.deliveries(name)] == ["order/o-2"]


async def test_an_endpoint_that_cannot_be_reached_is_tried_again(hooking: Hooking) -> None:
    """A name without an address today may have one tomorrow."""
    name, _ = await hooking.endpoint("http://nobody.invalid/in")
    await hooking.happened("o-1")
    await hooking.relay().drain()

    (delivery,) = await hooking.deliveries(name)
    assert (delivery.state, delivery.last_status) == ("waiting", None)
    assert delivery.last_error.startswith("cannot be reached")
