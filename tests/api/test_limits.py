"""How long and how many: what is one more than may be is refused, and leaves nothing behind."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from api.schemas.common import LARGEST_AMOUNT
from api.schemas.orders import MOST_LINES, OrderIn, RefundIn, ShipmentIn
from api.schemas.purchases import PurchaseIn
from domain.purchase.rules import MOST_SELLERS
from tests.support.market import Json, Market, an_order

# What a provider takes at most in one payment.
LARGEST_PRICE = 99_999_999
_LINE = {"product": "p-1", "price": 100}
_SHIP_TO = {"country": "DE", "city": "Hamburg"}
_DOMAIN = "@" + ".".join(["d" * 50] * 3) + ".example"


def _to(**changed: str) -> Json:
    return {"ship_to": _SHIP_TO | changed}


def _email(length: int) -> str:
    return "a" * (length - len(_DOMAIN)) + _DOMAIN


# The field, a body that fills it, and one that holds one more.
_OF_ORDERS: Mapping[str, tuple[Json, Json]] = {
    "order": ({"order": "o" * 64}, {"order": "o" * 65}),
    "ship_to.city": (_to(city="c" * 200), _to(city="c" * 201)),
    "ship_to.street": (_to(street="s" * 200), _to(street="s" * 201)),
    "ship_to.name": (_to(name="\U0001f469" * 200), _to(name="\U0001f469" * 201)),
    "ship_to.postcode": (_to(postcode="9" * 20), _to(postcode="9" * 21)),
    "ship_to.phone": (_to(phone="9" * 40), _to(phone="9" * 41)),
    "ship_to.email": (_to(email=_email(254)), _to(email=_email(255))),
    "payment.method": (
        {"payment": {"method": "pm_" + "x" * 197}},
        {"payment": {"method": "pm_" + "x" * 198}},
    ),
    "lines": ({"lines": [_LINE] * MOST_LINES}, {"lines": [_LINE] * (MOST_LINES + 1)}),
    "lines[0].price": (
        {"lines": [_LINE | {"price": LARGEST_PRICE}]},
        {"lines": [_LINE | {"price": LARGEST_AMOUNT + 1}]},
    ),
    "lines[0].quantity": (
        {"lines": [_LINE | {"quantity": 1_000_000}]},
        {"lines": [_LINE | {"quantity": 1_000_001}]},
    ),
}


@pytest.mark.parametrize("field", _OF_ORDERS)
def test_as_much_as_may_be_is_taken(field: str) -> None:
    """A limit that refuses what it names is another limit."""
    most, _ = _OF_ORDERS[field]

    assert OrderIn.model_validate(an_order("o-most") | most).seller == "s-1"


@pytest.mark.parametrize("field", _OF_ORDERS)
async def test_one_more_is_refused_by_name(market: Market, field: str) -> None:
    """The answer says which field it was, and nothing is on record."""
    _, more = _OF_ORDERS[field]
    number = [*_OF_ORDERS].index(field)
    answer = await (await market.service()).post(
        "/v1/orders", an_order(f"o-{number}", buyer="b-1") | more
    )

    assert answer.status_code == 422, answer.text
    why = {error["field"]: error["why"] for error in answer.json()["errors"]}
    assert field in why
    assert "after validation" not in why[field]
    async with market.services.engine.connect() as db:
        named = {"object": f"order/o-{number}"}
        kept = await db.execute(text("SELECT 1 FROM requests WHERE object = :object"), named)
    assert kept.one_or_none() is None


async def test_an_empty_list_is_refused_in_plain_words(market: Market) -> None:
    """What a caller is told has no word of ours for how it is kept."""
    answer = await (await market.service()).post("/v1/orders", an_order("o-none", lines=[]))

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] == [{"field": "lines", "why": "needs 1 or more entries"}]


def _a_purchase(sellers: int, lines: int) -> Json:
    parts = [{"seller": f"s-{number}", "lines": [_LINE] * lines} for number in range(sellers)]
    return {"buyer": "b-1", "currency": "EUR", "orders": parts, "ship_to": _SHIP_TO}


def test_a_purchase_takes_so_many_sellers_with_so_many_lines_each() -> None:
    """Two thousand lines are one checkout; a seller or a line more is none."""
    assert (
        len(PurchaseIn.model_validate(_a_purchase(MOST_SELLERS, MOST_LINES)).orders) == MOST_SELLERS
    )
    for sellers, lines in ((MOST_SELLERS + 1, 1), (1, MOST_LINES + 1)):
        with pytest.raises(ValidationError):
            PurchaseIn.model_validate(_a_purchase(sellers, lines))


def test_a_reason_is_as_long_as_a_letter_and_no_book() -> None:
    """500 characters, whatever their bytes."""
    assert RefundIn.model_validate({"amount": 1, "reason": "\u8a08" * 500}).amount == 1
    with pytest.raises(ValidationError):
        RefundIn.model_validate({"amount": 1, "reason": "\u8a08" * 501})


@pytest.mark.parametrize(
    "number",
    [
        *("1Z9", "9" * 61, "1Z\u202e999AA1", "1Z999\u200bAA1", "1Z999\0AA1"),
        *("  ", "1Z999\nAA1", "\ufeff1Z999AA10123456784", "\ue0001Z999"),
    ],
)
def test_a_tracking_number_has_no_tricks_in_it(number: str) -> None:
    """What reads as one number and is another would track somebody else's parcel."""
    with pytest.raises(ValidationError):
        ShipmentIn.model_validate({"carrier": "UPS", "number": number})


def _is_bounded(schema: Any) -> bool:  # noqa: ANN401 - JSON
    """A pattern is a limit only where nothing in it may be repeated for ever."""
    if {"maxLength", "enum", "const", "format"} & schema.keys():
        return True
    repeated = re.sub(r"\\.", "", schema.get("pattern", "*"))
    return not re.search(r"[*+]|\{\d+,\}", repeated)


def _unbounded(schema: Any, path: str, parts: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Where in a body there may be as much as one likes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if f"<{name}>" not in path:
            yield from _unbounded(parts[name], f"{path}<{name}>", parts)
        return
    for one in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _unbounded(one, path, parts)
    for name, inner in schema.get("properties", {}).items():
        yield from _unbounded(inner, f"{path}.{name}", parts)
    match schema.get("type"):
        case "string" if not _is_bounded(schema):
            yield path
        case "array":
            if "maxItems" not in schema:
                yield path
            yield from _unbounded(schema.get("items", {}), f"{path}[]", parts)
        case "integer" if not {"maximum", "exclusiveMaximum"} & schema.keys():
            yield path
        case _:
            pass


def test_no_field_takes_as_much_as_one_likes(market: Market) -> None:
    """A limit that somebody forgets is found by somebody else. A policy has its own check."""
    described = market.app.openapi()
    parts = described["components"]["schemas"]
    found = {
        place
        for path, methods in described["paths"].items()
        for operation in methods.values()
        for body in operation.get("requestBody", {}).get("content", {}).values()
        if path.startswith("/v1/") and not path.startswith("/v1/policies")
        for place in _unbounded(body["schema"], path, parts)
    }

    assert found == set()
