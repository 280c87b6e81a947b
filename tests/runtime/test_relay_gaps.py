"""Each gap in which the relay, or Temporal, can be gone; nothing falls into it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.order.state import Fulfilment
from persistence.engine import connect
from runtime.child import free_port
from runtime.codec import data_converter
from runtime.desk import Ask, Desk
from runtime.relay.bell import Bell
from runtime.relay.facts import Facts
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace, buyer
from workflows.order.messages import CancelOrder


@pytest.fixture
async def nowhere(market: Marketplace) -> Client:
    """A client of a Temporal that is away."""
    return await Client.connect(
        f"127.0.0.1:{free_port()}", data_converter=data_converter(market.vault), lazy=True
    )


async def _due(market: Marketplace, table: str) -> None:
    """Let the time pass for which waiting rows were put off."""
    async with market.engine.begin() as db:
        await db.execute(text(f"UPDATE {table} SET due_at = now() WHERE state = 'waiting'"))  # noqa: S608 - our own table


async def test_a_milestone_is_told_although_its_scan_is_on_record_already(
    market: Marketplace, dispatch: Dispatch, nowhere: Client
) -> None:
    """Kept, then cut off before the signal: the second try must not think that nothing is new."""
    order = await market.order()
    await order.paid(minutes=1)
    shipped = await order.shipped(days=1)
    await dispatch.news()
    parcel = (shipped.parcels[0].carrier, shipped.parcels[0].number)
    await market.world.scan(*parcel, "in_transit", at=order.at(days=2).isoformat(), country="DE")
    dispatch.clock.at = order.at(days=2, hours=1)
    await dispatch.take_in()
    cut_off = Facts(market.engine, market.vault, nowhere, market.tracking, market.task_queue)
    for job in await cut_off.take(8):
        await job()
    kept = await market.rows("SELECT 1 FROM scans")
    before = await order.state()
    await _due(market, "inbox")
    await dispatch.relay.drain()
    state = await order.until(lambda state: state.fulfilment is Fulfilment.IN_TRANSIT)

    assert len(kept) == 1
    assert before.fulfilment is Fulfilment.DECLARED
    assert state.parcels[0].milestone == "in_transit"


async def test_facts_wait_while_temporal_is_away(
    market: Marketplace, dispatch: Dispatch, nowhere: Client
) -> None:
    """They were acknowledged: the provider will not send them again."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    await dispatch.take_in()
    cut_off = Facts(market.engine, market.vault, nowhere, market.tracking, market.task_queue)
    for job in await cut_off.take(8):
        await job()
    (row,) = await market.rows("SELECT attempts, state FROM inbox WHERE attempts > 0")
    await _due(market, "inbox")
    await dispatch.relay.drain()
    paid = await order.until(lambda state: state.captured > 0)

    assert tuple(row) == (1, "waiting")
    assert paid.captured == 10_000


async def test_facts_that_wait_for_days_are_told_of_and_then_delivered(
    market: Marketplace, dispatch: Dispatch, nowhere: Client
) -> None:
    """No outage is so long that what a provider told us once is given up."""
    order = await market.order(total=10_000)
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    dispatch.clock.at = order.at(minutes=1)
    await dispatch.take_in()
    async with market.engine.begin() as db:
        await db.execute(text("UPDATE inbox SET attempts = 20000 WHERE state = 'waiting'"))
    cut_off = Facts(market.engine, market.vault, nowhere, market.tracking, market.task_queue)
    for job in await cut_off.take(8):
        await job()
    alarms = "SELECT kind, subject, cleared_at IS NULL AS is_open FROM alarms"
    meanwhile = await market.rows(alarms)
    await _due(market, "inbox")
    await dispatch.relay.drain()
    await order.until(lambda state: state.captured > 0)

    assert meanwhile == [("delivery_late", "relay/inbox", True)]
    assert await market.rows(alarms) == [("delivery_late", "relay/inbox", False)]


async def test_a_request_made_while_temporal_was_away_is_delivered(
    market: Marketplace, dispatch: Dispatch, nowhere: Client
) -> None:
    """The caller was told "not yet": that is a promise."""
    desk = Desk(market.engine, market.vault, nowhere, market.task_queue, patience=1)
    placed = market.asked("s-1", [10_000], "EUR", "")
    ask = Ask(
        caller=f"buyer:{placed.buyer}",
        route="POST /v1/orders",
        object=f"order/{placed.order}",
        key="k-1",
        body_hash="h-1",
        command="order.place",
        received_at=placed.received_at,
        message=placed,
        person=placed.buyer,
        is_creation=True,
    )
    told = await desk.ask(ask)
    waiting = await dispatch.relay.pending(ask.object)
    await _due(market, "requests")
    await dispatch.relay.drain(ask.object)
    kept = await desk.look(told.request)
    handle = market.client.get_workflow_handle(ask.object)

    assert (told.status, told.is_final, waiting) == (202, False, 1)
    assert kept is not None
    assert kept.status == 201
    assert (await handle.describe()).id == ask.object


class CutOffOnce(Interceptor):
    """A Temporal whose first update meets a process that is just taking its step again."""

    def __init__(self) -> None:
        self.cut_off = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _CutOff(next, self)


class _CutOff(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, once: CutOffOnce) -> None:
        super().__init__(following)
        self._once = once

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 - the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        if not self._once.cut_off:
            self._once.cut_off += 1
            said = "update not performed due to unexpected workflow task failure"
            raise RPCError(said, RPCStatusCode.FAILED_PRECONDITION, b"")
        return await super().start_workflow_update(input)


async def test_a_request_that_met_a_step_taken_again_is_answered_at_once(
    market: Marketplace,
) -> None:
    """Temporal asks to try again: the caller must not have to come back for that."""
    order = await market.order(total=10_000)
    await order.until(lambda state: bool(state.intent))
    once = CutOffOnce()
    client = Client(
        market.client.service_client,
        data_converter=market.client.data_converter,
        interceptors=[once],
    )
    desk = Desk(market.engine, market.vault, client, market.task_queue, patience=20)
    who = buyer(order.order)
    told = await desk.ask(
        Ask(
            caller=f"buyer:{who.id}",
            route="POST /v1/orders/{order}/cancellation",
            object=f"order/{order.order}",
            key="k-cut-off",
            body_hash="h-1",
            command="order.cancel",
            received_at=order.at(minutes=1),
            message=CancelOrder(who, order.at(minutes=1), "second thoughts"),
            person=who.id,
        )
    )

    assert once.cut_off == 1
    assert (told.is_final, told.status) == (True, 200)


async def test_the_bell_rings_again_after_its_connection_was_lost(market: Marketplace) -> None:
    """A database that is restarted must not leave us to look by ourselves for ever."""
    bell = Bell(market.engine)
    rung = bell.handle()
    try:
        await bell.listen()
        heard = [await _rings(market, rung)]
        await _disconnected(market)
        async with asyncio.timeout(10):
            while not bell.is_lost:
                await asyncio.sleep(0.01)
        heard.append(await _rings(market, rung))
        await bell.listen()
        heard.append(await _rings(market, rung))
    finally:
        await bell.close()

    assert heard == [True, False, True]


async def _disconnected(market: Marketplace) -> None:
    """End every connection to the market's database, as its restart does."""
    owner = connect(market.engine.url.render_as_string(hide_password=False), as_owner=True)
    async with owner.begin() as db:
        await db.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await owner.dispose()


async def _rings(market: Marketplace, rung: asyncio.Event) -> bool:
    """Whether work that arrives now is heard of."""
    rung.clear()
    # The market's own pool may hold connections that have fallen, too.
    arriving = connect(market.engine.url.render_as_string(hide_password=False))
    try:
        async with arriving.begin() as db:
            await db.execute(text("SELECT pg_notify('caravan_work', 'order/o-1')"))
    finally:
        await arriving.dispose()
    try:
        async with asyncio.timeout(2):
            await rung.wait()
    except TimeoutError:
        return False
    return True
