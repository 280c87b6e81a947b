"""The API as callers meet it: over ASGI, with a real database, Temporal, issuer and provider."""

import hashlib
import itertools
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx2
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Receive, Scope, Send
from temporalio.client import Client

from adapters.files.objects import ObjectFiles
from adapters.files.scanner import Clamd, NoScanner
from adapters.fx.ecb import EcbRates
from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.notification.webhook import WebhookCaller
from adapters.payment.stripe import StripeGateway
from api.app import create_app
from api.auth import Doorkeeper, FixedKeys
from api.console.app import create_console
from api.console.issuer import development_sign_in
from api.deps import Services
from api.limits import RateLimit
from domain.actors import Role
from persistence.carriage.addresses import SealedAddresses
from persistence.chargebacks.papers import SealedPapers
from persistence.database import SqlDatabase
from persistence.engine import connect
from persistence.vault import Vault
from runtime import wiring
from runtime.child import free_port
from runtime.codec import data_converter
from runtime.desk import Desk
from runtime.endpoints import Endpoints
from runtime.evidence import Evidence
from runtime.intake import Intake
from runtime.issuer import DEVELOPMENT_ISSUER, DevelopmentIssuer
from runtime.keyring import KeyRing
from runtime.policies import publish_shipped
from runtime.rates import Rates
from runtime.temporal import register_search_attributes
from runtime.wakeups import Wakeups
from tests.support.sandbox import EASYPOST_SECRET, STRIPE_SECRET, SandboxPlace

Json: TypeAlias = dict[str, Any]
SERVICE_KEY: Final = "csk_checkout_of_the_tests"
_numbers = itertools.count(1)


class SetClock:
    """The edge's clock: the machine's own until a test sets it."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def now(self, subject: str) -> datetime:
        return self.at or datetime.now(UTC)


@dataclass
class Market:
    """One API and everything behind it, with a caller for each role."""

    app: FastAPI
    services: Services
    issuer: DevelopmentIssuer
    clock: SetClock
    task_queue: str
    payments: StripeGateway
    tracking: EasyPostTracking
    rates: EcbRates
    shipping: EasyPostShipping
    stack: AsyncExitStack = field(repr=False)

    async def without_temporal(self) -> "Market":
        """The same API and database at a time when Temporal cannot be reached."""
        client = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
        use = self.services
        desk = Desk(use.engine, use.vault, client, self.task_queue, patience=1)
        services = replace(use, desk=desk, temporal=client)
        return replace(self, services=services, app=create_app(services))

    async def anonymous(self) -> httpx2.AsyncClient:
        """Somebody without a token."""
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx2.AsyncClient(transport=transport, base_url="http://caravan.test")
        return await self.stack.enter_async_context(client)

    async def caller(self, role: Role, name: str = "", seller: str = "") -> "Person":
        """Somebody with a token of the issuer; *seller*: whose staff they are."""
        client = await self.anonymous()
        token = self.issuer.mint(role, name or f"{role}-1", seller=seller)
        client.headers["Authorization"] = f"Bearer {token}"
        return Person(client)

    async def service(self) -> "Person":
        """A service with its key."""
        client = await self.anonymous()
        client.headers["Authorization"] = f"Bearer {SERVICE_KEY}"
        return Person(client)

    async def temporal(self) -> Client:
        """A client that is connected, as a worker needs it."""
        return await Client.connect(
            self.services.temporal.service_client.config.target_host,
            data_converter=data_converter(self.services.vault),
        )

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Run a worker with the real steps while inside."""
        client = await self.temporal()
        await register_search_attributes(client)
        database = SqlDatabase(self.services.engine)
        addresses = self.services.addresses
        steps = [
            *wiring.activities(database, self.payments, self.tracking, self.rates),
            *wiring.carriage(database, self.shipping, self.tracking, addresses, self.rates),
            *wiring.of_banks(
                database,
                self.payments,
                SealedPapers(self.services.engine, self.services.vault),
            ),
        ]
        async with wiring.worker(client, steps, task_queue=self.task_queue):
            yield


class Person:
    """A caller; every POST has a key of its own unless the test names one."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def post(self, path: str, body: object = None, key: str = "") -> httpx2.Response:
        headers = {"Idempotency-Key": key or f"test-{next(_numbers)}"}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str, **query: str | int) -> httpx2.Response:
        return await self.client.get(path, params=query or None)

    async def patch(self, path: str, body: object, version: int) -> httpx2.Response:
        return await self.client.patch(path, json=body, headers={"If-Match": f'"{version}"'})


def an_order(order: str | None = None, **changed: object) -> Json:
    """The body of an order."""
    body: Json = {
        "seller": "s-1",
        "currency": "EUR",
        "lines": [{"product": "p-7", "category": "phones", "price": 19900, "freight": 500}],
        "ship_to": {"country": "DE", "city": "Hamburg", "name": "A. Buyer", "street": "Kai 4"},
    }
    if order is not None:
        body["order"] = order
    return body | changed


def a_seller(seller: str, **changed: object) -> Json:
    """The body of a seller's registration."""
    return {"seller": seller, "account": "acct_1", "country": "CN"} | changed


@asynccontextmanager
async def open_market(
    url: str,
    keys: Path,
    temporal: str = "",
    place: SandboxPlace | None = None,
    rate: RateLimit | None = None,
    *,
    publishes: bool = True,
    address: str = "http://caravan.test",
) -> AsyncGenerator[Market]:
    """Open an API over the database at *url*; what is not named is an address of nobody.

    The console's visitors come to *address*, and sign in there at the development issuer.
    """
    nobody = SandboxPlace(free_port(), free_port(), free_port())
    world = place or nobody
    clock = SetClock()
    issuer = DevelopmentIssuer.open(keys / "issuer.pem", profile="local")
    task_queue = f"tests-{os.getpid()}-{next(_numbers)}"
    async with AsyncExitStack() as stack:
        payments, tracking, rates, shipping = _outside(world, stack)
        engine = connect(url)
        stack.push_async_callback(engine.dispose)
        vault = Vault(engine, KeyRing.generate())
        addresses = SealedAddresses(engine, vault)
        client = await Client.connect(
            temporal or f"127.0.0.1:{nobody.port}", data_converter=data_converter(vault), lazy=True
        )
        wakeups = Wakeups(engine)
        stack.push_async_callback(wakeups.close)
        hooks = WebhookCaller()
        stack.push_async_callback(hooks.close)
        services = Services(
            engine=engine,
            vault=vault,
            addresses=addresses,
            desk=Desk(engine, vault, client, task_queue, patience=12 if temporal else 1),
            temporal=client,
            doorkeeper=_doorkeeper(issuer),
            intake=Intake(engine, vault, payments, tracking, clock),
            payments=payments,
            rates=Rates(shipping, addresses),
            wakeups=wakeups,
            endpoints=Endpoints(vault, hooks),
            evidence=_evidence(engine, vault, keys, place),
            clock=clock,
            rate=rate or RateLimit(1000, 10_000),
        )
        if publishes:
            await publish_shipped(engine, clock.now("policies"))
        app = _with_console(services, issuer, address, stack)
        yield Market(
            app, services, issuer, clock, task_queue, payments, tracking, rates, shipping, stack
        )


def _evidence(
    engine: AsyncEngine, vault: Vault, keys: Path, place: SandboxPlace | None
) -> Evidence:
    """Files in a folder, looked into by the sandbox's scanner where there is one."""
    files = ObjectFiles((keys / "files").as_uri())
    scanner = Clamd("127.0.0.1", place.scanner_port) if place else NoScanner()
    return Evidence(engine, vault, files, scanner)


def _outside(
    world: SandboxPlace, stack: AsyncExitStack
) -> tuple[StripeGateway, EasyPostTracking, EcbRates, EasyPostShipping]:
    """The providers' clients, closed with the *stack*."""
    payments = StripeGateway("sk_test_sandbox", STRIPE_SECRET, world.stripe_base)
    tracking = EasyPostTracking("EZTK_sandbox", EASYPOST_SECRET, world.easypost_base)
    rates = EcbRates(world.ecb_base)
    shipping = EasyPostShipping("EZTK_sandbox", world.easypost_base)
    stack.callback(payments.close)
    stack.callback(shipping.close)
    stack.callback(tracking.close)
    stack.push_async_callback(rates.close)
    return payments, tracking, rates, shipping


def _doorkeeper(issuer: DevelopmentIssuer) -> Doorkeeper:
    hashed = hashlib.sha256(SERVICE_KEY.encode()).hexdigest()
    keys = FixedKeys(issuer.jwks())
    return Doorkeeper(keys, DEVELOPMENT_ISSUER, "caravan", [f"checkout:{hashed}"])


def _with_console(
    services: Services, issuer: DevelopmentIssuer, address: str, stack: AsyncExitStack
) -> FastAPI:
    async def itself(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(itself))
    stack.push_async_callback(http.aclose)
    sign_in = development_sign_in(issuer, address, http)
    console = create_console(services, sign_in, "http://temporal.test", issuer)
    app = create_app(services, console=console)
    return app
