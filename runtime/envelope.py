"""What an endpoint is sent: an event in the JSON form of CloudEvents 1.0, without personal data."""

import json
from collections.abc import Mapping
from datetime import UTC
from types import MappingProxyType
from typing import Any, Final

from domain.actors import STAFF, Role
from domain.discretion import facts_for
from persistence.hooks import Delivery

# Where the object of an event is read, by the first word of its subject.
_READ_AT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "order": "orders",
        "payout": "payouts",
        "purchase": "purchases",
        "seller": "sellers",
        "webhook-endpoint": "webhook-endpoints",
    }
)


def envelope(delivery: Delivery, source: str, owner: str) -> bytes:
    """The body for an endpoint of *owner* ("" for the marketplace's own).

    The same at every attempt, byte for byte. *source* is where this API is reached.
    """
    base = source.rstrip("/")
    reader = Role.SELLER if owner else Role.SERVICE
    event = {
        "specversion": "1.0",
        "id": delivery.event,
        "source": f"{base}/v1",
        "type": delivery.kind,
        "subject": delivery.subject,
        "time": delivery.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {
            "version": delivery.version,
            "actor": _shown(delivery.actor, owner),
            "facts": facts_for(reader, delivery.kind, delivery.facts),
            "links": _links(delivery.subject, base),
        },
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _shown(actor: str, owner: str) -> str:
    """Who exactly of the staff acted is the staff's business, as it is in the timeline."""
    role = actor.partition(":")[0]
    return role if owner and role in STAFF else actor


def _links(subject: str, base: str) -> dict[str, Any]:
    kind, _, name = subject.partition("/")
    return {"self": f"{base}/v1/{_READ_AT[kind]}/{name}"} if kind in _READ_AT else {}
