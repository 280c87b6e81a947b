"""Signed or not, what has not the form of an event is turned away, and breaks nothing."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from adapters.errors import NotGenuine
from adapters.logistics.easypost import EasyPostTracking
from adapters.payment.stripe_webhooks import news_of

_SECRET: Final = "whsec_a"
_NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
_AT: Final = int(_NOW.timestamp())
_DEEP: Final = b"[" * 200_000
_ABOUT: Final[dict[str, Any]] = {"id": "po_1", "object": "payout", "metadata": {}}
_STRIPE: Final[dict[str, Any]] = {
    "id": "evt_1",
    "type": "payout.failed",
    "created": _AT,
    "data": {"object": _ABOUT},
}
_PARCEL: Final = {"object": "Tracker", "id": "trk_1", "carrier": "UPS", "tracking_code": "1Z"}
_EASYPOST: Final[dict[str, Any]] = {
    "id": "evt_1",
    "description": "tracker.updated",
    "result": _PARCEL,
    "created_at": "2026-11-20T10:00:00Z",
}
_ODD: Final = [b"[]", b"null", b"{}", b"1", b"\xff", _DEEP]
_NO_DATA: Final[list[Any]] = [None, [], {}, {"object": []}, {"object": None}]


def _mac(told: bytes) -> str:
    return hmac.new(_SECRET.encode(), told, hashlib.sha256).hexdigest()


def _stripe(body: bytes, at: int = _AT, after: str = "") -> None:
    signature = f"t={at},v1={_mac(f'{at}.'.encode() + body)}{after}"
    news_of({"Stripe-Signature": signature}, body, [_SECRET], _NOW)


def _easypost(body: bytes) -> None:
    headers = {"X-Hmac-Signature": f"hmac-sha256-hex={_mac(body)}"}
    EasyPostTracking("k", _SECRET).verify(headers, body)


def _about(**changes: object) -> bytes:
    return json.dumps(_STRIPE | {"data": {"object": _ABOUT | changes}}).encode()


def _event(**changes: object) -> bytes:
    return json.dumps(_STRIPE | changes).encode()


def _tracker(**changes: object) -> bytes:
    return json.dumps(_EASYPOST | changes).encode()


def test_the_plain_events_of_these_tests_are_genuine() -> None:
    """Otherwise everything below would be refused for another reason."""
    _stripe(_event())
    _easypost(_tracker())


def test_a_signature_of_foreign_letters_is_not_genuine() -> None:
    """Headers are bytes of anybody's; comparing them must not break."""
    with pytest.raises(NotGenuine):
        news_of({"Stripe-Signature": f"t={_AT},v1=\xe9"}, _event(), [_SECRET], _NOW)
    with pytest.raises(NotGenuine):
        EasyPostTracking("k", _SECRET).verify({"X-Hmac-Signature": "\xe9"}, _tracker())


@pytest.mark.parametrize(
    "body",
    [
        *_ODD,
        *(_event(id=name) for name in (1, None, "evt\0", "evt\ud800", "e" * 501)),
        *(_event(created=at) for at in (None, "1", 1e20, -1e20, 10**400, float("nan"))),
        *(_event(data=data) for data in _NO_DATA),
        _event(type=None),
        _about(metadata="text"),
        _about(metadata={"subject": "order/\0"}),
        _about(metadata={"subject": "order/\udfff"}),
        _about(metadata={"subject": 1}),
        _about(id="po\0"),
    ],
)
def test_a_signed_body_that_is_no_event_of_stripe_is_not_genuine(body: bytes) -> None:
    """A message that we cannot keep must get an answer that says so, not a defect of ours."""
    with pytest.raises(NotGenuine):
        _stripe(body)


@pytest.mark.parametrize(
    "body",
    [
        *_ODD,
        *(_tracker(id=name) for name in (1, None, "evt\0", "evt\ud800")),
        *(_tracker(created_at=at) for at in (None, 1, "", "soon", "9999-12-31T23:59:59-14:00")),
        _tracker(created_at="0001-01-01T00:00:00+14:00"),
        *(_tracker(result=result) for result in ("text", [1], {"object": "Tracker"})),
        _tracker(result=_PARCEL | {"carrier": None}),
        _tracker(result=_PARCEL | {"tracking_code": "1Z\0"}),
        _tracker(description=None),
    ],
)
def test_a_signed_body_that_is_no_event_of_easypost_is_not_genuine(body: bytes) -> None:
    """The same at the other door."""
    with pytest.raises(NotGenuine):
        _easypost(body)


@pytest.mark.parametrize("at", [_AT + 3600, _AT - 3600, 10**15, 10**30])
def test_a_signature_from_another_time_is_not_genuine(at: int) -> None:
    """One from the future could be replayed until that day comes."""
    with pytest.raises(NotGenuine):
        _stripe(_event(), at)


def test_a_second_time_in_the_header_makes_no_old_message_young() -> None:
    """The signature covers the first; whoever replays a message can add another."""
    with pytest.raises(NotGenuine):
        _stripe(_event(), _AT - 3600, after=f",t={_AT}")
