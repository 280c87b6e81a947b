"""One sandbox world for all contracts, and each provider's adapter, seen through its port."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest

from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.logistics.port import ShippingProvider, TrackingProvider
from adapters.notification.port import Post
from adapters.notification.smtp import SmtpPost
from adapters.payment.port import PaymentGateway
from adapters.payment.stripe import StripeGateway
from runtime.child import free_port
from tests.support.sandbox import (
    EASYPOST_SECRET,
    STRIPE_SECRET,
    SandboxPlace,
    SandboxProcess,
    SandboxWorld,
)

_USUAL: Final[dict[str, Any]] = {
    "auto_refunds": True,
    "auto_payouts": True,
    "overdraw": True,
    "search_lag": 0,
    "wallet": 100_000_000,
    "postage_currency": "USD",
    "pickup_fee": 0,
    "auto_voids": True,
}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPlace]:
    """Where the sandbox of this room listens."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox")).start()
    yield process.place
    process.stop()


@pytest.fixture
async def world(place: SandboxPlace) -> AsyncIterator[SandboxWorld]:
    """The hands that play the world; it is faultless before and after."""
    async with SandboxWorld(place) as world:
        await world.clear_faults()
        await world.change(**_USUAL)
        yield world
        await world.clear_faults()
        await world.change(**_USUAL)


@pytest.fixture(params=["stripe"])
def gateway(place: SandboxPlace, world: SandboxWorld) -> Iterator[PaymentGateway]:
    """Each payment provider; a new adapter is added here and has to keep the whole contract."""
    stripe = StripeGateway("sk_test_contract", STRIPE_SECRET, place.stripe_base, timeout_seconds=2)
    yield stripe
    stripe.close()


@pytest.fixture(params=["stripe"])
def unreachable() -> Iterator[PaymentGateway]:
    """Each payment provider, at an address where nobody listens."""
    stripe = StripeGateway("sk_test_x", STRIPE_SECRET, f"http://127.0.0.1:{free_port()}")
    yield stripe
    stripe.close()


@pytest.fixture(params=["easypost"])
def tracking(place: SandboxPlace, world: SandboxWorld) -> Iterator[TrackingProvider]:
    """Each tracking provider."""
    easypost = EasyPostTracking("EZTK_contract", EASYPOST_SECRET, place.easypost_base)
    yield easypost
    easypost.close()


@pytest.fixture(params=["easypost"])
def unreachable_tracking() -> Iterator[TrackingProvider]:
    """Each tracking provider, at an address where nobody listens."""
    easypost = EasyPostTracking("EZTK_x", EASYPOST_SECRET, f"http://127.0.0.1:{free_port()}/v2")
    yield easypost
    easypost.close()


@pytest.fixture(params=["easypost"])
def shipping(place: SandboxPlace, world: SandboxWorld) -> Iterator[ShippingProvider]:
    """Each provider of labels and couriers."""
    easypost = EasyPostShipping("EZTK_contract", place.easypost_base, timeout_seconds=2)
    yield easypost
    easypost.close()


@pytest.fixture(params=["easypost"])
def unreachable_shipping() -> Iterator[ShippingProvider]:
    """Each provider of labels and couriers, at an address where nobody listens."""
    easypost = EasyPostShipping("EZTK_x", f"http://127.0.0.1:{free_port()}/v2")
    yield easypost
    easypost.close()


@pytest.fixture(params=["smtp"])
def post(place: SandboxPlace, world: SandboxWorld) -> Post:
    """Each way of sending letters."""
    return SmtpPost("127.0.0.1", place.smtp_port, "Shop <post@shop.example>", starttls=False)


@pytest.fixture(params=["smtp"])
def unreachable_post() -> Post:
    """Each way of sending letters, at an address where nobody listens."""
    return SmtpPost("127.0.0.1", free_port(), "post@shop.example", starttls=False)
