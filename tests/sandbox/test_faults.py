"""Faults on demand: each kind does what it says, as often as it says."""

import time
from functools import partial

import httpx2
import pytest
import stripe
from easypost.errors.api.internal_server_error import InternalServerError

from tests.support.dealings import new_key, problem_of, take
from tests.support.sandbox import Carriers, SandboxPlace, SandboxWorld


@pytest.fixture
def impatient(shared_sandbox: SandboxPlace) -> stripe.StripeClient:
    """The official client with little patience."""
    return stripe.StripeClient(
        "sk_test_sandbox",
        base_addresses={"api": shared_sandbox.stripe_base},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.4),
    )


def effects(client: stripe.StripeClient, key: str) -> list[str]:
    found = client.v1.payment_intents.search({"query": f"metadata['key']:'{key}'"})
    return [intent.status for intent in found.data]


@pytest.mark.parametrize(
    ("kind", "happened"),
    [
        ("timeout_after_effect", ["succeeded"]),
        ("reset_after_effect", ["succeeded"]),
        ("hang_before_effect", []),
        ("connection_reset", []),
    ],
)
async def test_an_answer_that_never_comes(
    impatient: stripe.StripeClient,
    client: stripe.StripeClient,
    world: SandboxWorld,
    kind: str,
    happened: list[str],
) -> None:
    """The caller cannot tell whether the money moved: that is what keys and metadata are for."""
    key = new_key()
    await world.fault(kind, "POST /v1/payment_intents", key=key, seconds=1, times=1)
    problem = problem_of(partial(take, impatient, key=key))

    assert isinstance(problem, stripe.APIConnectionError)
    assert effects(client, key) == happened


async def test_a_retry_after_a_lost_answer_gets_it(
    impatient: stripe.StripeClient, client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Under the same key the first answer comes, and no second effect, though the first hangs."""
    key = new_key()
    await world.fault("timeout_after_effect", key=key, seconds=20, times=1)
    problem_of(partial(take, impatient, key=key))
    answer = take(client, key=key)

    assert answer.status == "succeeded"
    assert effects(client, key) == ["succeeded"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, stripe.APIError), (503, stripe.APIError), (429, stripe.RateLimitError)],
)
async def test_an_early_error_leaves_nothing_behind(
    client: stripe.StripeClient, world: SandboxWorld, status: int, expected: type[Exception]
) -> None:
    """The same key works once the provider does."""
    key = new_key()
    await world.fault("error", key=key, status=status, times=1)
    problem = problem_of(partial(take, client, key=key))

    assert isinstance(problem, expected)
    assert problem.http_status == status
    assert take(client, key=key).status == "succeeded"


async def test_an_early_error_may_be_stored(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A 500 without an effect, replayed for a day: the key is spent, the money never moved."""
    key = new_key()
    await world.fault("error", key=key, stored=True, times=1)
    problem_of(partial(take, client, key=key))
    again = problem_of(partial(take, client, key=key))

    assert again.http_status == 500
    assert effects(client, key) == []


async def test_a_delay_delays(client: stripe.StripeClient, world: SandboxWorld) -> None:
    """Time-outs are measured against it."""
    key = new_key()
    await world.fault("delay", key=key, seconds=0.3, times=1)
    began = time.monotonic()
    take(client, key=key)

    assert time.monotonic() - began >= 0.3


async def test_a_rule_strikes_only_what_it_names(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A fault that strayed would make another test fail for no reason."""
    rule = await world.fault("error", "^POST /v1/refunds$")
    take(client)
    listed = {each["id"]: each for each in await world.faults()}

    assert (listed[rule]["seen"], listed[rule]["struck"]) == (0, 0)


async def test_a_rate_strikes_the_same_calls_each_time(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A failing run can be repeated: the dice are drawn from the seed."""

    async def drawn() -> list[bool]:
        await world.clear_faults()
        await world.fault("error", "GET /v1/balance", rate=0.5, seed=7)
        return [_fails(client) for _ in range(20)]

    first, second = await drawn(), await drawn()

    assert first == second
    assert 2 < sum(first) < 18


def _fails(client: stripe.StripeClient) -> bool:
    try:
        client.v1.balance.retrieve()
    except stripe.APIError:
        return True
    return False


async def test_the_carriers_fail_in_their_own_words(
    carriers: Carriers, world: SandboxWorld
) -> None:
    """An outage of theirs looks to the adapter as the real one does."""
    await world.fault("error", "POST /easypost/v2/trackers", times=1)

    with pytest.raises(InternalServerError):
        carriers.tracker.create(tracking_code="LP1", carrier="Correios")
    assert carriers.tracker.create(tracking_code="LP1", carrier="Correios").status == "unknown"


@pytest.mark.parametrize(
    "rule", [{"kind": "nonsense"}, {"kind": "error", "match": "("}, {"kind": "error", "typo": 1}]
)
async def test_a_rule_that_means_nothing_is_refused(
    world: SandboxWorld, rule: dict[str, object]
) -> None:
    """A misspelt fault would let a chaos test pass without any chaos."""
    answer = httpx2.post(f"{world.place.url}/_control/faults", json=rule)

    assert answer.status_code == 400
    assert await world.faults() == []
