"""The platform's own money in other currencies, and the rates that the world goes by."""

import httpx2
import pytest
import stripe

from tests.support.dealings import take
from tests.support.sandbox import SandboxProcess, SandboxWorld


def held(client: stripe.StripeClient) -> dict[str, int]:
    return {part.currency: part.amount for part in client.v1.balance.retrieve().available}


async def test_a_conversion_is_two_lines_of_the_books(own_sandbox: SandboxProcess) -> None:
    """What went and what came are found by the ids that the dashboard shows."""
    client = own_sandbox.place.stripe()
    take(client, 10_000, "eur")
    async with SandboxWorld(own_sandbox.place) as world:
        made = await world.convert((5_000, "EUR"), (41_000, "CNY"))
        books = await world.books()
    lines = [
        client.v1.balance_transactions.retrieve(made[side]["balance_transaction"])
        for side in ("sold", "bought")
    ]

    assert [(line.type, line.net, line.currency) for line in lines] == [
        ("adjustment", -5_000, "eur"),
        ("adjustment", 41_000, "cny"),
    ]
    assert held(client) == {"eur": 4_680, "cny": 41_000}
    assert books["currencies"]["cny"]["platform_balance"] == 41_000


@pytest.mark.parametrize(
    ("sold", "bought"),
    [
        ((10**9, "eur"), (1, "cny")),
        ((100, "eur"), (100, "eur")),
        ((0, "eur"), (1, "cny")),
        ((100, "eur"), (1, "xyz")),
    ],
)
async def test_a_conversion_that_cannot_be_changes_nothing(
    own_sandbox: SandboxProcess, sold: tuple[int, str], bought: tuple[int, str]
) -> None:
    """A test that makes money from nothing proves nothing."""
    client = own_sandbox.place.stripe()
    take(client, 10_000, "eur")
    async with SandboxWorld(own_sandbox.place) as world:
        with pytest.raises(httpx2.HTTPStatusError):
            await world.convert(sold, bought)

    assert held(client) == {"eur": 9_680}


async def test_nothing_is_quoted_on_a_closing_day(world: SandboxWorld) -> None:
    """A player who slips by a day hears of it, and does not wonder why the rate never comes."""
    with pytest.raises(httpx2.HTTPStatusError, match="nothing is published on 2026-04-03"):
        await world.quote("2026-04-03", CNY="8.2")
