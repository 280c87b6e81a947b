"""Many at once: whoever holds a connection to the database, and needs another, gets it."""

import asyncio

from api.console.visitor import posted
from api.deps import connection
from domain.actors import Role
from tests.api.test_console_pages import console_routes
from tests.support.market import Market
from tests.support.pages import visit

# Several times as many as there are connections.
_MANY = 90
_SOON = 20


async def test_many_who_need_two_connections_each_are_all_answered(market: Market) -> None:
    """Were each to hold one and wait for another, nobody would be answered for half a minute."""
    auditor = await market.caller(Role.AUDITOR)
    async with asyncio.timeout(_SOON):
        answers = await asyncio.gather(
            *(auditor.get(f"/v1/orders/o-crowd-{number}/postings") for number in range(_MANY))
        )

    assert {answer.status_code for answer in answers} == {404}


async def test_many_pages_at_once_are_all_shown(market: Market) -> None:
    """The console's pages look things up in several places."""
    guest = await visit(market, Role.SUPPORT_LEAD, "lead-crowd")
    async with asyncio.timeout(_SOON):
        pages = await asyncio.gather(
            *(guest.get(f"/orders/o-crowd-{number}/dispute") for number in range(_MANY))
        )

    assert {page.status_code for page in pages} == {404}


def test_no_form_is_waited_for_with_a_connection_in_hand(market: Market) -> None:
    """Whoever sends a form slowly would keep a connection for as long as they like."""
    wrong: list[str] = []
    for route in console_routes(market.app):
        calls = [part.call for part in route.dependant.dependencies]
        if posted in calls and connection in calls[: calls.index(posted)]:
            wrong.append(route.name)

    assert wrong == []
