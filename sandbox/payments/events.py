"""Events: what happened, told to whoever registered an endpoint."""

from typing import Final

from sandbox.post import Notice
from sandbox.store import Json
from sandbox.world import PLATFORM, Desk, new_id

API_VERSION: Final = "2026-10-28.endive"


def tell(desk: Desk, kind: str, body: Json, *, before: Json | None = None) -> None:
    """Write the event *kind* about *body* down and queue its webhook.

    *before* holds the earlier values of what changed.
    """
    data: Json = {"object": body}
    if before is not None:
        data["previous_attributes"] = before
    event: Json = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "context": None,
        "created": desk.at,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1 if desk.rules.stripe_webhook_url else 0,
        "request": {"id": desk.request, "idempotency_key": desk.key},
        "type": kind,
    }
    if desk.account != PLATFORM:
        event["account"] = desk.account
    desk.keep(event)
    desk.world.post.take(
        Notice("stripe", event["id"], kind, event, _subjects(desk, body)), desk.rules
    )


def _subjects(desk: Desk, body: Json) -> frozenset[str]:
    metadata: Json = body.get("metadata") or {}
    kinds = ("order", "payout", "purchase", "dispute", "repayment", "chargeback", "key")
    named = [metadata.get(name) for name in kinds]
    linked = [body.get(name) for name in ("id", "payment_intent", "charge", "transfer")]
    about = {name for name in (*named, *linked) if isinstance(name, str)}
    if desk.account != PLATFORM:
        about.add(desk.account)
    return frozenset(about)
