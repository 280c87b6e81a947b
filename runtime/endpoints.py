"""Endpoints of outgoing webhooks: registered, changed, given another secret, tested."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.notification.port import Hooks
from domain.errors import AddressRefused, IllegalTransition, LimitReached
from domain.webhooks import MOST_ENDPOINTS, TEST
from persistence import endpoints, hooks
from persistence.endpoints import Endpoint, subject_of
from persistence.hooks import Delivery
from persistence.vault import Vault

_SECRET_BYTES: Final = 32
# For a caller whose connection broke before the answer came: the same request shows it again.
_SHOWN_AGAIN_FOR: Final = timedelta(minutes=10)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Wish:
    """What an endpoint is to be; None leaves it as it is."""

    url: str | None = None
    description: str | None = None
    kinds: Sequence[str] | None = None
    is_enabled: bool | None = None


class Endpoints:
    """Everything about endpoints but the calls themselves.

    A secret is sealed under a key of the endpoint's own, which dies with it; it is shown to the
    request that made it, and to nobody afterwards.
    """

    def __init__(self, vault: Vault, caller: Hooks) -> None:
        """Seal with *vault*; *caller* says which addresses may be called."""
        self._vault = vault
        self._caller = caller

    async def register(self, db: AsyncConnection, wanted: Endpoint) -> tuple[Endpoint, int]:
        """Put an endpoint on record with its first secret; returns it and the secret's number.

        Raises `AddressRefused` and `LimitReached`.
        """
        self._must_be_callable(wanted.url)
        if await endpoints.count(db, wanted.owner) >= MOST_ENDPOINTS:
            raise LimitReached(
                f"there are {MOST_ENDPOINTS} endpoints already: remove one", limit=MOST_ENDPOINTS
            )
        await endpoints.add(db, wanted)
        number = await self._add_secret(db, wanted.id, timedelta())
        log.info("webhook_endpoint.registered", endpoint=wanted.id, owner=wanted.owner)
        return await endpoints.found(db, wanted.id), number

    async def change(
        self, db: AsyncConnection, before: Endpoint, version: int, wish: Wish
    ) -> Endpoint:
        """Change an endpoint that still is as its reader saw it. Enabling forgives its failures.

        Raises `VersionConflict` and `AddressRefused`.
        """
        if wish.url is not None:
            self._must_be_callable(wish.url)
        values = {name: value for name, value in vars(wish).items() if value is not None}
        if wish.is_enabled and not before.is_enabled:
            values |= {"disabled_because": "", "failing_since": None}
        if values:
            await endpoints.change(db, before.id, version, values)
        if wish.is_enabled:
            await endpoints.cleared(db, before.id)
        elif wish.is_enabled is False:
            await endpoints.skip(db, before.id)
        log.info("webhook_endpoint.changed", endpoint=before.id, changed=sorted(values))
        return await endpoints.found(db, before.id)

    async def rotate(self, db: AsyncConnection, endpoint: Endpoint, keep: timedelta) -> int:
        """Sign with a new secret, and with the old one for *keep*; returns the new one's number."""
        number = await self._add_secret(db, endpoint.id, keep)
        log.info("webhook_secret.rotated", endpoint=endpoint.id, number=number)
        return number

    async def shown(self, db: AsyncConnection, endpoint: str, number: int) -> str | None:
        """A secret in clear, for the one who has just made it; None when that is long ago."""
        sealed = await endpoints.new_secret(db, endpoint, number, _SHOWN_AGAIN_FOR)
        if sealed is None:
            return None
        return (await self._vault.open(subject_of(endpoint), sealed)).decode()

    async def remove(self, db: AsyncConnection, endpoint: Endpoint) -> None:
        """Forget an endpoint and all that it was told, and destroy its key: no backup opens it.

        All of it or nothing: once the endpoint is gone, nobody could ask for the rest again.
        """
        await endpoints.remove(db, endpoint.id)
        await self._vault.erase_within(db, subject_of(endpoint.id))
        log.info("webhook_endpoint.removed", endpoint=endpoint.id)

    async def test(
        self, db: AsyncConnection, endpoint: Endpoint, mark: str, at: datetime
    ) -> Delivery:
        """Queue an event that means nothing, so that its owner sees whether it arrives."""
        must_be_enabled(endpoint)
        subject = subject_of(endpoint.id)
        return await hooks.add(db, endpoint.id, f"evt_test_{mark}", subject, TEST, at)

    async def _add_secret(self, db: AsyncConnection, endpoint: str, keep: timedelta) -> int:
        clear = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        sealed = await self._vault.seal(subject_of(endpoint), clear.encode())
        return await endpoints.add_secret(db, endpoint, sealed, keep)

    def _must_be_callable(self, url: str) -> None:
        objection = self._caller.objection(url)
        if objection:
            raise AddressRefused(f"the address cannot be called: {objection}")


def must_be_enabled(endpoint: Endpoint) -> None:
    """Nothing is delivered to an endpoint that is disabled (`IllegalTransition`)."""
    if not endpoint.is_enabled:
        raise IllegalTransition(
            f"webhook endpoint {endpoint.id} is disabled: enable it first", endpoint=endpoint.id
        )
