"""The description of the API: what people and generators read."""

from typing import Any, Final

from fastapi import FastAPI

_ABOUT: Final = """
Caravan runs the durable processes of a marketplace: how an order becomes a payout.

* Every `POST` needs an `Idempotency-Key`. The same key and body give the same answer, also days
  later; another body under the same key is refused (422).
* What is asked is on record before it is decided. When the answer is not there in time you get
  `202` and the place to ask (`Location`). The instant at which the request arrived counts.
* Amounts are integers of the currency's minor unit (ISO 4217). Instants are UTC.
* What is not done is a problem (RFC 9457) with a stable `type`, which explains itself when opened.
* Lists are pages: give `next` as `cursor` to read on.
* At most 20 streams and 2 uploads of yours are open at once (429). A stream ends with your token.
"""
_TAGS: Final = [
    {"name": "orders", "description": "Placed, read, listed; what happened to them."},
    {"name": "requests of an order", "description": "What people ask; judged at once."},
    {"name": "purchases", "description": "One payment over several sellers' orders."},
    {"name": "chargebacks", "description": "What a bank takes back: read, spoken about, answered."},
    {"name": "disputes", "description": "Opened, negotiated, decided, appealed; who did it."},
    {"name": "online shipping", "description": "Rates, labels, couriers at the door."},
    {"name": "sellers", "description": "Who sells, what they have, what they are paid."},
    {"name": "books and alarms", "description": "The ledger, and what a person must look at."},
    {"name": "work", "description": "What needs a person, by when, and who has taken it."},
    {"name": "policies", "description": "The numbers that processes run on, as versions."},
    {"name": "requests", "description": "What became of a request."},
    {"name": "outgoing webhooks", "description": "Who is told of events, and whether they were."},
    {"name": "webhooks", "description": "For providers: signed, kept, acknowledged."},
    {"name": "health", "description": "Alive, ready."},
    {"name": "problems", "description": "What each problem means."},
]
_REQUIRED: Final = {"idempotency-key", "if-match"}


def describe(app: FastAPI) -> None:
    """Complete what FastAPI says of *app*."""
    app.description = _ABOUT
    app.openapi_tags = [dict(tag) for tag in _TAGS]
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            for operation in _operations(schema):
                _complete(operation)
        return app.openapi_schema or {}

    app.__dict__["openapi"] = openapi


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def _complete(operation: dict[str, Any]) -> None:
    """Say what FastAPI cannot know.

    A header is required although its absence has a problem of its own; and a problem is
    `application/problem+json`, where FastAPI would declare plain JSON.
    """
    for parameter in operation.get("parameters", ()):
        if parameter["name"].lower() in _REQUIRED:
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "minLength": 1, "maxLength": 200}
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if status >= "400" and "application/json" in content:
            content["application/problem+json"] = content.pop("application/json")
