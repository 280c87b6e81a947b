"""Outgoing webhooks on their way to the endpoints that asked for them."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.notification.port import Call, Heard, Hooks
from domain import webhooks
from domain.errors import NotKnown
from persistence import endpoints, hooks
from persistence.endpoints import subject_of
from persistence.hooks import Attempt, Delivery
from persistence.outages import passes
from persistence.vault import Erased, Vault
from runtime.envelope import envelope
from runtime.relay.lane import DELIVERED, Job

# Longer than an endpoint may take, with all that is done around the call.
_LEASE: Final = timedelta(seconds=60)
_PER_ENDPOINT: Final = 2
_KEPT: Final = timedelta(days=30)
_PRUNE_SECONDS: Final = 3600.0
_GONE: Final = 410
_GOOD: Final = range(200, 300)
log = structlog.get_logger(__name__)


class OutgoingHooks:
    """Calls endpoints, at least once per event, and keeps how each attempt went.

    A relay that died between a call and its record calls again under the same id. An endpoint
    hears of one subject in order for as long as nothing was given up.
    """

    name = "webhooks"

    def __init__(
        self,
        engine: AsyncEngine,
        vault: Vault,
        caller: Hooks,
        source: str,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """*source* is where this API is reached from outside; *chance* spreads repetitions."""
        self._engine = engine
        self._vault = vault
        self._caller = caller
        self._source = source
        self._chance = chance
        self._busy: Counter[str] = Counter()
        self._pruned_at = float("-inf")

    async def take(self, limit: int, subject: str | None = None) -> Sequence[Job]:
        """Take the first delivery of some lines, a few per endpoint."""
        busy = [name for name, count in self._busy.items() if count >= _PER_ENDPOINT]
        async with self._engine.begin() as db:
            await self._prune(db)
            taken = await hooks.take(
                db, limit, _LEASE, busy=busy, per_endpoint=_PER_ENDPOINT, subject=subject
            )
        return [partial(self._job, delivery) for delivery in taken]

    async def pending(self, subject: str | None = None) -> int:
        """How many deliveries wait."""
        async with self._engine.connect() as db:
            return await hooks.pending(db, subject)

    async def _job(self, delivery: Delivery) -> None:
        self._busy[delivery.endpoint] += 1
        try:
            await self._deliver(delivery)
        finally:
            self._busy[delivery.endpoint] -= 1
            self._busy += Counter()

    async def _deliver(self, delivery: Delivery) -> None:
        at = datetime.now(UTC)
        try:
            heard = await self._called(delivery)
        except (NotKnown, Erased):
            # Removed meanwhile: there is nobody to tell, and no log to write to.
            return
        except Exception as failure:
            log.exception("webhook.failed", delivery=delivery.seq)
            if passes(failure):
                # Nobody was called: the lease runs out, and no attempt of the endpoint's is used.
                return
            heard = Heard(None, 0, error=type(failure).__name__)
        is_good = heard.status is not None and heard.status in _GOOD
        error = heard.error or ("" if is_good else f"answered {heard.status}")
        attempt = Attempt(at, heard.status, heard.ms, heard.excerpt, error)
        if is_good:
            async with self._engine.begin() as db:
                await hooks.reached(db, delivery, attempt)
            self._account(delivery, attempt, "delivered")
            return
        await self._missed(delivery, attempt)

    async def _called(self, delivery: Delivery) -> Heard:
        async with self._engine.connect() as db:
            endpoint = await endpoints.found(db, delivery.endpoint)
            sealed = await endpoints.secrets(db, delivery.endpoint)
        key = subject_of(delivery.endpoint)
        secrets = [(await self._vault.open(key, one.sealed)).decode() for one in sealed]
        body = envelope(delivery, self._source, endpoint.owner)
        return await self._caller.call(Call(endpoint.url, delivery.event, body, secrets))

    async def _missed(self, delivery: Delivery, attempt: Attempt) -> None:
        is_gone = attempt.status == _GONE
        wait = webhooks.wait_after(delivery.attempts + 1, self._chance())
        if is_gone:
            wait = None
        async with self._engine.begin() as db:
            await hooks.missed(db, delivery, attempt, wait)
            if is_gone:
                await _disable(db, delivery.endpoint, webhooks.GONE)
            elif wait is None and not await hooks.has_reached_since(db, delivery):
                await _disable(db, delivery.endpoint, webhooks.FAILING)
        self._account(delivery, attempt, "given_up" if wait is None else "put_off")

    async def _prune(self, db: AsyncConnection) -> None:
        """Forget, now and then, what was settled long ago."""
        if time.monotonic() - self._pruned_at > _PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            await hooks.prune(db, _KEPT)

    def _account(self, delivery: Delivery, attempt: Attempt, result: str) -> None:
        DELIVERED.labels(self.name, result).inc()
        log.info(
            "webhook.handled",
            result=result,
            endpoint=delivery.endpoint,
            delivery=delivery.seq,
            event_id=delivery.event,
            status=attempt.status,
            ms=attempt.ms,
            error=attempt.error,
        )


async def _disable(db: AsyncConnection, endpoint: str, because: str) -> None:
    await endpoints.disable(db, endpoint, because, webhooks.WHY[because])
    log.warning("webhook_endpoint.disabled", endpoint=endpoint, because=because)
