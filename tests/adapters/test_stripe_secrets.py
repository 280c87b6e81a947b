"""Two endpoints at Stripe, two secrets, one door at ours."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from adapters.errors import NotGenuine
from adapters.payment.stripe import StripeGateway

_NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def signed(secret: str) -> tuple[dict[str, str], bytes]:
    """A message as Stripe signs it (HMAC-SHA256 over time and body)."""
    event = {
        "id": "evt_1",
        "type": "payout.failed",
        "created": int(_NOW.timestamp()),
        "account": "acct_1",
        "data": {"object": {"object": "payout", "id": "po_1", "metadata": {"subject": "payout/x"}}},
    }
    body = json.dumps(event).encode()
    told = f"{int(_NOW.timestamp())}.".encode() + body
    signature = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={int(_NOW.timestamp())},v1={signature}"}, body


@pytest.mark.parametrize("secret", ["whsec_account", "whsec_connect"])
def test_the_secret_of_either_endpoint_is_accepted(secret: str) -> None:
    """Payouts that come back are told by the endpoint of connected accounts alone."""
    gateway = StripeGateway("sk_test_x", "whsec_account, whsec_connect")
    news = gateway.verify(*signed(secret), _NOW)
    gateway.close()

    assert (news.subject, news.kind) == ("payout/x", "payout.failed")


def test_a_third_secret_is_not() -> None:
    """More than one key must not mean any key."""
    gateway = StripeGateway("sk_test_x", "whsec_account,whsec_connect")
    with pytest.raises(NotGenuine):
        gateway.verify(*signed("whsec_somebody"), _NOW)
    gateway.close()
