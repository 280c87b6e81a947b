"""A whole marketplace for one policy of a trace: the real parts, on clocks that can be moved."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle

from adapters.fx.ecb import EcbRates
from adapters.fx.port import RateSource
from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.payment.stripe import StripeGateway
from domain.order.state import OrderState
from domain.policy import Policy
from persistence.carriage.addresses import SealedAddresses
from persistence.chargebacks.papers import SealedPapers
from persistence.database import SqlDatabase
from persistence.engine import connect
from persistence.records import ORDER_STATE
from persistence.vault import Vault
from runtime.codec import data_converter
from runtime.desk import Desk
from runtime.intake import Intake
from runtime.keyring import KeyRing
from runtime.rates import Rates
from runtime.relay.asked import Asked
from runtime.relay.facts import Facts
from runtime.relay.relay import Relay
from runtime.temporal import register_search_attributes
from runtime.trace.clocks import DelayedStarts, Shift, TraceClock
from runtime.trace.documents import TracePolicy
from runtime.trace.hooks import hooks
from runtime.trace.player import Player
from runtime.trace.servers import Servers
from runtime.trace.skips import Skips
from runtime.wiring import activities, carriage, of_banks, worker

TASK_QUEUE: Final = "trace"
_STRIPE_KEY: Final = "sk_test_trace"
_EASYPOST_KEY: Final = "EZTK_trace"
_CONNECTIONS: Final = 24


@dataclass(frozen=True)
class Span:
    """From when to when the facts of a trace happened (its own dates, UTC)."""

    first: datetime
    last: datetime


# Executions that begin at an instant of the trace.
_DELAYED: Final = ("order/", "purchase/", "carriage_check")


@dataclass(frozen=True)
class World:
    """Everything that an order of a trace meets."""

    engine: AsyncEngine
    vault: Vault
    policy: Policy
    span: Span
    shift: Shift
    clock: TraceClock
    client: Client
    skips: Skips
    desk: Desk
    relay: Relay
    player: Player
    carriers: Rates
    exchange: RateSource

    @property
    def database(self) -> SqlDatabase:
        """Transactions over the engine."""
        return SqlDatabase(self.engine, self.vault)

    async def order(self, order: str) -> OrderState | None:
        """An order as it stands; None before its process has begun."""
        query = text('SELECT state FROM order_views WHERE "order" = :order')
        async with self.engine.connect() as db:
            state = (await db.execute(query, {"order": order})).scalar_one_or_none()
        return None if state is None else ORDER_STATE.validate_python(state)

    async def rows(self, query: str, **values: object) -> Sequence[Any]:
        """Look straight into the database."""
        async with self.engine.connect() as db:
            return (await db.execute(text(query), values)).all()

    def process(self, name: str) -> WorkflowHandle[Any, Any]:
        """The execution of that id."""
        return self.client.get_workflow_handle(name)


@asynccontextmanager
async def open_world(
    servers: Servers, document: TracePolicy, span: Span, shift: Shift
) -> AsyncGenerator[World]:
    """Open a world of its own under one policy: empty books, no seller, a worker that waits."""
    stripe_secret, easypost_secret = f"whsec_{token_urlsafe()}", token_urlsafe()
    name = servers.name_for_world()
    async with AsyncExitStack() as stack:
        engine = connect(await servers.database(name), pool_size=_CONNECTIONS)
        stack.push_async_callback(engine.dispose)
        address = await stack.enter_async_context(servers.temporal(name))
        place = await stack.enter_async_context(servers.sandbox(name))
        policy = await document.publish(engine, shift, span.first, span.last)
        payments = StripeGateway(_STRIPE_KEY, stripe_secret, f"{place}/stripe")
        stack.callback(payments.close)
        tracking = EasyPostTracking(_EASYPOST_KEY, easypost_secret, f"{place}/easypost/v2")
        stack.callback(tracking.close)
        player = await stack.enter_async_context(Player(place, _STRIPE_KEY))
        vault = Vault(engine, KeyRing.generate())
        clock = TraceClock(shift.ahead(span.first))
        client = await _client(address, vault, clock)
        desk = Desk(engine, vault, client, TASK_QUEUE, patience=60)
        facts = Facts(engine, vault, client, tracking, TASK_QUEUE)
        relay = Relay(engine, [Asked(engine, desk), facts])
        rates = EcbRates(f"{place}/ecb/stats/eurofxref")
        stack.push_async_callback(rates.close)
        shipping = EasyPostShipping(_EASYPOST_KEY, f"{place}/easypost/v2")
        stack.callback(shipping.close)
        database, addresses = SqlDatabase(engine, vault), SealedAddresses(engine, vault)
        steps = [
            *activities(database, payments, tracking, rates),
            *carriage(database, shipping, tracking, addresses, rates),
            *of_banks(database, payments, SealedPapers(engine, vault)),
        ]
        await stack.enter_async_context(worker(client, steps, task_queue=TASK_QUEUE))
        intake = Intake(engine, vault, payments, tracking, clock)
        told = await stack.enter_async_context(hooks(intake))
        await player.tell(
            stripe_webhook_url=f"{told}/stripe",
            stripe_webhook_secret=stripe_secret,
            easypost_webhook_url=f"{told}/easypost",
            easypost_webhook_secret=easypost_secret,
        )
        yield World(
            engine=engine,
            vault=vault,
            policy=policy,
            span=span,
            shift=shift,
            clock=clock,
            client=client,
            skips=Skips(client),
            desk=desk,
            relay=relay,
            player=player,
            carriers=Rates(shipping, addresses),
            exchange=rates,
        )


async def _client(address: str, vault: Vault, clock: TraceClock) -> Client:
    def starts_at(process: str) -> datetime | None:
        return clock.now(process) if process.startswith(_DELAYED) else None

    client = await Client.connect(
        address,
        data_converter=data_converter(vault),
        interceptors=[DelayedStarts(starts_at)],
    )
    await register_search_attributes(client)
    return client
