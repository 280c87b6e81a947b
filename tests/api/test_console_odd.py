"""Names and keys that nothing can have: the console says so, and nothing of ours breaks."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from domain.actors import Role
from tests.api.test_access import owned
from tests.api.test_console_pages import console_routes
from tests.api.test_console_ways import kept
from tests.support.market import Market
from tests.support.pages import Signed, parsed, signed

_PEOPLE: Final = {
    Role.BUYER: ("b-owner", ""),
    Role.SELLER: ("m-1", "s-1"),
    Role.SUPPORT_LEAD: ("lead-1", ""),
    Role.OPERATOR: ("operator-1", ""),
}
# What they do is done again without harm, or the key is the file's own content.
_KEYLESS: Final = frozenset(
    {
        *("/sign-out", "/preferences", "/queue/views", "/issuer/token"),
        "/disputes/{dispute}/evidence",
    }
)
_CASES: Final = {"award": "asked", "borne_by": "seller", "all": "d-owned:1", "cases": "d-owned:1"}
_WORK: Final = {"subject": "order/o-1", "kind": "parked", "assignee": "", "seen": "1"}
# For each form with a key: which of its addresses, who sends it, and what they fill in.
_FORMS: Final[Mapping[str, tuple[str, Role, dict[str, str]]]] = {
    "/orders/{order}/acts/{action}": (
        "/orders/{order}/acts/refund",
        Role.SUPPORT_LEAD,
        {"amount": "1.00", "reason": "a scratch"},
    ),
    "/orders/{order}/dispute": (
        "/orders/{order}/dispute",
        Role.BUYER,
        {"lines": "1", "reason": "damaged", "remedy": "refund", "amount": "1.00"},
    ),
    "/disputes/{dispute}/acts/{action}": (
        "/disputes/{dispute}/acts/take_back",
        Role.SUPPORT_LEAD,
        {},
    ),
    "/chargebacks/{chargeback}/acts/{act}": (
        "/chargebacks/{chargeback}/acts/contest",
        Role.SUPPORT_LEAD,
        {},
    ),
    "/payouts/{payout:path}": (
        "/payouts/{payout:path}",
        Role.OPERATOR,
        {"resolution": "retry", "note": "the bank said so", "previewed": "retry", "seen": "0"},
    ),
    "/bulk-rulings": ("/bulk-rulings", Role.SUPPORT_LEAD, _CASES | {"why": "one lorry"}),
    "/bulk-rulings/{bulk_ruling}/words": (
        "/bulk-rulings/b-none/words",
        Role.SUPPORT_LEAD,
        {"word": "approve"},
    ),
    "/queue/assignment": ("/queue/assignment", Role.SUPPORT_LEAD, _WORK),
    "/queue/absences": ("/queue/absences", Role.SUPPORT_LEAD, {"until": "2026-12-24"}),
    "/queue/absences/{absence}": ("/queue/absences/1", Role.SUPPORT_LEAD, {}),
}


@pytest.fixture(scope="module")
async def names(market: Market) -> Mapping[str, str]:
    """One object of each kind, by the placeholder that it stands for."""
    return await owned(market)


def _ways(market: Market) -> Iterator[tuple[str, str]]:
    for route in console_routes(market.app):
        for method in route.methods or ():
            yield method, route.path


async def _person(market: Market, role: Role) -> Signed:
    return await signed(market, role, *_PEOPLE[role])


def _seen(page: str) -> dict[str, str]:
    """What a form says of itself: what was previewed, by which version."""
    return {
        one.attributes["name"]: one.attributes.get("value", "")
        for one in parsed(page).all("input")
        if one.attributes.get("name") in {"previewed", "seen"}
    }


@pytest.mark.parametrize("name", ["%00", "a%00b", "%F0%9F%92%A9", "a" * 201, "%E2%80%AEno"])
async def test_an_address_that_names_what_cannot_be_leads_nowhere(
    market: Market, name: str
) -> None:
    """No database can hold such a name: to ask it for one was a defect of ours (500)."""
    ways = {way for way in _ways(market) if "{" in way[1]}
    answers: dict[tuple[str, str], set[int]] = {way: set() for way in ways}
    for role in _PEOPLE:
        person = await _person(market, role)
        for method, path in ways:
            shown = await person.send(method, re.sub(r"\{[^}]*\}", name, path))
            answers[method, path].add(shown.status_code)

    assert {way: found for way, found in answers.items() if not found <= {403, 404}} == {}
    assert [way for way, found in answers.items() if 404 not in found] == []


async def test_a_page_that_cannot_be_says_so_as_others_do(market: Market) -> None:
    """Whoever mistypes an address is led home, and reads nothing of patterns."""
    person = await _person(market, Role.BUYER)
    odd = await person.get("/orders/%00")
    missing = await person.get("/orders/o-none")

    assert odd.status_code == missing.status_code == 404
    headings = [[one.words() for one in parsed(page.text).all("h1")] for page in (odd, missing)]
    assert headings[0] == headings[1]


def test_every_form_is_tried_with_a_bad_key(market: Market) -> None:
    """A new form says here how it is filled in, or that it needs no key."""
    posts = {path for method, path in _ways(market) if method == "POST"}

    assert posts == set(_FORMS) | _KEYLESS


@pytest.mark.parametrize("way", _FORMS)
async def test_a_form_without_a_key_of_its_own_does_nothing(
    market: Market, names: Mapping[str, str], way: str
) -> None:
    """All forms without a key would be one request, and a key that cannot be kept a defect."""
    address, role, filled = _FORMS[way]
    for placeholder, name in names.items():
        address = address.replace(placeholder, name)
    person = await _person(market, role)
    hidden = _seen((await person.send("POST", address, **filled)).text)
    before = await kept(market)
    answers = {
        key: await person.send("POST", address, **filled | hidden, step="do", key=key)
        for key in ("", "\0", "k\n", "k" * 201, "\u043a\u043b\u044e\u0447")
    }

    assert {repr(key): one.status_code for key, one in answers.items()} == {
        repr(key): 400 for key in answers
    }
    assert all("The form has no key" in one.text for one in answers.values())
    assert await kept(market) == before


@pytest.mark.parametrize(
    ("path", "role", "fields"),
    [
        ("/queue/views", Role.SUPPORT_LEAD, {"name": "mine", "query": "q=\0"}),
        ("/queue/views", Role.SUPPORT_LEAD, {"name": "\0", "step": "forget"}),
        ("/queue/assignment", Role.SUPPORT_LEAD, _WORK | {"assignee": "support-agent:\0"}),
        ("/queue/absences", Role.SUPPORT_LEAD, {"until": "2026-12-24", "cover": "\0"}),
        (
            "/bulk-rulings",
            Role.SUPPORT_LEAD,
            _CASES | {"all": "\0:1", "cases": "d-owned:" + "9" * 30},
        ),
        ("/orders/{order}/acts/answer_consent", Role.BUYER, {"topic": "\0", "agreed": "yes"}),
        ("/orders/{order}/acts/lift_hold", Role.SUPPORT_LEAD, {"hold": "\0", "reason": "over"}),
    ],
)
async def test_a_field_that_nothing_can_hold_is_no_defect_of_ours(
    market: Market, names: Mapping[str, str], path: str, role: Role, fields: dict[str, str]
) -> None:
    """A page that is pasted into brings all kinds of characters along."""
    for placeholder, name in names.items():
        path = path.replace(placeholder, name)
    person = await _person(market, role)
    looked = await person.send("POST", path, **fields)
    sent = {"key": "k", "step": "do"} | _seen(looked.text) | fields
    done = await person.send("POST", path, **sent)

    assert [one.status_code for one in (looked, done) if one.status_code >= 500] == []
