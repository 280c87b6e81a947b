"""What is said when something is not done: always a problem, and no more than may be known."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from api.limits import RateLimit
from api.problems import KINDS, Problem
from domain import errors
from domain.actors import Role
from runtime.answers import STATUS
from runtime.child import free_port
from tests.support.market import Market, an_order, open_market


async def test_every_refusal_has_a_problem_that_explains_itself(market: Market) -> None:
    """The `type` of a problem is an address: it must lead somewhere."""
    anybody = await market.anonymous()
    codes = {kind.code for kind in errors.Refusal.__subclasses__()}

    assert codes <= set(STATUS)
    assert codes <= set(KINDS)
    for code in KINDS:
        answer = await anybody.get(f"/problems/{code}")
        assert answer.json()["status"] == KINDS[code].status
    assert (await anybody.get("/problems/made-up")).status_code == 404


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{"product": "p", "price": 1}] * 101}, "lines"),
        ({"lines": [{"product": "p", "price": -1}]}, "lines[0].price"),
        ({"lines": [{"product": "p", "price": 10**12 + 1}]}, "lines[0].price"),
        ({"lines": [{"product": "p", "price": 1.5}]}, "lines[0].price"),
        ({"lines": [{"product": "p", "price": "1"}]}, "lines[0].price"),
        ({"lines": [{"product": "p", "price": 0}]}, "body"),
        ({"lines": [{"product": "p", "price": 49}]}, "body"),
        ({"lines": [{"product": "p", "price": 10**8}]}, "body"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"ship_to": {"country": "de", "city": "Secretville"}}, "ship_to.country"),
        ({"ship_to": {"country": "ZZ", "city": "Secretville"}}, "ship_to.country"),
        ({"ship_to": {"country": "DE", "city": "Secret\u0007ville"}}, "ship_to.city"),
        ({"ship_to": {"country": "DE", "city": "x", "email": "Secretville"}}, "ship_to.email"),
        ({"seller": "Secretville/../s-1"}, "seller"),
        ({"order": "o" * 65}, "order"),
        ({"surprise": "Secretville"}, "surprise"),
        ({"payment": {"method": "4242 4242 4242 4242"}}, "payment.method"),
        ({"payment": {"method": "4242424242424242"}}, "payment.method"),
    ],
)
async def test_an_invalid_field_is_named_and_not_echoed(
    market: Market, changed: dict[str, Any], field: str
) -> None:
    """A form marks the field; a log of answers must not hold what somebody typed."""
    buyer = await market.caller(Role.BUYER, "b-1")

    answer = await buyer.post("/v1/orders", an_order(**changed))

    problem = answer.json()
    assert answer.status_code == 422
    assert problem["type"] == "/problems/request-invalid"
    assert field in {error["field"] for error in problem["errors"]}
    assert "Secretville" not in answer.text.replace("surprise", "")
    assert "4242" not in answer.text


async def test_texts_are_one_form(market: Market) -> None:
    """Composed and decomposed accents look alike: under one key they are one body."""
    buyer = await market.caller(Role.BUYER, "b-nfc")
    composed = an_order("o-nfc", ship_to={"country": "DE", "city": "Köln"})
    decomposed = an_order("o-nfc", ship_to={"country": "DE", "city": "Ko\u0308ln"})
    await buyer.post("/v1/orders", composed, "key-nfc")

    assert (await buyer.post("/v1/orders", decomposed, "key-nfc")).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("POST", "/v1/orders", {"json": an_order()}, 400, "idempotency-key-missing"),
        ("GET", "/v1/nothing", {}, 404, "not-found"),
        ("DELETE", "/v1/orders", {}, 405, "method-not-allowed"),
        ("POST", "/v1/orders", {"content": b"x" * 300_000}, 413, "body-too-large"),
        ("POST", "/v1/orders", {"content": b"<x/>", "type": "text/xml"}, 415,
         "media-type-unsupported"),
        ("POST", "/v1/orders", {"content": b"{"}, 422, "request-invalid"),
        ("PATCH", "/v1/sellers/s-1", {"json": {}}, 428, "precondition-required"),
        ("GET", "/v1/orders?limit=101", {}, 422, "request-invalid"),
        ("GET", "/v1/orders?cursor=%21%21", {}, 422, "request-invalid"),
        ("GET", "/v1/orders?surprise=1", {}, 422, "request-invalid"),
        ("GET", "/v1/orders?placed_from=2026-11-01T00:00:00", {}, 422, "request-invalid"),
    ],
)  # fmt: skip
async def test_whatever_goes_wrong_is_a_problem(
    market: Market, method: str, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    """One form for every no, so that a client needs one way to read it."""
    service = await market.service()
    sent = dict(sent)
    headers = {"Content-Type": sent.pop("type", "application/json")}

    answer = await service.client.request(method, path, headers=headers, **sent)

    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{code}"
    assert answer.json()["request_id"] == answer.headers["Request-Id"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/orders", "GET, POST"),
        ("/v1/sellers/s-1", "GET, PATCH"),
        ("/v1/orders/o-1/receipt", "POST"),
        ("/v1/webhook-endpoints/we_1", "DELETE, GET, PATCH"),
    ],
)
async def test_a_wrong_method_is_told_all_the_right_ones(
    market: Market, path: str, methods: str
) -> None:
    """`Allow` is read by programs: a method that it leaves out does not exist for them."""
    answer = await (await market.anonymous()).options(path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == methods


async def test_a_request_keeps_the_name_that_its_caller_gave_it(market: Market) -> None:
    """The caller's trace and ours are found by the same word; nonsense is replaced."""
    anybody = await market.anonymous()

    named = await anybody.get("/v1/orders", headers={"Request-Id": "checkout-4711"})
    nonsense = await anybody.get("/v1/orders", headers={"Request-Id": "x y\tz"})

    assert named.headers["Request-Id"] == "checkout-4711"
    assert len(nonsense.headers["Request-Id"]) == 32


async def test_a_mistake_of_ours_says_nothing_of_itself(market: Market) -> None:
    """An exception's text may hold anything: it belongs into the log alone."""

    @market.app.get("/broken")
    async def broken() -> None:
        raise ValueError("Lindenstrasse 4")

    answer = await (await market.anonymous()).get("/broken")

    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert answer.json()["request_id"] == answer.headers["Request-Id"]
    assert "Lindenstrasse" not in answer.text


async def test_without_the_database_the_api_says_so(tmp_path: Path, market: Market) -> None:
    """An outage is not a mistake of the caller's, nor of ours: it can be tried again."""
    engine = market.services.engine
    away = engine.url.set(port=free_port())
    async with open_market(
        away.render_as_string(hide_password=False), tmp_path, publishes=False
    ) as lost:
        service = await lost.service()

        with capture_logs() as logs:
            answer = await service.get("/v1/orders")
        ready = await service.get("/readyz")
        alive = await service.get("/livez")

    assert answer.status_code == 503
    assert "ConnectionRefusedError" in [line.get("why") for line in logs]
    assert int(answer.headers["Retry-After"]) > 0
    assert ready.status_code == 503
    assert ready.json()["database"] != "ok"
    assert alive.status_code == 200


async def test_readiness_names_what_is_away(market: Market) -> None:
    """The operator looks at Temporal, not at everything."""
    answer = await (await market.anonymous()).get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert answer.json()["temporal"] != "ok"


async def test_one_busy_caller_waits_and_others_do_not(market: Market, tmp_path: Path) -> None:
    """A client in a loop must not take the service from everybody else."""
    url = market.services.engine.url.render_as_string(hide_password=False)
    async with open_market(url, tmp_path, rate=RateLimit(1, 3), publishes=False) as narrow:
        busy = await narrow.caller(Role.BUYER, "b-busy")
        other = await narrow.caller(Role.BUYER, "b-calm")

        answers = [await busy.get("/v1/policies") for _ in range(5)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert (await other.get("/v1/policies")).status_code == 200


def test_a_bucket_fills_again() -> None:
    """After the named wait the caller is let in."""
    now = [0.0]
    rate = RateLimit(2, 1, lambda: now[0])
    rate.take("b")
    with pytest.raises(Problem) as refused:
        rate.take("b")

    now[0] += float(refused.value.headers["Retry-After"])
    rate.take("b")


async def test_metrics_count_by_route_and_not_by_address(market: Market) -> None:
    """A figure per order would fill the memory of whoever collects them."""
    anybody = await market.anonymous()
    await anybody.get("/v1/orders/o-some-order")

    figures = (await anybody.get("/metrics")).text

    assert 'route="/v1/orders/{order}"' in figures
    assert "o-some-order" not in figures


class _Broken(Exception):
    """What the driver says of a connection that broke."""

    sqlstate = "08003"


async def test_a_connection_that_breaks_while_it_is_made_is_an_outage(market: Market) -> None:
    """Only the driver's own error says so, and whoever asked may simply ask again."""
    orig = Exception("connection was closed in the middle of operation")
    orig.__cause__ = _Broken()

    @market.app.get("/cut-off")
    async def cut_off() -> None:
        raise DBAPIError("SELECT 1", {}, orig)

    answer = await (await market.anonymous()).get("/cut-off")

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


async def test_who_hangs_up_in_the_middle_of_asking_is_no_mistake_of_ours(market: Market) -> None:
    """A provider that is cut off sends again; nobody is to be called for it."""

    async def hangs_up() -> dict[str, str]:
        return {"type": "http.disconnect"}

    said: list[object] = []

    async def hears(message: object) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/webhooks/stripe",
        "headers": [(b"content-type", b"application/json"), (b"stripe-signature", b"t=1,v1=00")],
        "query_string": b"",
    }
    with capture_logs() as logs:
        await market.app(scope, hangs_up, hears)

    assert said == []
    assert "request.failed" not in {line["event"] for line in logs}
