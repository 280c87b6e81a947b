"""What an order costs, and that no change makes it dearer unseen."""

import os

import pytest
from temporalio.client import Client

from benchmarks import counting, floor_life
from benchmarks.board import Board, Reporting
from benchmarks.budgets import DECLARED, FLOOR_ACTIONS, ONLINE, Budget
from benchmarks.counting import Queries
from benchmarks.floor import QUEUE, FloorWorkflow, nothing
from benchmarks.lives import Hands, live, prepare
from domain.order.state import Outcome
from persistence.engine import connect
from runtime.embedded import LocalTemporal
from runtime.temporal import register_search_attributes
from runtime.wiring import worker
from tests.support.marketplace import open_marketplace
from tests.support.sandbox import SandboxWorld


async def counted_apart(temporal: LocalTemporal, name: str) -> Client:
    """A client for a namespace of its own, whose actions nobody else adds to."""
    namespace = f"costs_{os.getpid()}_{name}"
    await counting.new_namespace(await Client.connect(temporal.address), namespace)
    client = await Client.connect(temporal.address, namespace=namespace)
    await register_search_attributes(client)
    return client


async def actions_in(temporal: LocalTemporal, client: Client) -> dict[str, int]:
    assert temporal.metrics_port is not None
    return dict(await counting.billed(temporal.metrics_port, client.namespace))


@pytest.mark.parametrize(
    ("is_online", "budget"), [(False, DECLARED), (True, ONLINE)], ids=["declared", "online"]
)
async def test_an_order_costs_no_more_than_it_may(
    database_url: str,
    temporal: LocalTemporal,
    world: SandboxWorld,
    *,
    is_online: bool,
    budget: Budget,
) -> None:
    """Every action is billed, and every event read again at a replay, for every order there is."""
    # Rates are learned by a schedule, not by the order that first needs one.
    await world.change(postage_currency="EUR")
    board, hands_engine = Board(), connect(database_url)
    apart = await counted_apart(temporal, "online" if is_online else "declared")
    async with open_marketplace(
        database_url,
        temporal.address,
        world,
        [Reporting(board.note)],
        namespace=apart.namespace,
    ) as market:
        await prepare(hands_engine)
        queries = Queries(market.engine)
        hands = Hands(market.client, hands_engine, market.vault, market.task_queue, board)
        ended = await live(hands, "o-costs", os.getpid(), is_online=is_online)
        described = market.client.get_workflow_handle("order/o-costs")
        events, history_bytes = await counting.history_of(described)
    await hands_engine.dispose()
    actions = await actions_in(temporal, apart)

    assert ended.outcome is Outcome.COMPLETED
    assert sum(actions.values()) <= budget.actions, actions
    assert events <= budget.events
    assert history_bytes <= budget.history_bytes
    assert queries.statements <= budget.statements
    assert queries.transactions <= budget.transactions


async def test_the_floor_stays_what_it_was(temporal: LocalTemporal) -> None:
    """A floor that moves makes every figure that was compared with it meaningless."""
    client, board = await counted_apart(temporal, "floor"), Board()
    async with worker(
        client,
        [nothing],
        task_queue=QUEUE,
        workflows=[FloorWorkflow],
        interceptors=[Reporting(board.note)],
    ):
        await floor_life.live(client, board, "1")
    actions = await actions_in(temporal, client)

    assert sum(actions.values()) == FLOOR_ACTIONS
    assert actions == {
        "ScheduleActivityTask": 6,
        "SignalWorkflowExecution": 4,
        "StartTimer": 6,
        "StartWorkflowExecution": 1,
        "UpsertWorkflowSearchAttributes": 2,
        "message_UpdateWorkflowExecution_Acceptance": 2,
    }
