"""Endpoints of outgoing webhooks over HTTP: whose they are, their secrets, their log."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from api.schemas.webhooks import EndpointChange, EndpointIn
from domain.actors import Role
from domain.webhooks import MOST_ENDPOINTS
from persistence.engine import connect
from tests.support.market import Json, Market, Person, a_seller

HERE = "/v1/webhook-endpoints"
URL = "https://shop.example/hooks"


async def registered(person: Person, key: str = "", **wanted: object) -> Json:
    """An endpoint as its owner sees it when it is new."""
    made = await person.post(HERE, {"url": URL} | wanted, key)
    assert made.status_code == 201, made.text
    body: Json = made.json()
    return body


async def everything_stored(market: Market) -> str:
    """Every row that could hold a secret, as text."""
    tables = ("webhook_endpoints", "webhook_secrets", "webhook_deliveries", "requests", "timeline")
    async with market.services.engine.connect() as db:
        rows = [
            await db.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))  # noqa: S608 - our own tables
            for table in tables
        ]
        return "\n".join(str(row[0]) for found in rows for row in found)


async def test_an_endpoint_lives_from_registration_to_removal(market: Market) -> None:
    """Everything that its owner can do, in the order in which it is done."""
    service = await market.service()
    made = await registered(service, description="the warehouse", kinds=["order.*", "order.*"])
    here = made["links"]["self"]
    changed = await service.patch(here, {"kinds": ["payout.sent"], "is_enabled": False}, 1)
    stale = await service.patch(here, {"description": "x"}, 1)
    listed = (await service.get(HERE)).json()["items"]
    removed = await service.client.delete(here)

    assert made["kinds"] == ["order.*"]
    assert (changed.json()["kinds"], changed.json()["is_enabled"]) == (["payout.sent"], False)
    assert changed.headers["ETag"] == '"2"'
    assert stale.status_code == 412
    assert made["id"] in {one["id"] for one in listed}
    assert removed.status_code == 204
    assert (await service.get(here)).status_code == 404
    assert (await service.client.delete(here)).status_code == 404


async def test_a_secret_is_shown_to_the_request_that_made_it_and_never_stored(
    market: Market,
) -> None:
    """Whoever reads our tables or our logs must not be able to sign in our name."""
    service = await market.service()
    with capture_logs() as logs:
        made = await registered(service, "the-key")
        again = await registered(service, "the-key")
        rotated = await service.post(f"{made['links']['self']}/secret", {})
    stored = await everything_stored(market)
    secrets = [made["secret"], rotated.json()["secret"]]

    assert again == made
    assert all(Webhook(secret) for secret in secrets)
    assert len(set(secrets)) == 2
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in stored + repr(logs)
    assert "secret" not in (await service.get(made["links"]["self"])).json()


async def test_a_secret_is_not_shown_again_later(market: Market) -> None:
    """An idempotency key in a log would otherwise be worth the secret for ever."""
    service = await market.service()
    made = await registered(service, "long-ago")
    async with market.services.engine.begin() as db:
        await db.execute(text("UPDATE webhook_secrets SET made_at = now() - interval '11 min'"))
    again = await registered(service, "long-ago")

    assert made["secret"]
    assert again == made | {"secret": None}


async def test_a_removed_endpoint_leaves_no_key_behind(market: Market) -> None:
    """Its secrets are in yesterday's backup as well."""
    service = await market.service()
    made = await registered(service, "short-lived")
    await service.client.delete(made["links"]["self"])
    again = await registered(service, "short-lived")
    async with market.services.engine.connect() as db:
        key = text("SELECT wrapped FROM persons WHERE person = :person")
        wrapped = await db.scalar(key, {"person": f"webhook-endpoint/{made['id']}"})

    assert wrapped is None
    assert again["secret"] is None


_REFUSING: Final = """
CREATE FUNCTION not_erased() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = '57P01', MESSAGE = 'cut off'; END $$;
"""
_REFUSES: Final = """
CREATE TRIGGER not_erased BEFORE UPDATE ON persons FOR EACH ROW
WHEN (NEW.wrapped IS NULL) EXECUTE FUNCTION not_erased();
"""


async def test_a_removal_that_is_cut_off_is_asked_for_again(market: Market) -> None:
    """An endpoint that is gone while its key is not: nobody could ask for the key any more."""
    service = await market.service()
    made = await registered(service)
    here, url = made["links"]["self"], market.services.engine.url
    owner = connect(url.render_as_string(hide_password=False), as_owner=True)
    async with owner.begin() as db:
        await db.execute(text(_REFUSING))
        await db.execute(text(_REFUSES))
    cut_off = await service.client.delete(here)
    meanwhile = await service.get(here)
    async with owner.begin() as db:
        await db.execute(text("DROP TRIGGER not_erased ON persons"))
        key = text("SELECT wrapped FROM persons WHERE person = :person")
        named = {"person": f"webhook-endpoint/{made['id']}"}
        before = await db.scalar(key, named)
    again = await service.client.delete(here)
    async with owner.connect() as db:
        after = await db.scalar(key, named)
    await owner.dispose()

    assert cut_off.status_code >= 500
    assert meanwhile.status_code == 200
    assert before is not None
    assert again.status_code == 204
    assert after is None


async def test_a_seller_sees_their_own_endpoints_alone(market: Market) -> None:
    """Where others are told, and of what, is their business."""
    service, seller = await market.service(), await market.caller(Role.SELLER, "s-1")
    other = await market.caller(Role.SELLER, "s-2")
    ours, theirs = await registered(service), await registered(seller)
    for_them = await registered(service, seller="s-1")
    there = theirs["links"]["self"]

    listed = {one["id"] for one in (await seller.get(HERE)).json()["items"]}
    assert listed >= {theirs["id"], for_them["id"]}
    assert ours["id"] not in listed
    assert theirs["seller"] == "s-1"
    assert (await seller.get(ours["links"]["self"])).status_code == 404
    for path in ("", "/deliveries"):
        assert (await other.get(there + path)).status_code == 404
    for path in ("/secret", "/test"):
        assert (await other.post(there + path, {})).status_code == 404
    assert (await other.patch(there, {"is_enabled": False}, 1)).status_code == 404
    assert (await other.client.delete(there)).status_code == 404
    assert (await other.post(HERE, {"url": URL, "seller": "s-1"})).status_code == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "ftp://shop.example/hooks",
        "https:///hooks",
        "https://127.0.0.1/hooks",
        "https://[::1]/hooks",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:port/",
        "shop.example",
        "https://bücher.example/",
    ],
)
async def test_an_address_that_may_not_be_called_is_refused(market: Market, url: str) -> None:
    """Our relay stands inside our network, and would knock wherever it is told to."""
    service = await market.service()
    refused = await service.post(HERE, {"url": url})

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/address-refused"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": []},
        {"kinds": ["order"]},
        {"kinds": ["Order.Paid"]},
        {"kinds": ["order.paid"] * 51},
        {"url": ""},
        {"url": "https://x.example/" + "x" * 500},
        {"surprise": 1},
        {"seller": "../s-1"},
    ],
)
async def test_a_form_that_is_wrong_changes_nothing(market: Market, wrong: Json) -> None:
    """A filter that can match nothing would be silent for ever."""
    service = await market.service()
    refused = await service.post(HERE, {"url": URL} | wrong)

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/request-invalid"


async def test_nobody_has_endpoints_without_end(market: Market) -> None:
    """Each of them costs every order a row."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-many"))
    for _ in range(MOST_ENDPOINTS):
        await registered(service, seller="s-many")
    refused = await service.post(HERE, {"url": URL, "seller": "s-many"})

    assert (refused.status_code, refused.json()["limit"]) == (409, MOST_ENDPOINTS)
    assert (await service.post(HERE, {"url": URL, "seller": "s-none"})).status_code == 404


async def test_a_test_event_is_queued_once_per_key(market: Market) -> None:
    """Whoever tries an endpoint twice by one key wants to see one event."""
    service = await market.service()
    here = (await registered(service))["links"]["self"]
    first = await service.post(f"{here}/test", None, "try")
    second = await service.post(f"{here}/test", None, "try")
    log = (await service.get(f"{here}/deliveries", kind="webhook.test")).json()

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert [one["id"] for one in log["items"]] == [first.json()["id"]]
    assert first.json()["state"] == "waiting"


async def test_the_log_is_read_in_pages(market: Market) -> None:
    """An endpoint that was told of a thousand orders has a thousand lines."""
    service = await market.service()
    here = (await registered(service))["links"]["self"]
    made = [(await service.post(f"{here}/test")).json()["id"] for _ in range(5)]
    seen: list[int] = []
    cursor = ""
    while True:
        answer = (await service.get(f"{here}/deliveries", limit=2, cursor=cursor)).json()
        seen += [one["id"] for one in answer["items"]]
        if answer["next"] is None:
            break
        cursor = answer["next"]

    assert seen == made[::-1]
    assert (await service.get(f"{here}/deliveries", state="failed")).json()["items"] == []
    assert (await service.get(f"{here}/deliveries/{made[0]}")).json()["log"] == []
    assert (await service.get(f"{here}/deliveries/999999999")).status_code == 404


async def test_a_disabled_endpoint_is_sent_nothing(market: Market) -> None:
    """What waits would otherwise arrive all at once when somebody enables it a month later."""
    service = await market.service()
    here = (await registered(service))["links"]["self"]
    waiting = (await service.post(f"{here}/test")).json()["id"]
    await service.patch(here, {"is_enabled": False}, 1)
    since = (market.clock.now("x") - timedelta(days=1)).isoformat()
    refused = [
        await service.post(f"{here}/test"),
        await service.post(f"{here}/replay", {"since": since}),
        await service.post(f"{here}/deliveries/{waiting}/replay"),
    ]

    assert [one.status_code for one in refused] == [409, 409, 409]
    assert (await service.get(f"{here}/deliveries/{waiting}")).json()["state"] == "skipped"


async def test_a_replay_is_asked_for_once_per_key(market: Market) -> None:
    """The answer is lost, the request repeated: the warehouse need not hear it twice for that."""
    service = await market.service()
    here = (await registered(service, kinds=["webhook.*"]))["links"]["self"]
    made = (await service.post(f"{here}/test")).json()
    one = f"{here}/deliveries/{made['id']}"
    states: list[str] = []
    events: set[str] = set()
    for key in ("again", "again", "once more"):
        await _deliver_all(market)
        events.add((await service.post(f"{one}/replay", None, key)).json()["event"])
        states.append((await service.get(one)).json()["state"])

    assert events == {made["event"]}
    assert states == ["waiting", "delivered", "waiting"]
    assert (await service.post(f"{here}/deliveries/999999999/replay")).status_code == 404


async def _deliver_all(market: Market) -> None:
    """Let everything that waits have arrived."""
    async with market.services.engine.begin() as db:
        await db.execute(text("UPDATE webhook_deliveries SET state = 'delivered'"))


async def test_a_replay_since_an_instant_says_how_much_it_was(market: Market) -> None:
    """An instant without a zone is no instant, and what nobody asked for is not sent."""
    service = await market.service()
    here = (await registered(service, kinds=["nothing.such"]))["links"]["self"]
    replayed = await service.post(f"{here}/replay", {"since": "2020-01-01T00:00:00Z"})
    wrong = await service.post(f"{here}/replay", {"since": "2020-01-01T00:00:00"})

    assert replayed.json() == {"queued": 0, "go_on_from": None}
    assert wrong.status_code == 422


async def test_a_rotation_says_until_when_the_old_secret_is_good(market: Market) -> None:
    """The receiver has to change over in that time."""
    service = await market.service()
    here = (await registered(service))["links"]["self"]
    rotated = await service.post(f"{here}/secret", {"keep_old_for_seconds": 3600})
    too_long = await service.post(f"{here}/secret", {"keep_old_for_seconds": 700_000})

    assert rotated.json()["number"] == 2
    until = datetime.fromisoformat(rotated.json()["old_valid_until"])
    assert until == market.clock.now("x") + timedelta(hours=1)
    assert too_long.status_code == 422


@pytest.mark.parametrize("form", [EndpointIn, EndpointChange])
def test_the_examples_are_accepted(form: type[BaseModel]) -> None:
    """What people paste first must work."""
    examples = form.model_json_schema()["examples"]

    assert [form.model_validate(example) for example in examples]
