"""What no database can hold is refused at the door, wherever in a request it stands."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from api.paging import encode
from api.routers.policies import PolicyIn
from api.schemas.orders import ShipToIn
from domain.actors import Role
from persistence.database import SqlDatabase
from tests.support.market import Market, an_order

_POSTINGS = "/v1/ledger/postings"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (_POSTINGS, {"owner": "o\0"}),
        (_POSTINGS, {"process": "order/\0"}),
        (_POSTINGS, {"key": "k\x07"}),
        (_POSTINGS, {"cursor": encode("1\0")}),
        (_POSTINGS, {"effective_from": "0001-01-01T00:00:00+14:00"}),
        (_POSTINGS, {"effective_to": "9999-12-31T23:59:59-14:00"}),
        ("/v1/orders", {"placed_from": "0001-01-01T00:00:00+14:00"}),
        ("/v1/orders", {"placed_to": "9999-12-31T23:59:59-14:00"}),
        ("/v1/orders", {"placed_to": "0.5"}),
        ("/v1/orders", {"placed_to": "1793620800"}),
        ("/v1/ledger/accounts", {"cursor": encode("escrow\x1fo\0\x1fEUR")}),
        ("/v1/sellers", {"standing": "\0"}),
        ("/v1/sellers", {"cursor": encode("s\0")}),
    ],
)
async def test_a_question_that_cannot_be_asked_is_told_so(
    market: Market, path: str, query: dict[str, str]
) -> None:
    """A control character, or an instant beyond all calendars, is no defect of ours."""
    answer = await (await market.caller(Role.OPERATOR)).get(path, **query)

    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "/problems/request-invalid"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_the_first_and_the_last_instant_may_be_asked_for(market: Market, at: str) -> None:
    """They mean "from the beginning" and "without end"."""
    auditor = await market.caller(Role.AUDITOR)

    assert (await auditor.get(_POSTINGS, effective_from=at, effective_to=at)).status_code == 200
    assert (await auditor.get("/v1/orders", placed_from=at, placed_to=at)).status_code == 200


@pytest.mark.parametrize("changed", [{"name": "holiday\0"}, {"about": {"deep": ["\0"]}}])
async def test_a_policy_that_cannot_be_kept_is_refused(
    market: Market, changed: dict[str, Any]
) -> None:
    """Its name is written down before the document is read."""
    answer = await (await market.caller(Role.OPERATOR)).post("/v1/policies", changed)

    assert answer.status_code == 422, answer.text


def test_half_a_character_in_a_policy_is_refused() -> None:
    """JSON can say it, no database can keep it."""
    with pytest.raises(ValidationError):
        PolicyIn.model_validate({"name": "holiday\ud800"})


@pytest.mark.parametrize(
    "email", ["a\0@b.example", "a\u202e@b.example", "a\u200b@b.example", "a\u3164@b.example"]
)
async def test_an_email_holds_nothing_that_is_not_seen(market: Market, email: str) -> None:
    """A mail server would read it as something else, and so would whoever looks at it."""
    where = {"country": "DE", "city": "Hamburg", "email": email}
    answer = await (await market.service()).post("/v1/orders", an_order(ship_to=where, buyer="b-1"))

    assert answer.status_code == 422, answer.text
    assert "email" in answer.text


async def test_a_note_on_an_alarm_holds_no_control_character(market: Market) -> None:
    """The database would refuse it, and the operator would read of a defect of ours."""
    async with SqlDatabase(market.services.engine).transaction() as tx:
        await tx.story.alarm("books_differ", "books/odd-text", "by a cent", datetime.now(UTC))
    operator = await market.caller(Role.OPERATOR)
    listed = (await operator.get("/v1/alarms", open="true")).json()["items"]
    (number,) = [one["id"] for one in listed if one["subject"] == "books/odd-text"]
    address = f"/v1/alarms/{number}/clearing"
    odd = await operator.post(address, {"note": "looked into\0"}, "odd")
    plain = await operator.post(address, {"note": "looked into"}, "plain")

    assert (odd.status_code, plain.status_code) == (422, 200), odd.text


@pytest.mark.parametrize(
    "name", ["\u3164\u2800", "A\u202ereyuB", "A\u200b. Buyer", "\ufeffA. Buyer", "A\u2028B"]
)
async def test_a_name_that_reads_as_another_is_refused(market: Market, name: str) -> None:
    """Letters and lists would show a name that nobody has."""
    where = {"country": "DE", "city": "Hamburg", "name": name}
    answer = await (await market.service()).post("/v1/orders", an_order(ship_to=where, buyer="b-1"))

    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == ["ship_to.name"]


def test_a_name_is_spelt_as_its_script_spells_it() -> None:
    """Not everything that is not seen is a trick: the joiners of Persian and Malayalam are not."""
    for name in (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0d28\u0d4d\u200d",
        "\U0001f469\u200d\U0001f33e",
    ):
        assert ShipToIn(country="IN", city=name).city == name


@pytest.mark.parametrize("blank", ["", " ", "\u3000\t "])
async def test_what_must_be_said_is_more_than_spaces(market: Market, blank: str) -> None:
    """A decision whose reason is a space has no reason."""
    officer = await market.caller(Role.COMPLIANCE)
    verdict = {"verdict": "accept", "reason": blank}
    answer = await officer.post("/v1/orders/o-none/risk-decision", verdict)

    assert "reason" in {error["field"] for error in answer.json()["errors"]}, answer.text
