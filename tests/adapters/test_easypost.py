"""What EasyPost's own format leaves open, read the way its documentation has it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from adapters.logistics.easypost import EasyPostTracking

SECRET = "a secret"


@pytest.mark.parametrize("text", ["2026-11-20T10:00:00", "2026-11-20T12:00:00+02:00"])
def test_times_without_a_zone_are_utc(text: str) -> None:
    """A machine's own zone must not decide when a parcel came."""
    event = {"id": "evt_1", "description": "batch.created", "result": None, "created_at": text}
    body = json.dumps(event).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    news = EasyPostTracking("k", SECRET).verify(
        {"x-hmac-signature": f"hmac-sha256-hex={digest}"}, body
    )

    assert news.occurred_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert news.reference == ""
