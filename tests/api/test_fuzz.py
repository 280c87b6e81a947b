"""Every route under what a generator makes up: it answers as the description says, or says no."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from domain.actors import Role
from tests.api.test_access import MAY, NOBODY_IN_PARTICULAR
from tests.support.market import SERVICE_KEY, Market, an_order
from tests.support.serving import served

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

_SEED: Final = "20261"
# Not asked: whether all that the forms allow is accepted (rules go further than forms), and
# `Allow`, which names also what one address shares with another (`{payout:path}`).
_UNASKED: Final = "positive_data_acceptance,allow_header_conformance"
_BRIEF: Final = ("--phases", "examples,fuzzing,stateful", "--max-examples", "2")
_THOROUGH: Final = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "30")


@dataclass(frozen=True)
class Target:
    """A served API, and the token of each role."""

    url: str
    tokens: dict[Role, str]


@pytest.fixture(scope="module")
async def target(alive: Market) -> AsyncIterator[Target]:
    """An API with the orders that the description's examples name, and their buyer and seller."""
    service = await alive.service()
    for number in range(1001, 1004):
        paid = {"method": "pm_card_visa"}
        placed = await service.post(
            "/v1/orders", an_order(f"o-{number}", buyer="b-1", payment=paid)
        )
        assert placed.status_code == 201, placed.text
    tokens = {
        role: alive.issuer.mint(role, "b-1", seller="s-1" if role is Role.SELLER else "")
        for role in Role
    }
    async with served(alive.app) as url:
        yield Target(url, tokens | {Role.SERVICE: SERVICE_KEY})


def _asked_as(role: Role) -> list[str]:
    """The routes that serve a role; those that serve anybody are the services' to ask."""
    own = {route for route, roles in MAY.items() if role in roles}
    if role is Role.SERVICE:
        own |= NOBODY_IN_PARTICULAR - {("GET", "/metrics"), ("GET", "/docs")}
    names = sorted(f"{method} {path.replace(':path', '')}" for method, path in own)
    return [part for name in names for part in ("--include-name", name)]


@pytest.mark.parametrize("role", sorted(Role))
async def test_whatever_is_asked_the_answer_is_one_that_was_described(
    target: Target, role: Role, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Clients are generated from the description: what it leaves out breaks them."""
    fuzzing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{target.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {target.tokens[role]}", *_asked_as(role)),
        *("--checks", "all", "--exclude-checks", _UNASKED, "--seed", _SEED),
        *(_THOROUGH if request.config.option.thorough else _BRIEF),
        *("--generation-database", "none", "--continue-on-failure", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await fuzzing.communicate()

    assert fuzzing.returncode == 0, said.decode()
