"""Every way into the console, found in its own routes: nobody comes in unasked."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from sqlalchemy import text
from starlette.routing import Mount

from domain.actors import Role
from tests.support.market import Market
from tests.support.pages import HERE, stranger, visit

# Who signs in is nobody yet, and whoever has signed out is nobody any more.
_FOR_ALL: Final = frozenset(
    {
        ("get", "/sign-in"),
        ("get", "/signed-in"),
        ("get", "/goodbye"),
        ("get", "/session-ended"),
        ("post", "/preferences"),
    }
)
# What a form held is kept for when its writer has signed in again.
_LED_TO: Final = ("/console/sign-in", "/console/session-ended")
_NOBODYS: Final = {"order": "o-none", "dispute": "d-none"}


def _ways(market: Market) -> Iterator[tuple[str, str]]:
    """Method and path, every parameter named after nothing that there is."""
    (mount,) = [
        one for one in market.app.routes if isinstance(one, Mount) and one.path == "/console"
    ]
    assert isinstance(mount.app, FastAPI)
    described = get_openapi(title="", version="", routes=mount.app.routes)
    for path, methods in described["paths"].items():
        for method in methods:
            yield method, path


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda named: _NOBODYS.get(named[1], "none"), path)


async def kept(market: Market) -> list[object]:
    """What requests leave behind: whatever was asked, audited, drafted or saved."""
    async with market.services.engine.connect() as db:
        return [
            (await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608 - our own names
            for table in ("requests", "audit_log", "saved_views", "absences", "bulk_rulings")
        ]


async def test_a_stranger_comes_in_nowhere(market: Market) -> None:
    """A page leads to the sign-in, a form too, and nothing is changed by either."""
    assert set(_ways(market)) >= _FOR_ALL
    guest = await stranger(market)
    before, answers = await kept(market), {}
    for method, path in _ways(market):
        if (method, path) in _FOR_ALL or path.startswith("/issuer"):
            continue
        answer = await guest.client.request(
            method, f"/console{_filled(path)}", headers=HERE if method == "post" else {}
        )
        led = answer.headers.get("Location", "").startswith(_LED_TO)
        if not (answer.status_code == 303 and led) and answer.status_code not in {401, 403}:
            answers[method, path] = (answer.status_code, answer.headers.get("Location"))

    assert answers == {}
    assert await kept(market) == before


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER, Role.AUDITOR])
async def test_no_form_is_taken_from_another_site(market: Market, role: Role) -> None:
    """Signed in or not, what a page elsewhere sends in one's name changes nothing."""
    guest = await visit(market, role, "somebody-1")
    before, answers = await kept(market), {}
    for method, path in _ways(market):
        if method == "get" or path.startswith("/issuer"):
            continue
        answer = await guest.client.request(
            method, f"/console{_filled(path)}", headers={"Sec-Fetch-Site": "cross-site"}
        )
        if answer.status_code not in {403, 404}:
            answers[method, path] = answer.status_code

    assert answers == {}
    assert await kept(market) == before
