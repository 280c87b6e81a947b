"""Stripe's messages: are they genuine, and whom do they concern."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import stripe

from adapters.errors import NotGenuine
from adapters.payment.port import PaymentNews
from adapters.payment.stripe_objects import moment

_TOLERANCE: Final = timedelta(minutes=5)
_FACTS: Final = ("object", "status", "payment_intent", "charge", "failure_code", "failure_reason")

_Json = dict[str, Any]


def news_of(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime
) -> PaymentNews:
    """Read a message. Raises `NotGenuine` on a bad signature, or one that is too old by *now*.

    Each endpoint signs with a secret of its own: the account's, and that for connected accounts.
    """
    signature = next((v for name, v in headers.items() if name.lower() == "stripe-signature"), "")
    try:
        # The official check of the age reads the wall clock; ours is the edge's, below.
        _verify(body, signature, secrets)
        event: _Json = json.loads(body)
        signed_at = _signed_at(signature)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise NotGenuine(f"stripe: {error}") from error
    if now - signed_at > _TOLERANCE:
        raise NotGenuine(f"stripe: signed at {signed_at.isoformat()}, which is too old")
    return _news(event)


def _verify(body: bytes, signature: str, secrets: Sequence[str]) -> None:
    for last, secret in enumerate(secrets, 1 - len(secrets)):
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret)  # pyright: ignore[reportUnknownMemberType] - its tolerance has no type
        except stripe.SignatureVerificationError:
            if last == 0:
                raise
        else:
            return


def _signed_at(signature: str) -> datetime:
    fields = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    return moment(int(fields["t"]))


def _news(event: _Json) -> PaymentNews:
    about: _Json = event["data"]["object"]
    metadata: _Json = about.get("metadata") or {}
    facts = {name: about[name] for name in _FACTS if isinstance(about.get(name), str)}
    if isinstance(event.get("account"), str):
        facts["account"] = event["account"]
    if isinstance(metadata.get("key"), str):
        facts["key"] = metadata["key"]
    return PaymentNews(
        event_id=event["id"],
        kind=event["type"],
        subject=str(metadata.get("subject", "")),
        reference=str(about.get("id", "")),
        occurred_at=moment(event["created"]),
        facts=facts,
    )
