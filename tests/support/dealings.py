"""Dealings with the payment provider that many tests begin with, through its official client."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import pytest
import stripe
from stripe.params import PaymentIntentCreateParams, RefundCreateParams

MethodType: TypeAlias = Literal["card", "boleto"]
Capture: TypeAlias = Literal["automatic", "manual"]


Noted: TypeAlias = stripe.PaymentIntent | stripe.Refund | stripe.Transfer | stripe.Payout


def new_key(what: str = "take") -> str:
    """A money key that no other test has."""
    return f"order/{uuid4()}/{what}/1"


def take(
    client: stripe.StripeClient,
    amount: int = 1000,
    currency: str = "brl",
    *,
    method: str = "pm_card_visa",
    key: str | None = None,
    capture: Capture = "automatic",
) -> stripe.PaymentIntent:
    """Pay *amount* minor units by *method* at once, under *key* (a new one where None)."""
    key = key or new_key()
    asked: PaymentIntentCreateParams = {
        "amount": amount,
        "currency": currency,
        "payment_method": method,
        "allowed_payment_method_types": ["card", "boleto"],
        "capture_method": capture,
        "confirm": True,
        "metadata": {"key": key, "order": key.split("/")[1]},
    }
    return client.v1.payment_intents.create(asked, {"idempotency_key": key})


def ask(
    client: stripe.StripeClient,
    amount: int = 1000,
    currency: str = "brl",
    types: Sequence[MethodType] = ("card", "boleto"),
) -> stripe.PaymentIntent:
    """A payment intent that waits for the buyer."""
    key = new_key()
    asked: PaymentIntentCreateParams = {
        "amount": amount,
        "currency": currency,
        "allowed_payment_method_types": list(types),
        "metadata": {"key": key, "order": key.split("/")[1]},
    }
    return client.v1.payment_intents.create(asked, {"idempotency_key": key})


def refund(
    client: stripe.StripeClient,
    intent: stripe.PaymentIntent,
    amount: int | None = None,
    *,
    key: str | None = None,
) -> stripe.Refund:
    key = key or new_key("refund")
    asked: RefundCreateParams = {"payment_intent": intent.id, "metadata": {"key": key}}
    if amount is not None:
        asked["amount"] = amount
    return client.v1.refunds.create(asked, {"idempotency_key": key})


def seller(client: stripe.StripeClient, interval: Literal["manual", "daily"] = "manual") -> str:
    """The id of a new connected account."""
    account = client.v1.accounts.create(
        {
            "type": "custom",
            "country": "BR",
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": interval}}},
        }
    )
    return account.id


def transfer(
    client: stripe.StripeClient, account: str, amount: int, currency: str = "brl"
) -> stripe.Transfer:
    key = new_key("transfer")
    return client.v1.transfers.create(
        {
            "amount": amount,
            "currency": currency,
            "destination": account,
            "transfer_group": key,
            "metadata": {"key": key},
        },
        {"idempotency_key": key},
    )


def payout(
    client: stripe.StripeClient, account: str, amount: int, currency: str = "brl"
) -> stripe.Payout:
    key = new_key("payout")
    return client.v1.payouts.create(
        {"amount": amount, "currency": currency, "metadata": {"key": key}},
        {"idempotency_key": key, "stripe_account": account},
    )


def problem_of(call: Callable[[], object]) -> stripe.StripeError:
    """The provider's error that *call* must end in."""
    with pytest.raises(stripe.StripeError) as refused:
        call()
    return refused.value


def error_of(problem: stripe.StripeError) -> dict[str, Any]:
    """The error object in the answer, as the provider wrote it."""
    body: dict[str, Any] = json.loads(str(problem.http_body))
    error: dict[str, Any] = body["error"]
    return error


def is_replay(problem: stripe.StripeError) -> bool:
    """Whether the answer is one that was stored under the key."""
    return (problem.headers or {}).get("Idempotent-Replayed") == "true"


def told(thing: Noted) -> dict[str, Any]:
    """The metadata of an object, as a plain dictionary."""
    return {} if thing.metadata is None else thing.metadata.to_dict()
