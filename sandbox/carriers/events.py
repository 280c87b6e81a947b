"""EasyPost's events: what its webhooks carry."""

from collections.abc import Iterable

from sandbox.post import Notice
from sandbox.store import Json
from sandbox.world import PLATFORM, Desk, iso, new_id


def tell(desk: Desk, kind: str, result: Json, before: Json, subjects: Iterable[str]) -> None:
    """Keep an event about *result*, and let the endpoint hear of it."""
    event: Json = {
        "id": new_id("evt", 32).lower(),
        "object": "Event",
        "mode": "test",
        "description": kind,
        "previous_attributes": before,
        "pending_urls": [],
        "completed_urls": [],
        "status": "pending",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "user_id": "user_sandbox",
        "result": result,
    }
    desk.store.write(event, PLATFORM, created=desk.at)
    notice = Notice("easypost", event["id"], kind, event, frozenset(subjects))
    desk.world.post.take(notice, desk.rules)
