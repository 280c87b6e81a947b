"""Idempotency as Stripe defines it: the contract that the money keys are built on."""

import asyncio

import pytest
import stripe

from tests.support.dealings import error_of, is_replay, new_key, problem_of, refund, take
from tests.support.sandbox import SandboxWorld

DAY = 24 * 3600


async def test_the_same_key_charges_once(client: stripe.StripeClient) -> None:
    """A retry after a lost answer must not take the buyer's money twice."""
    key = new_key()
    first = take(client, key=key)
    second = take(client, key=key)
    charges = client.v1.charges.list({"payment_intent": first.id})

    assert second.id == first.id
    assert len(charges.data) == 1
    assert second.last_response is not None
    assert second.last_response.headers["Idempotent-Replayed"] == "true"


async def test_a_first_answer_is_told_apart_from_a_replay(client: stripe.StripeClient) -> None:
    """Logs and tests can see which of two equal answers moved money."""
    first = take(client)

    assert first.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers


async def test_another_amount_under_a_used_key_is_refused(client: stripe.StripeClient) -> None:
    """A key names one effect; a second meaning is a defect of the caller."""
    key = new_key()
    take(client, 1000, key=key)

    with pytest.raises(stripe.IdempotencyError) as refused:
        take(client, 1001, key=key)
    assert refused.value.http_status == 400
    assert error_of(refused.value)["type"] == "idempotency_error"


async def test_a_decline_is_replayed(client: stripe.StripeClient) -> None:
    """Trying a declined card again under the old key never helps: the first answer stands."""
    key = new_key()
    first, second = (
        problem_of(lambda: take(client, method="pm_card_chargeDeclined", key=key)) for _ in range(2)
    )
    found = client.v1.payment_intents.search({"query": f"metadata['key']:'{key}'"})

    assert (first.http_status, second.http_status) == (402, 402)
    assert error_of(second) == error_of(first)
    assert (is_replay(first), is_replay(second)) == (False, True)
    assert len(found.data) == 1


async def test_a_500_after_the_effect_is_replayed(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """The worst answer: the money moved, and the key will say "error" for a day."""
    key = new_key()
    await world.fault("error_after_effect", "POST /v1/payment_intents", times=1)
    first, second = (problem_of(lambda: take(client, key=key)) for _ in range(2))
    found = client.v1.payment_intents.search({"query": f"metadata['key']:'{key}'"})

    assert (first.http_status, second.http_status) == (500, 500)
    assert is_replay(second)
    assert [intent.status for intent in found.data] == ["succeeded"]


async def test_a_request_that_failed_validation_is_not_remembered(
    client: stripe.StripeClient,
) -> None:
    """A corrected request may use the key that the faulty one had."""
    key = new_key()
    with pytest.raises(stripe.InvalidRequestError):
        take(client, currency="zzz", key=key)

    assert take(client, key=key).status == "succeeded"


async def test_a_refusal_after_execution_began_is_remembered(client: stripe.StripeClient) -> None:
    """What the state of the books refused stays refused under its key."""
    key = new_key("refund")
    intent = take(client, 700)
    client.v1.refunds.create({"payment_intent": intent.id})
    first, second = (problem_of(lambda: refund(client, intent, key=key)) for _ in range(2))

    assert (first.code, second.code) == ("charge_already_refunded", "charge_already_refunded")
    assert is_replay(second)


async def test_a_key_in_use_is_refused_to_others(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Two workers with one key: the second hears 409 instead of moving money beside the first."""
    key = new_key()
    await world.fault("delay", key=key, seconds=0.5, times=1)
    first = asyncio.create_task(asyncio.to_thread(take, client, key=key))
    await asyncio.sleep(0.2)

    with pytest.raises(stripe.APIError) as busy:
        await asyncio.to_thread(take, client, key=key)
    assert busy.value.http_status == 409
    assert error_of(busy.value)["code"] == "idempotency_key_in_use"
    assert (await first).status == "succeeded"


async def test_a_key_is_forgotten_after_a_day(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Then the same call takes the money again: whoever retries late has to look first."""
    key = new_key()
    first = take(client, key=key)
    await world.advance(DAY - 60)
    within = take(client, key=key)
    await world.advance(120)
    beyond = take(client, key=key)

    assert within.id == first.id
    assert beyond.id != first.id


async def test_the_effect_is_found_by_metadata_once_the_key_is_forgotten(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """What a late retry looks for."""
    key = new_key()
    first = take(client, key=key)
    await world.expire_keys()
    found = client.v1.payment_intents.search({"query": f"metadata['key']:'{key}'"})

    assert [intent.id for intent in found.data] == [first.id]


async def test_each_account_has_keys_of_its_own(client: stripe.StripeClient) -> None:
    """The same key at a connected account is another key."""
    key = new_key()
    account = client.v1.accounts.create({"type": "custom"})
    here = take(client, key=key)
    there = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "brl"},
        {"idempotency_key": key, "stripe_account": account.id},
    )

    assert here.id != there.id


@pytest.mark.parametrize("key", ["sk_live_1234567890", "", "pk_test_1"])
async def test_only_a_secret_test_key_opens_the_door(world: SandboxWorld, key: str) -> None:
    """A live key that strays here is refused, loudly, before anything is done."""
    with pytest.raises(stripe.AuthenticationError) as refused:
        world.place.stripe(key or "none").v1.balance.retrieve()
    assert refused.value.http_status == 401
