"""What a process opens at its start, so that nothing in it waits for itself."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.exc import NoResultFound

from persistence.engine import POOLED
from runtime.keyring import KeyRing
from runtime.settings import Settings
from runtime.wiring import services


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Settings:
    told = {
        "DATABASE_URL": database_url,
        "CARAVAN_KEYS__RING": KeyRing.generate().dump(),
        "CARAVAN_PAYMENT__API_KEY": "sk_test_1",
        "CARAVAN_PAYMENT__WEBHOOK_SECRET": "whsec_1",
        "CARAVAN_LOGISTICS__API_KEY": "EZTK1",
        "CARAVAN_LOGISTICS__WEBHOOK_SECRET": "secret",
        "CARAVAN_MAIL__HOST": "127.0.0.1",
        "CARAVAN_MAIL__SENDER": "shop@caravan.test",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


async def test_a_key_is_at_hand_though_every_connection_is_in_use(settings: Settings) -> None:
    """Those who hold them may all be waiting for a key, to seal what they are about to write."""
    async with services(settings) as use, AsyncExitStack() as held:
        everyone = [await held.enter_async_context(use.engine.begin()) for _ in range(2 * POOLED)]
        async with asyncio.timeout(10):
            sealed = await use.vault.seal("b-1", b"Kai 4")

            with pytest.raises(NoResultFound):
                await use.addresses.of_seller("s-none")

        assert len(everyone) == use.engine.pool.checkedout()  # type: ignore[attr-defined]  # of a queue
        assert await use.vault.open("b-1", sealed) == b"Kai 4"
