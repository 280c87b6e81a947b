"""Who may what in the console: every route against every role, and nobody meets another's own."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import pytest

from api.console import chargebacks, dispute_forms, forms
from domain.actors import STAFF, Role
from domain.chargeback.rules import Act as BankAct
from domain.dispute import rules as dispute_rules
from domain.order import rules as order_rules
from tests.api.test_access import ALL, JUDGES, SIDES, owned
from tests.api.test_console_pages import console_routes
from tests.support.market import Market
from tests.support.pages import Signed, signed

FOR_ALL: Final = {
    ("GET", "/sign-in"),
    ("GET", "/signed-in"),
    ("GET", "/goodbye"),
    ("GET", "/session-ended"),
    ("POST", "/preferences"),
    # The development issuer's, who asks whom to be: in the local profile alone.
    ("GET", "/issuer/authorize"),
    ("GET", "/issuer/choice"),
    ("POST", "/issuer/token"),
}
WORKERS: Final = STAFF - {Role.AUDITOR}
REFUNDERS: Final = JUDGES | {Role.SERVICE}
BANKERS: Final = frozenset({Role.SUPPORT_LEAD, Role.COMPLIANCE})
MAY: Final[Mapping[tuple[str, str], frozenset[Role]]] = {
    ("GET", "/"): ALL,
    ("POST", "/sign-out"): ALL,
    ("GET", "/queue"): STAFF,
    ("POST", "/queue/assignment"): WORKERS,
    ("POST", "/queue/absences"): WORKERS,
    ("POST", "/queue/absences/{absence}"): WORKERS,
    ("POST", "/queue/views"): STAFF,
    ("GET", "/news"): STAFF,
    ("GET", "/orders"): ALL,
    ("GET", "/orders/{order}"): ALL,
    ("GET", "/orders/{order}/news"): ALL,
    ("GET", "/orders/{order}/acts/{action}"): REFUNDERS,
    ("POST", "/orders/{order}/acts/{action}"): REFUNDERS,
    ("GET", "/orders/{order}/dispute"): frozenset({Role.BUYER}),
    ("POST", "/orders/{order}/dispute"): frozenset({Role.BUYER}),
    ("GET", "/disputes"): ALL,
    ("GET", "/disputes/{dispute}"): ALL,
    ("GET", "/disputes/{dispute}/news"): ALL,
    ("GET", "/disputes/{dispute}/acts/{action}"): JUDGES,
    ("POST", "/disputes/{dispute}/acts/{action}"): JUDGES,
    ("GET", "/disputes/{dispute}/evidence/{number}"): ALL,
    ("POST", "/disputes/{dispute}/evidence"): SIDES | JUDGES,
    ("GET", "/bulk-rulings"): STAFF,
    ("GET", "/bulk-rulings/new"): JUDGES,
    ("POST", "/bulk-rulings"): JUDGES,
    ("GET", "/bulk-rulings/{bulk_ruling}"): STAFF,
    ("POST", "/bulk-rulings/{bulk_ruling}/words"): JUDGES,
    ("GET", "/chargebacks"): STAFF | {Role.SELLER},
    ("GET", "/chargebacks/{chargeback}"): STAFF | {Role.SELLER},
    ("GET", "/chargebacks/{chargeback}/news"): STAFF | {Role.SELLER},
    ("GET", "/chargebacks/{chargeback}/acts/{act}"): BANKERS,
    ("POST", "/chargebacks/{chargeback}/acts/{act}"): BANKERS,
    ("GET", "/money"): frozenset({Role.SELLER}),
    ("GET", "/payouts/{payout:path}"): STAFF | {Role.SELLER},
    ("POST", "/payouts/{payout:path}"): frozenset({Role.OPERATOR}),
}
# What an address names besides an object: one act of each kind stands for all, which come below.
_ACTS: Final = {"/orders": "refund", "/disputes": "decide", "/chargebacks": "contest"}
_NAMES: Final = {"{absence}": "1", "{bulk_ruling}": "b-none", "{number}": "1"}
_OWNED: Final = ("{order}", "{dispute}", "{chargeback}", "{payout:path}")
# Nobody has shown a file yet.
_NOT_YET: Final = {("GET", "/disputes/{dispute}/evidence/{number}")}
# A session within the leeway after its end: its streams are over as they begin.
_ENDED: Final = timedelta(seconds=-3)


@pytest.fixture(scope="module")
async def names(market: Market) -> Mapping[str, str]:
    """Objects of the buyer b-owner and the seller s-1, by the placeholder they stand for."""
    return _NAMES | await owned(market)


def _address(path: str, names: Mapping[str, str], act: str = "") -> str:
    kind = "/" + path.split("/")[1]
    for placeholder, name in names.items():
        path = path.replace(placeholder, name)
    named = act or _ACTS.get(kind, "")
    return path.replace("{action}", named).replace("{act}", named)


async def _person(market: Market, role: Role, *, is_owner: bool = True) -> "Browser":
    name, seller = ("b-owner", "s-1") if is_owner else ("stranger", "s-3")
    store = seller if role is Role.SELLER else ""
    return Browser(
        await signed(market, role, name, store), await signed(market, role, name, store, _ENDED)
    )


class Browser:
    """Somebody's session, and one that is over: what has no end is asked for in that."""

    def __init__(self, session: Signed, over: Signed) -> None:
        self._session, self._over = session, over

    async def meets(self, method: str, address: str) -> int:
        """What a route says to them."""
        session = self._over if address.endswith("/news") else self._session
        answer = await session.send(method, address)
        led_away = answer.headers.get("Location", "").startswith("/console/sign-in")
        assert not led_away, (method, address)
        assert answer.status_code < 500, (method, address)
        return answer.status_code


def test_every_route_is_in_the_table(market: Market) -> None:
    """A new page must say whom it is for before it is shown to anybody."""
    routes = {
        (method, route.path)
        for route in console_routes(market.app)
        for method in route.methods or ()
    }

    assert routes == set(MAY) | FOR_ALL


@pytest.mark.parametrize("role", sorted(ALL))
async def test_each_role_is_shown_what_the_table_says_and_no_more(
    market: Market, names: Mapping[str, str], role: Role
) -> None:
    """Also where the page calls the API's own function, whose own door it does not pass."""
    person = await _person(market, role)
    met = {way: await person.meets(way[0], _address(way[1], names)) for way in MAY}

    refused = {way for way, status in met.items() if status == 403}
    assert refused == {way for way, roles in MAY.items() if role not in roles}


def _acts() -> Iterator[tuple[str, str, frozenset[Role]]]:
    """Every act that there is a form for, with who may do it."""
    for order_act in forms.ACTS:
        yield "/orders/{order}", str(order_act), frozenset(order_rules.WHO_MAY[order_act])
    for dispute_act in dispute_forms.ACTS:
        yield "/disputes/{dispute}", str(dispute_act), frozenset(dispute_rules.WHO_MAY[dispute_act])
    for bank_act in chargebacks.ACTS:
        may = BANKERS | {Role.SELLER} if bank_act is BankAct.SAY else BANKERS
        yield "/chargebacks/{chargeback}", str(bank_act), may


@pytest.mark.parametrize("role", sorted(ALL))
async def test_each_role_is_shown_the_forms_of_its_own_acts(
    market: Market, names: Mapping[str, str], role: Role
) -> None:
    """A form that is shown is sent; what a role may never do has none."""
    person = await _person(market, role)
    shown = {
        (path, act)
        for path, act, _ in _acts()
        if await person.meets("GET", _address(f"{path}/acts/{{act}}", names, act)) == 200
    }

    assert shown == {(path, act) for path, act, roles in _acts() if role in roles}


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
async def test_on_no_page_a_stranger_meets_what_is_anothers(
    market: Market, names: Mapping[str, str], role: Role
) -> None:
    """Another store's orders and another buyer's disputes are as if there were none."""
    stranger = await _person(market, role, is_owner=False)
    owner = await _person(market, role)
    ways = [
        way for way, roles in MAY.items() if role in roles and any(one in way[1] for one in _OWNED)
    ]
    strange = {way: await stranger.meets(way[0], _address(way[1], names)) for way in ways}
    own = {way: await owner.meets(way[0], _address(way[1], names)) for way in ways}

    assert len(ways) >= 8
    assert {way: status for way, status in strange.items() if status != 404} == {}
    assert {way for way, status in own.items() if status == 404} <= _NOT_YET


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER])
async def test_no_list_shows_a_stranger_what_is_anothers(
    market: Market, names: Mapping[str, str], role: Role
) -> None:
    """Whatever is filtered by."""
    stranger = await signed(market, role, "stranger", "s-3" if role is Role.SELLER else "")
    owner = await signed(market, role, "b-owner", "s-1" if role is Role.SELLER else "")
    lists = [f"/{kind}{more}" for kind in ("orders", "disputes") for more in ("", "?seller=s-1")]
    seen = [(await stranger.get(path)).text for path in lists]
    own = [(await owner.get(path)).text for path in lists]

    for placeholder in ("{order}", "{dispute}"):
        assert any(names[placeholder] in text for text in own)
        assert [text for text in seen if names[placeholder] in text] == []
