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
_LONGEST: Final = 500
_FACTS: Final = ("object", "status", "payment_intent", "charge", "failure_code", "failure_reason")

# Whatever reading can raise of bytes that have not the form of an event.
_MALFORMED: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)

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
        signed_at = _signed_at(signature)
    except (stripe.SignatureVerificationError, *_MALFORMED) as error:
        raise NotGenuine(f"stripe: {error}") from error
    if abs(now - signed_at) > _TOLERANCE:
        raise NotGenuine(
            f"stripe: signed at {signed_at.isoformat()}, which is too old or too far ahead"
        )
    try:
        return _news(json.loads(body))
    except _MALFORMED as error:
        raise NotGenuine(f"stripe: not an event ({type(error).__name__})") from error


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
    """The time that the signature covers: of several, the first, as the official check has it."""
    parts = [part.split("=", 1) for part in signature.split(",") if "=" in part]
    return moment(int(next((value for name, value in parts if name == "t"), "")))


def _news(event: _Json) -> PaymentNews:
    about: _Json = event["data"]["object"]
    metadata: _Json = about.get("metadata") or {}
    facts = {name: _text(about[name]) for name in _FACTS if isinstance(about.get(name), str)}
    if isinstance(event.get("account"), str):
        facts["account"] = _text(event["account"])
    if isinstance(metadata.get("key"), str):
        facts["key"] = _text(metadata["key"])
    return PaymentNews(
        event_id=_text(event["id"]),
        kind=_text(event["type"]),
        subject=_text(metadata.get("subject", "")),
        reference=_text(about.get("id") or ""),
        occurred_at=moment(event["created"]),
        facts=facts,
    )


def _text(told: object) -> str:
    """A text that can be kept. Raises what `_MALFORMED` lists for anything else."""
    if not isinstance(told, str) or "\0" in told or len(told.encode()) > _LONGEST:
        raise ValueError("not a text that can be kept")
    return told
