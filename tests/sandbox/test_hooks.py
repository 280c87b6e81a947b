"""The sink: what was sent to a subscriber can be read, and what came twice can be seen."""

from uuid import uuid4

import httpx2
import pytest

from tests.support.sandbox import SandboxWorld


@pytest.fixture
def path() -> str:
    return f"/hooks/{uuid4().hex}"


def send(world: SandboxWorld, path: str, message: str = "evt_1", **event: str) -> httpx2.Response:
    return httpx2.post(
        f"{world.place.url}{path}", json=event, headers={"webhook-id": message}, timeout=5
    )


async def test_a_webhook_is_kept_and_shown(world: SandboxWorld, path: str) -> None:
    """Whoever tries us sees what a subscriber would get, and nothing in it runs."""
    answer = send(world, path, type="order.paid", subject="order/o-1", note="<b>no</b>")
    (kept,) = httpx2.get(f"{world.place.url}/_control/hooks", params={"path": path}).json()["hooks"]
    page = httpx2.get(f"{world.place.url}/hooks/{kept['seq']}").text
    listed = httpx2.get(f"{world.place.url}/hooks", params={"path": path}).text

    assert answer.status_code == 204
    assert (kept["type"], kept["message_id"]) == ("order.paid", "evt_1")
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "webhook-id: evt_1" in page
    assert "order/o-1" in listed


async def test_a_webhook_that_comes_again_is_counted(world: SandboxWorld, path: str) -> None:
    """At least once: the id tells a repetition from another event."""
    for message in ("evt_1", "evt_1", "evt_2"):
        send(world, path, message)
    kept = httpx2.get(f"{world.place.url}/_control/hooks", params={"path": path}).json()["hooks"]

    assert [(one["message_id"], one["times"]) for one in kept] == [("evt_2", 1), ("evt_1", 2)]


async def test_a_subscriber_can_be_out_of_order(world: SandboxWorld, path: str) -> None:
    """The relay has to try again."""
    await world.fault("error", f"POST {path}", times=1, status=503)
    first, second = send(world, path), send(world, path)

    assert (first.status_code, second.status_code) == (503, 204)


async def test_what_is_no_event_is_kept_too(world: SandboxWorld, path: str) -> None:
    """A person who debugs wants to see most of all what is wrong."""
    httpx2.post(f"{world.place.url}{path}", content=b"\xff not json")
    page = httpx2.get(f"{world.place.url}/hooks", params={"path": path}).text

    assert "(no type)" in page
    assert httpx2.get(f"{world.place.url}/hooks/999999999").status_code == 404
