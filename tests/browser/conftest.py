"""A browser, and a market on a real port with an order in every state for it to look at."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from domain.actors import Role
from runtime.child import free_port
from runtime.embedded import LocalPostgres, LocalTemporal
from tests.support.market import Market, a_seller, open_market
from tests.support.sandbox import SandboxProcess, SandboxWorld
from tests.support.scenes import Scenes

PICTURES: Final = Path("out/console")
_ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
# Four ways to look: everything has to be good in each.
FORMS: Final[dict[str, dict[str, Any]]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "contrast": {"contrast": "more", "viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True},
}
Open = Callable[..., AbstractAsyncContextManager[Page]]


@dataclass(frozen=True)
class Shop:
    """A market that browsers reach, and the hands that play the rest of the world."""

    address: str
    market: Market
    scenes: Scenes


@pytest.fixture(scope="session")
async def shop(
    postgres: LocalPostgres,
    temporal: LocalTemporal,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Shop]:
    """Everything behind a page, with an order of each kind."""
    url = await postgres.create_database("browser", template_database)
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    await asyncio.to_thread(process.start)
    port, keys = free_port(), tmp_path_factory.mktemp("keys")
    address = f"http://127.0.0.1:{port}"
    async with (
        SandboxWorld(process.place) as world,
        open_market(url, keys, temporal.address, process.place, address=address) as market,
        market.working(),
        _served(market, port),
    ):
        await (await market.service()).post("/v1/sellers", a_seller("s-1"))
        scenes = Scenes(market, world)
        await scenes.all()
        yield Shop(address, market, scenes)
    await asyncio.to_thread(process.stop)
    await postgres.drop_database("browser")


@asynccontextmanager
async def _served(market: Market, port: int) -> AsyncGenerator[None]:
    config = uvicorn.Config(market.app, port=port, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await serving


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser that the system has."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=list(_ARGUMENTS)
        )
        yield opened
        await opened.close()


@pytest.fixture
async def open_page(shop: Shop, browser: Browser) -> Open:
    """A function that signs somebody in; at its end, nothing may have gone wrong in the page."""

    @asynccontextmanager
    async def opened(
        role: Role,
        name: str,
        form: str = "light",
        refused: str = "",
        **more: Any,  # noqa: ANN401 - Playwright's own
    ) -> AsyncGenerator[Page]:
        options = {"locale": "en-GB", "timezone_id": "Europe/Berlin", **FORMS[form], **more}
        context = await browser.new_context(base_url=shop.address, **options)
        page = await context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: _asks_here(wrong, shop.address, asked.url))
        await page.goto("/console/")
        await page.click(f'a[href*="role={role}&subject={name}"]')
        await page.wait_for_load_state()
        yield page
        await context.close()

        # A browser complains of each answer that is a refusal, also of the one that was meant.
        assert [one for one in wrong if not refused or refused not in one] == []

    return opened


def _asks_here(wrong: list[str], address: str, url: str) -> None:
    if not url.startswith((f"{address}/", "data:")):
        wrong.append(f"asks another host: {url}")
