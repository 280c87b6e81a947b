"""A whole marketplace for a test: real database, real Temporal, real adapters, sandboxed world.

Each has a database, a sandbox's subjects and a task queue of its own; servers are shared.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateStage
from temporalio.testing import TimeSkipper
from temporalio.worker import Interceptor

from adapters.fx.ecb import EcbRates
from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.payment.stripe import StripeGateway
from domain.actors import Actor, Role
from domain.order.lines import OrderLine
from domain.order.state import OrderState
from domain.payout.rules import Standing
from domain.payout.state import PayoutState
from persistence import reading
from persistence.carriage.addresses import SealedAddresses
from persistence.chargebacks.papers import SealedPapers
from persistence.database import SqlDatabase
from persistence.engine import connect
from persistence.tables.business import Seller
from persistence.vault import Vault
from runtime.codec import DataKeys, data_converter
from runtime.keyring import KeyRing
from runtime.policies import publish_shipped
from runtime.wiring import activities, carriage, of_banks, worker
from tests.support.audit import unwritable
from tests.support.looking import Looking
from tests.support.policies import publish_variant
from tests.support.sandbox import EASYPOST_SECRET, STRIPE_SECRET, SandboxWorld
from tests.support.skipping import Skipper
from workflows._kit import attributes
from workflows.order import messages as said
from workflows.order.editions import EDITION
from workflows.order.requests import REQUESTS
from workflows.order.workflow import OrderWorkflow
from workflows.served import ALL

_numbers: Final = itertools.count(1)
_UPDATES: Final[dict[type, str]] = {
    said.Resolve: "resolve",
    **{message: name for message, (name, _) in REQUESTS.items()},
}
OrderHandle = WorkflowHandle[OrderWorkflow, OrderState]


def buyer(order: str) -> Actor:
    """The buyer of an order that `Marketplace.order` placed."""
    return Actor(Role.BUYER, f"b-{order}")


def seller_of(name: str = "s-1") -> Actor:
    return Actor(Role.SELLER, name)


SUPPORT: Final = Actor(Role.SUPPORT_AGENT, "a-1")
LEAD: Final = Actor(Role.SUPPORT_LEAD, "l-1")
COMPLIANCE: Final = Actor(Role.COMPLIANCE, "c-1")
OPERATOR: Final = Actor(Role.OPERATOR, "op-1")


@dataclass
class Placed:
    """One order as a test drives it: `at` is its own business time."""

    market: "Marketplace"
    order: str
    handle: OrderHandle
    began: datetime

    def at(self, **after: float) -> datetime:
        """The instant that lies so long after the order was placed."""
        return self.began + timedelta(**after)

    async def skip(self, **to: float) -> bool:
        """Let the order's own clock run to so long after its beginning; False if it has ended."""
        now = (await self.market.clock(self.handle)) or self.began
        return await self.market.skipper.fast_forward(self.handle, self.at(**to) - now)

    async def skip_to_end(self) -> OrderState:
        """Let time run until the order has ended by itself."""
        await self.market.skipper.fast_forward(self.handle)
        return await self.handle.result()

    async def state(self) -> OrderState:
        snapshot = await self.handle.query(OrderWorkflow.snapshot)
        return snapshot.state

    async def until(self, happened: Callable[[OrderState], bool], within: float = 20) -> OrderState:
        """Wait (in real time) until the order's state is so."""
        async with asyncio.timeout(within):
            while not happened(state := await self.state()):
                await asyncio.sleep(0.02)
        return state

    async def paid(self, **after: float) -> OrderState:
        """Let the buyer pay by card, and the news of it arrive."""
        state = await self.until(lambda state: bool(state.intent))
        intent = await self.market.gateway.look(state.intent)
        if not intent.captured.minor:
            await self.market.world.pay(state.intent)
        await self.payment_news(event="", **after)
        return await self.until(lambda state: state.captured > 0)

    async def payment_news(self, event: str = "", **after: float) -> None:
        name = event or f"evt-{next(_numbers)}"
        fact = said.PaymentChanged(name, self.at(**after))
        await self.handle.signal(OrderWorkflow.payment_changed, fact)

    async def ask(self, request: said.Request | said.Resolve) -> OrderState:
        """Ask something of the order, and wait for its answer."""
        state: OrderState = await self.handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            _UPDATES[type(request)], request, result_type=OrderState
        )
        return state

    async def begin(self, request: said.Request) -> None:
        """Ask something, and wait only until it has been taken in."""
        await self.handle.start_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            _UPDATES[type(request)], request, wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )

    async def shipped(self, *lines: str, **after: float) -> OrderState:
        """Let the seller declare a number that nobody else has, for *lines* or for all."""
        request = said.DeclareShipment(
            seller_of(self.market.of[self.order]),
            self.at(**after),
            "DHLExpress",
            dhl_number(),
            lines,
        )
        return await self.ask(request)

    async def scanned(
        self,
        milestone: str = "in_transit",
        parcel: str = "1",
        country: str = "DE",
        city: str = "",
        **after: float,
    ) -> OrderState:
        """Put a scan on record and let the milestone reach the order, as the relay does."""
        moment = self.at(**after)
        await self.market.record_scan(f"{self.order}/{parcel}", milestone, moment, country, city)
        await self.parcel_news(milestone, **after)
        return await self.until(
            lambda state: any(
                one.name == parcel and one.milestone == milestone for one in state.parcels
            )
        )

    async def parcel_news(self, milestone: str = "", **after: float) -> None:
        """Say that a carrier has news."""
        fact = said.ParcelMoved(f"evt-{next(_numbers)}", self.at(**after), milestone)
        await self.handle.signal(OrderWorkflow.parcel_moved, fact)

    async def seller_stands(self, standing: Standing, **after: float) -> None:
        """Let the seller of the order stand so, in the database and in the news."""
        async with self.market.engine.begin() as db:
            await db.execute(
                text("UPDATE sellers SET standing = :standing WHERE seller = :seller"),
                {"standing": str(standing), "seller": self.market.of[self.order]},
            )
        fact = said.SellerChanged(f"evt-{next(_numbers)}", self.at(**after), standing)
        await self.handle.signal(OrderWorkflow.seller_changed, fact)

    async def delivered(self, **after: float) -> OrderState:
        await self.scanned("delivered", "1", "DE", "", **after)
        return await self.until(lambda state: state.delivered_at is not None)

    async def confirmed(self, **after: float) -> OrderState:
        request = said.ConfirmReceipt(buyer(self.order), self.at(**after))
        return await self.ask(request)


@dataclass
class Marketplace(Looking):
    """Everything a process meets, and the hands to play with it."""

    engine: AsyncEngine
    vault: Vault
    gateway: StripeGateway
    tracking: EasyPostTracking
    shipping: EasyPostShipping
    client: Client
    skipper: TimeSkipper
    world: SandboxWorld
    task_queue: str
    of: dict[str, str] = field(default_factory=dict[str, str])
    accounts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def database(self) -> SqlDatabase:
        return SqlDatabase(self.engine, self.vault)

    async def clock(self, handle: WorkflowHandle[Any, Any]) -> datetime | None:
        """An execution's own time now; None as long as it has never been moved."""
        if await self.skipper.get_time_skipping_info(handle) is None:
            return None
        return await self.skipper.get_current_time(handle)

    async def seller(self, name: str = "s-1", **terms: str) -> str:
        """Register a seller with a connected account of their own."""
        stripe = self.world.place.stripe()
        account = await asyncio.to_thread(
            stripe.v1.accounts.create,
            {"type": "custom", "settings": {"payouts": {"schedule": {"interval": "manual"}}}},
        )
        self.accounts[name] = account.id
        row = Seller(
            seller=name,
            account=account.id,
            country=terms.get("country", "DE"),
            level=terms.get("level", "standard"),
            standing=terms.get("standing", "active"),
            policy=terms.get("policy", "standard"),
            registered_at=datetime(2026, 1, 1, tzinfo=UTC),
            settles_in=terms.get("settles_in", ""),
        )
        async with self.engine.begin() as db:
            await db.execute(Seller.__table__.insert(), row.model_dump())  # type: ignore[attr-defined]  # SQLModel's table
        return name

    async def policy(self, name: str, **order: str) -> str:
        """Publish a policy that differs from the standard one in figures of its orders."""
        await publish_variant(self.engine, name, order)
        return name

    def asked(
        self, seller: str, totals: Sequence[int], currency: str, method: str, subsidy: int = 0
    ) -> said.PlaceOrder:
        """What a checkout would send: a line for each of *totals*, a tenth of it for carriage."""
        order = f"o-{os.getpid()}-{next(_numbers)}"
        self.of[order] = seller
        return said.PlaceOrder(
            order=order,
            buyer=f"b-{order}",
            seller=seller,
            currency=currency,
            lines=tuple(
                OrderLine(
                    str(number), f"p-{number}", "general", 1, total - total // 10, total // 10
                )
                for number, total in enumerate(totals, 1)
            ),
            ship_to="DE",
            received_at=datetime.now(UTC).replace(microsecond=0),
            method=method,
            subsidy=subsidy,
            edition=EDITION,
        )

    async def order(
        self,
        seller: str = "s-1",
        total: int = 10_000,
        currency: str = "EUR",
        method: str = "",
        lines: Sequence[int] = (),
        subsidy: int = 0,
    ) -> Placed:
        """Place an order whose clock stands still until the test moves it.

        It has one line of *total*, or one for each amount of *lines*.
        """
        asked = self.asked(seller, lines or [total], currency, method, subsidy)
        name = f"order/{asked.order}"
        await self.vault.bind(name, asked.buyer)
        with self.skipper.with_time_skipping_disabled():
            handle = await self.skipper.client.start_workflow(
                OrderWorkflow.run,
                asked,
                id=name,
                task_queue=self.task_queue,
                search_attributes=attributes.at_start(
                    "order", "awaiting_payment", seller, asked.order
                ),
            )
        return Placed(self, asked.order, handle, asked.received_at)

    async def record_scan(
        self, parcel: str, milestone: str, at: datetime, country: str = "DE", city: str = ""
    ) -> None:
        async with self.engine.begin() as db:
            await db.execute(
                text(
                    "INSERT INTO scans (parcel, milestone, at, received_at, message, city, country,"
                    " is_withdrawn) VALUES (:parcel, :milestone, :at, :at, '', :city, :country,"
                    " false)"
                ),
                {
                    "parcel": parcel,
                    "milestone": milestone,
                    "at": at,
                    "country": country,
                    "city": city,
                },
            )

    async def database_payout(self, payout: str) -> PayoutState:
        """A payout as its view shows it."""
        async with self.engine.connect() as db:
            state = await reading.payout(db, payout)
        assert state is not None
        return state


def dhl_number() -> str:
    """A number that DHL Express could have given out, new every time."""
    serial = f"{os.getpid() % 10_000:04d}{next(_numbers):05d}"
    return serial + str(int(serial) % 7)


@asynccontextmanager
async def open_marketplace(
    database_url: str,
    client_address: str,
    world: SandboxWorld,
    interceptors: Sequence[Interceptor] = (),
    *,
    is_served: bool = True,
    keys: DataKeys | None = None,
    namespace: str = "default",
) -> AsyncGenerator[Marketplace]:
    """A marketplace on *database_url* with a worker of its own (unless not *is_served*).

    Histories are encrypted under the vault's keys, or under *keys*.
    """
    engine = connect(database_url)
    await publish_shipped(engine, datetime(2026, 1, 1, tzinfo=UTC))
    vault = Vault(engine, KeyRing.generate())
    gateway = StripeGateway("sk_test_market", STRIPE_SECRET, world.place.stripe_base)
    shipping = EasyPostShipping("EZTK_market", world.place.easypost_base)
    tracking = EasyPostTracking("EZTK_market", EASYPOST_SECRET, world.place.easypost_base)
    client = await Client.connect(
        client_address, namespace=namespace, data_converter=data_converter(keys or vault)
    )
    market = Marketplace(
        engine,
        vault,
        gateway,
        tracking,
        shipping,
        client,
        Skipper(client),
        world,
        f"market-{os.getpid()}-{next(_numbers)}",
    )
    try:
        if is_served:
            async with serving(market, interceptors):
                yield market
        else:
            yield market
        # Apart from the engine whose statements some tests count.
        apart = connect(database_url)
        assert await unwritable(apart) == []
        await apart.dispose()
    finally:
        gateway.close()
        tracking.close()
        shipping.close()
        await engine.dispose()


@asynccontextmanager
async def serving(
    market: Marketplace,
    interceptors: Sequence[Interceptor] = (),
    workflows: Sequence[type] = ALL,
) -> AsyncGenerator[None]:
    """Run a worker for the marketplace; leaving it is a clean stop."""
    rates = EcbRates(market.world.place.ecb_base)
    addresses = SealedAddresses(market.engine, market.vault)
    steps = [
        *activities(market.database, market.gateway, market.tracking, rates),
        *carriage(market.database, market.shipping, market.tracking, addresses, rates),
        *of_banks(market.database, market.gateway, SealedPapers(market.engine, market.vault)),
    ]
    async with worker(
        market.client,
        steps,
        task_queue=market.task_queue,
        interceptors=interceptors,
        workflows=workflows,
    ):
        yield
    await rates.close()
