"""What a dispute costs beside its order, and that no change makes it dearer unseen."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from benchmarks import counting
from benchmarks.budgets import DECIDED, SETTLED, Budget
from benchmarks.counting import Queries
from domain.dispute.rules import Action, Asked
from domain.dispute.state import DisputeState, Outcome, Stage
from runtime.embedded import LocalTemporal
from tests.support.disputing import Disputed, asking, opens
from tests.support.marketplace import LEAD, open_marketplace
from tests.support.sandbox import SandboxWorld
from tests.workflows.test_costs import actions_in, counted_apart
from tests.workflows.test_dispute import delivered

# What a test looks and moves clocks with.
_OURS: Final = frozenset({"QueryWorkflow", "UpdateWorkflowExecutionOptions"})
Life = Callable[[Disputed], Awaitable[DisputeState]]


async def _settled(dispute: Disputed) -> DisputeState:
    """The seller offers a part, and the buyer takes it."""
    await dispute.asks(dispute.seller, Action.PROPOSE, Asked(amount=2_000), days=3)
    await dispute.asks(dispute.buyer, Action.ACCEPT, Asked(version=2), days=4)
    return await dispute.skip_to_end()


async def _decided(dispute: Disputed) -> DisputeState:
    """Nobody gives in: evidence is taken, staff rule, and nobody appeals."""
    await dispute.asks(dispute.seller, Action.PROPOSE, Asked(amount=2_000), days=3)
    await dispute.asks(dispute.buyer, Action.ESCALATE, days=4)
    await dispute.skip(days=7, seconds=5)
    case = await dispute.reaches(Stage.IN_REVIEW)
    ruling = Asked(version=case.revision, amount=5_000, why="half of it works")
    await dispute.asks(LEAD, Action.DECIDE, ruling, days=8)
    return await dispute.skip_to_end()


_LIVES: Final = {"settled": (_settled, SETTLED), "decided": (_decided, DECIDED)}


@pytest.mark.parametrize("name", _LIVES)
async def test_a_dispute_costs_no_more_than_it_may(
    database_url: str, temporal: LocalTemporal, world: SandboxWorld, name: str
) -> None:
    """One order in fifty has one, and each step of it is billed like any other."""
    life, budget = _LIVES[name]
    apart = await counted_apart(temporal, name)
    async with open_marketplace(
        database_url, temporal.address, world, namespace=apart.namespace
    ) as market:
        await market.seller()
        order = await delivered(market, 10_000)
        before = await actions_in(temporal, apart)
        queries = Queries(market.engine)
        dispute = await opens(asking(order), order)
        ended = await life(dispute)
        await order.until(lambda state: not state.disputes)
        events, size = await counting.history_of(dispute.handle)
        after = await actions_in(temporal, apart)
    actions = {
        kind: count - before.get(kind, 0) for kind, count in after.items() if kind not in _OURS
    }

    assert ended.outcome is Outcome.PARTLY_REFUNDED
    _within(budget, actions, events, size, queries)


def _within(
    budget: Budget, actions: dict[str, int], events: int, size: int, queries: Queries
) -> None:
    assert sum(actions.values()) <= budget.actions, actions
    assert events <= budget.events
    assert size <= budget.history_bytes
    assert queries.statements <= budget.statements
    assert queries.transactions <= budget.transactions
