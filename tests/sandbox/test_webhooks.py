"""Webhooks: signed as the providers sign them, told until they are heard."""

import json
from typing import Any
from uuid import uuid4

import pytest
import stripe
from easypost.errors.general.signature_verification_error import SignatureVerificationError
from easypost.util import validate_webhook

from tests.support.dealings import new_key, payout, seller, take, transfer
from tests.support.receiver import Received, Receiver
from tests.support.sandbox import (
    EASYPOST_SECRET,
    STRIPE_SECRET,
    Carriers,
    SandboxProcess,
    SandboxWorld,
)


def events(received: list[Received]) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in received]


def types(received: list[Received]) -> list[str]:
    return sorted(event["type"] for event in events(received))


async def test_payment_events_are_signed_for_the_official_client(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """The API verifies with the client's own function; a forged body must not pass it."""
    key = new_key()
    async with Receiver() as endpoint:
        await world.tell(stripe_url=f"{endpoint.url}/hooks/stripe")
        take(client, key=key)
        await world.rest()
    first = endpoint.received[0]
    signature = first.headers["stripe-signature"]
    event = client.construct_event(first.body, signature, STRIPE_SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(first.body + b" ", signature, STRIPE_SECRET)

    assert types(endpoint.received) == [
        "charge.succeeded",
        "payment_intent.created",
        "payment_intent.succeeded",
    ]
    assert first.path == "/hooks/stripe"
    assert event.request is not None
    assert event.request.idempotency_key == key
    assert event.livemode is False


async def test_an_event_can_be_read_again_from_the_provider(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """State comes from the provider's truth: what was told can be asked for."""
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        take(client)
        await world.rest()
    told = {event["id"] for event in events(endpoint.received)}
    listed = client.v1.events.list({"limit": 3})
    one = client.v1.events.retrieve(listed.data[0].id)

    assert {event.id for event in listed.data} == told
    assert one.type == listed.data[0].type


async def test_a_sellers_events_name_the_account(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Without it a failed payout could not be laid to anybody."""
    take(client, 5000)
    account = seller(client)
    transfer(client, account, 1000)
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        sent = payout(client, account, 1000)
        await world.rest()
        await world.fail_payout(sent.id, at="2018-02-01T00:00:00Z")
        await world.rest(account)
    told = {event["type"]: event for event in events(endpoint.received)}

    assert set(told) == {"payout.created", "payout.updated", "payout.paid", "payout.failed"}
    assert {event["account"] for event in told.values()} == {account}
    assert told["payout.failed"]["created"] == 1517443200


async def test_tracking_events_are_signed_for_the_official_client(
    carriers: Carriers, world: SandboxWorld
) -> None:
    """Nobody else may report a parcel as delivered, for that pays the seller."""
    code = uuid4().hex
    async with Receiver() as endpoint:
        await world.tell(easypost_url=f"{endpoint.url}/hooks/easypost")
        carriers.tracker.create(tracking_code=code, carrier="Correios")
        await world.deliver("Correios", code, at="2018-03-01T12:00:00Z")
        await world.rest(code)
    told = [
        validate_webhook(
            each.body, {"X-Hmac-Signature": each.headers["x-hmac-signature"]}, EASYPOST_SECRET
        )
        for each in endpoint.received
    ]
    with pytest.raises(SignatureVerificationError):
        validate_webhook(
            endpoint.received[0].body,
            {"X-Hmac-Signature": endpoint.received[1].headers["x-hmac-signature"]},
            EASYPOST_SECRET,
        )

    by_kind = {event["description"]: event["result"] for event in told}
    assert by_kind["tracker.created"]["status"] == "unknown"
    assert by_kind["tracker.updated"]["status"] == "delivered"


async def test_a_webhook_is_repeated_until_it_is_heard(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """An API that is down for a moment hears of it all the same, as the same event."""
    async with Receiver(answers=[500, 503]) as endpoint:
        await world.tell(stripe_url=endpoint.url)
        intent = take(client)
        await world.rest(intent.id)
        log = await world.webhooks(subject=intent.id)
    told = [event["id"] for event in events(endpoint.received)]
    statuses = sorted(attempt["status"] for each in log for attempt in each["attempts"])

    assert len(told) == 5
    assert len(set(told)) == 3
    assert statuses == [200, 200, 200, 500, 503]


async def test_a_refused_webhook_is_spoken_of(own_sandbox: SandboxProcess) -> None:
    """Who wonders why nothing arrives reads the sandbox's log, and must find the reason there."""
    async with Receiver(answers=[503]) as endpoint, SandboxWorld(own_sandbox.place) as world:
        await world.tell(stripe_url=endpoint.url)
        take(own_sandbox.place.stripe())
        await world.rest()
    told = own_sandbox.log.read_text()

    assert "webhook.refused" in told
    assert "Traceback" not in told


async def test_rest_tells_what_is_still_on_its_way(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Before a clock is skipped, the news about that order must have landed, and only that."""
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        await world.fault("webhook_delay", seconds=600, times=3)
        late = take(client)
        prompt = take(client)
        await world.rest(prompt.id)
        before = await world.at_rest(late.id)
        flushed = await world.flush()
        after = await world.at_rest(late.id)

    assert (before, after) == (False, True)
    assert flushed["pending"] == 0


async def test_a_subject_may_be_the_orders_own_id(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Whoever drives an order knows its id, and none of the provider's."""
    key = new_key()
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        take(client, key=key)
        await world.rest(key.split("/")[1])
        about = await world.webhooks(subject=key.split("/")[1])

    assert {each["state"] for each in about} == {"delivered"}
    assert len(about) == 3


async def test_a_duplicated_webhook_comes_twice(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Providers promise "at least once"; the inbox has to know an event it has seen."""
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        await world.fault("webhook_duplicate", "payment_intent.succeeded")
        take(client)
        await world.rest()
    doubled = [event["id"] for event in events(endpoint.received) if "succeeded" in event["type"]]

    assert types(endpoint.received).count("payment_intent.succeeded") == 2
    assert len(set(doubled)) == 2


async def test_a_lost_webhook_never_comes(client: stripe.StripeClient, world: SandboxWorld) -> None:
    """The reconciliation poll is there for exactly this."""
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        await world.fault("webhook_lose", "payment_intent.succeeded")
        take(client)
        await world.rest()
        lost = await world.webhooks(state="lost")

    assert types(endpoint.received) == ["charge.succeeded", "payment_intent.created"]
    assert lost[0]["type"] == "payment_intent.succeeded"


async def test_webhooks_can_arrive_out_of_order(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """The order of events says nothing; a test that depends on it is wrong."""
    async with Receiver() as endpoint:
        await world.tell(stripe_url=endpoint.url)
        await world.fault("webhook_reorder", "payment_intent.created")
        take(client)
        await world.rest()

    assert events(endpoint.received)[-1]["type"] == "payment_intent.created"


async def test_nobody_is_told_where_no_endpoint_is(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """As at the provider: an event without an endpoint is written down and not sent."""
    intent = take(client)

    assert await world.webhooks(subject=intent.id) == []
    assert client.v1.events.list({"limit": 1}).data[0].pending_webhooks == 0
