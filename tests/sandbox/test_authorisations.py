"""Authorisations run out, and banks and rules report fraud, as the provider tells it."""

import stripe

from tests.support.dealings import take
from tests.support.sandbox import SandboxWorld

_WEEK = 7 * 86_400


async def test_an_authorisation_runs_out_by_the_world_s_clock(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A marketplace that forgets to capture must lose the money here as it would there."""
    intent = take(client, capture="manual")
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    details = charge.payment_method_details
    assert details is not None
    assert details.card is not None
    await world.advance(_WEEK + 1)
    seen = client.v1.payment_intents.retrieve(intent.id)
    events = client.v1.events.list({"types": ["charge.expired", "payment_intent.canceled"]})

    assert details.card.capture_before == charge.created + _WEEK
    assert (seen.status, seen.cancellation_reason) == ("canceled", "expired")
    assert {event.type for event in events.data} == {"charge.expired", "payment_intent.canceled"}
    assert client.v1.charges.retrieve(charge.id).refunded


async def test_a_warning_names_charge_and_payment(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """It carries no metadata: these two are all that leads to the order."""
    intent = take(client)
    made = await world.warn(intent.id)
    listed = client.v1.radar.early_fraud_warnings.list({"payment_intent": intent.id})

    assert [warning.id for warning in listed.data] == [made["id"]]
    assert made["charge"] == intent.latest_charge
    assert "metadata" not in made


async def test_a_review_is_linked_from_the_payment(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """The provider's own rules may doubt a payment that was made."""
    intent = take(client)
    made = await world.review(intent.id)
    client.v1.reviews.approve(made["id"])
    seen = client.v1.payment_intents.retrieve(intent.id, {"expand": ["review"]})

    assert isinstance(seen.review, stripe.Review)
    assert (seen.review.open, seen.review.closed_reason) == (False, "approved")
