"""Outgoing webhooks of a test: endpoints over a real database, events, and a relay of their own."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.notification.webhook import WebhookCaller
from domain.order.state import OrderState
from persistence import endpoints, hooks
from persistence.database import SqlDatabase
from persistence.endpoints import Endpoint
from persistence.engine import connect
from persistence.hooks import Sought
from persistence.port import Event
from persistence.vault import Vault
from runtime.endpoints import Endpoints, Wish
from runtime.keyring import KeyRing
from runtime.relay import Relay
from runtime.relay.hooks import OutgoingHooks

AT: Final = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)
SOURCE: Final = "https://caravan.example/"


@dataclass
class Hooking:
    """Everything that outgoing webhooks need, and the hands that play it."""

    engine: AsyncEngine
    vault: Vault
    caller: WebhookCaller
    endpoints: Endpoints
    versions: dict[str, int] = field(default_factory=dict[str, int])

    def relay(self) -> Relay:
        """A relay with the one lane; any number may run."""
        lane = OutgoingHooks(self.engine, self.vault, self.caller, SOURCE, chance=lambda: 0.5)
        return Relay(self.engine, [lane])

    async def endpoint(self, url: str, *kinds: str, owner: str = "") -> tuple[str, str]:
        """Register an endpoint; returns its id and its secret."""
        name = f"we_{len(self.versions)}{url[-5:]}"
        self.versions[name] = 1
        wanted = Endpoint(
            name, 1, owner, url, "", kinds or ("*",), is_enabled=True, disabled_because="",
            failing_since=None, created_by="service:tests", created_at=AT,
        )  # fmt: skip
        async with self.engine.begin() as db:
            _, number = await self.endpoints.register(db, wanted)
            secret = await self.endpoints.shown(db, name, number)
        assert secret is not None
        return name, secret

    async def rotate(self, name: str, keep: timedelta) -> str:
        """Give an endpoint a new secret; returns it."""
        async with self.engine.begin() as db:
            number = await self.endpoints.rotate(db, await endpoints.found(db, name), keep)
            secret = await self.endpoints.shown(db, name, number)
        assert secret is not None
        return secret

    async def switch(self, name: str, *, on: bool) -> None:
        """Disable or enable an endpoint."""
        async with self.engine.begin() as db:
            before = await endpoints.found(db, name)
            await self.endpoints.change(db, before, before.version, Wish(is_enabled=on))

    async def happened(
        self,
        order: str,
        kind: str = "order.paid",
        *,
        seller: str = "s-1",
        actor: str = "",
        **facts: str | int,
    ) -> None:
        """Let something become true of an order."""
        self.versions[order] = version = self.versions.get(order, 0) + 1
        state = OrderState(order, "b-1", seller, "EUR", 12_300, AT, version=version)
        event = Event(kind, AT + timedelta(seconds=version), actor, facts)
        async with SqlDatabase(self.engine).transaction() as tx:
            await tx.story.tell(state, event)

    async def deliveries(self, name: str) -> list[hooks.Delivery]:
        """What an endpoint was told, the oldest first."""
        async with self.engine.connect() as db:
            return (await hooks.listed(db, name, Sought(), None, 100))[::-1]

    async def found(self, name: str) -> Endpoint:
        """An endpoint as it stands."""
        async with self.engine.connect() as db:
            return await endpoints.found(db, name)

    async def run(self, sql: str, **values: object) -> Sequence[Any]:
        """Run a statement; its rows, if it has any."""
        async with self.engine.begin() as db:
            done = await db.execute(text(sql), values)
            return done.all() if done.returns_rows else ()

    async def wait_is_over(self) -> None:
        """Let every wait between two attempts have passed."""
        await self.run("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'waiting'")


@asynccontextmanager
async def open_hooking(database_url: str, *, patience: float = 5) -> AsyncGenerator[Hooking]:
    """Outgoing webhooks over *database_url*; endpoints on this machine may be called."""
    engine = connect(database_url)
    caller = WebhookCaller(private=True, timeout_seconds=patience)
    vault = Vault(engine, KeyRing.generate())
    try:
        yield Hooking(engine, vault, caller, Endpoints(vault, caller))
    finally:
        await caller.close()
        await engine.dispose()
