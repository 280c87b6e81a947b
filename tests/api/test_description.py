"""The description of the API: what generators and people read must be true."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from api.docs import page
from api.routers.policies import PolicyIn
from api.schemas.money import SellerChange, SellerIn
from api.schemas.orders import OrderIn
from api.schemas.purchases import PurchaseIn
from runtime import policies
from tests.support.market import Json, Market


@pytest.fixture(scope="module")
def described(market: Market) -> Json:
    return market.app.openapi()


def operations(described: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_reference_leads_somewhere(described: Json) -> None:
    """A generator stops at the first that does not."""
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}

    assert set(references(described)) <= known
    assert described["openapi"].startswith("3.1")


def references(described: Json) -> list[str]:
    return re.findall(r'"\$ref": "([^"]+)"', json.dumps(described))


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(described: Json) -> None:
    """The names become methods of generated clients."""
    names = [operation["operationId"] for _, _, operation in operations(described)]

    assert len(names) == len(set(names))
    assert all(operation["description"] for _, _, operation in operations(described))


def test_every_no_is_declared_as_a_problem(described: Json) -> None:
    """A client must know before it meets one."""
    for method, path, operation in operations(described):
        if not path.startswith("/v1/"):
            continue
        declared = {status for status in operation["responses"] if status >= "400"}
        assert {"401", "403", "429", "503"} <= declared, (method, path)
        if method == "post":
            assert {"400", "409", "422"} <= declared, (method, path)
        for status in declared:
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_every_post_says_that_it_needs_a_key(described: Json) -> None:
    """It is refused without one, so it must not look optional."""
    for method, path, operation in operations(described):
        if path.startswith("/v1/") and method in {"post", "patch"}:
            required = {
                parameter["name"].lower()
                for parameter in operation["parameters"]
                if parameter["required"]
            }
            # A file is its own key: the same one again is the same evidence.
            if not path.endswith("/evidence"):
                assert required & {"idempotency-key", "if-match"}, path
            assert operation["security"], path


@pytest.mark.parametrize("form", [OrderIn, PurchaseIn, SellerIn, SellerChange, PolicyIn])
def test_the_examples_are_accepted(form: type[BaseModel], market: Market) -> None:
    """What people paste first must work."""
    examples = form.model_json_schema()["examples"]

    assert examples
    for example in examples:
        read = form.model_validate(example)
        if isinstance(read, PolicyIn):
            assert (
                policies.load(read.root, 1, market.clock.now("policies")).policy.name
                == "holiday-season"
            )


def test_every_field_of_a_body_with_an_example_accepts_it(described: Json) -> None:
    """The small forms show their examples by field; together they make a body."""
    for name in ("RefundIn", "HoldIn", "LiftingIn", "ShipmentIn", "CancellationIn"):
        schema = described["components"]["schemas"][name]
        body = {field: part["examples"][0] for field, part in schema["properties"].items()}
        form = next(kind for kind in _forms() if kind.__name__ == name)

        assert form.model_validate(body).model_dump(mode="json") == body


def _forms() -> list[type[BaseModel]]:
    from api.schemas import orders  # noqa: PLC0415 - read when the test asks for them

    return [kind for kind in vars(orders).values() if isinstance(kind, type)]


async def test_the_page_needs_no_other_host_and_no_script(market: Market) -> None:
    """A newcomer may be offline, and a page of ours must not tell others who reads it."""
    answer = await (await market.anonymous()).get("/docs")

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert not re.findall(r"(?:src|href)=.?https?:", answer.text)
    for name in ("place_order", "pay_out", "read_timeline"):
        assert f"<details id={name}>" in answer.text


def test_every_operation_can_be_pasted(described: Json) -> None:
    """Each example names its object, its key, and a body that the form accepts."""
    text = html.unescape(page(described, "http://caravan.test"))

    assert "{order}" not in re.sub(r"<summary>.*?</summary>", "", text)
    assert text.count("-H 'Idempotency-Key") == sum(
        method == "post" and path.startswith("/v1/") for method, path, _ in operations(described)
    )
