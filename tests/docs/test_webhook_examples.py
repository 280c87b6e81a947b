"""What integrators copy from the document works on what we really send."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from adapters.notification.port import Call
from adapters.notification.webhook import signed
from tests.support.source import ROOT

_SECRET: Final = "whsec_" + "bmV3IHNlY3JldCBvZiB0aGUgdGVzdHMgMDEyMzQ1Njc4"
_BODY: Final = '{"id":"evt_1","name":"您好"}'.encode()
_TEXT: Final = (ROOT / "docs" / "webhooks.md").read_text()


@pytest.fixture(scope="module")
def copied() -> dict[str, Any]:
    """Everything that the document's examples define."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL):
        exec(block, names)  # noqa: S102 - our own document
    return names


def _headers(at: datetime) -> Mapping[str, str]:
    return signed(Call("https://shop.example", "evt_1", _BODY, [_SECRET]), at)


def test_the_examples_accept_what_is_genuine(copied: dict[str, Any]) -> None:
    """People paste first and read later."""
    headers = _headers(datetime.now(UTC))
    is_genuine: Callable[..., bool] = copied["is_genuine"]

    assert is_genuine(_BODY, headers, _SECRET)
    assert copied["event_of"](_BODY, headers, _SECRET)["id"] == "evt_1"


def test_the_examples_refuse_what_is_not(copied: dict[str, Any]) -> None:
    """An example that accepts anything would be copied into every warehouse."""
    is_genuine: Callable[..., bool] = copied["is_genuine"]
    now, old = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=6)

    assert not is_genuine(_BODY + b" ", _headers(now), _SECRET)
    assert not is_genuine(_BODY, _headers(now), "whsec_" + "b" * 40)
    assert not is_genuine(_BODY, _headers(old), _SECRET)
    assert abs(time.time() - now.timestamp()) < 300
