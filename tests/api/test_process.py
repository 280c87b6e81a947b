"""The API as a process: it starts without Temporal, says what is wrong, and ends in order."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from domain.actors import Role
from runtime.child import free_port
from runtime.issuer import DEVELOPMENT_ISSUER, DevelopmentIssuer
from runtime.keyring import KeyRing
from tests.support.market import a_seller, an_order


def environment(database_url: str, folder: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "CARAVAN_PROFILE": "local",
        "DATABASE_URL": database_url,
        "CARAVAN_TEMPORAL__ADDRESS": f"127.0.0.1:{free_port()}",
        "CARAVAN_PAYMENT__API_KEY": "sk_test_x",
        "CARAVAN_PAYMENT__WEBHOOK_SECRET": "whsec_x",
        "CARAVAN_LOGISTICS__API_KEY": "EZTK_x",
        "CARAVAN_LOGISTICS__WEBHOOK_SECRET": "x",
        "CARAVAN_MAIL__HOST": "127.0.0.1",
        "CARAVAN_MAIL__SENDER": "caravan@example.com",
        "CARAVAN_AUTH__ISSUER": DEVELOPMENT_ISSUER,
        "CARAVAN_AUTH__DEVELOPMENT_KEY_FILE": str(folder / "issuer.pem"),
        "CARAVAN_KEYS__RING": KeyRing.generate().dump(),
        "CARAVAN_API__PORT": str(port),
    }


@asynccontextmanager
async def running(
    named: Mapping[str, str], log: Path
) -> AsyncGenerator[asyncio.subprocess.Process]:
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api", env=dict(named), stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answering(http: httpx2.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(30):
        while process.returncode is None:
            try:
                (await http.get("/livez")).raise_for_status()
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_it_starts_and_takes_orders_while_temporal_is_away(
    database_url: str, tmp_path: Path
) -> None:
    """A shop must not close because something behind it restarts; told to stop, it stops."""
    port = free_port()
    issuer = DevelopmentIssuer.open(tmp_path / "issuer.pem", profile="local")
    headers = {"Authorization": f"Bearer {issuer.mint(Role.SERVICE, 'checkout')}"}
    log = tmp_path / "api.log"
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as http,
        running(environment(database_url, tmp_path, port), log) as process,
    ):
        await answering(http, process)
        policies = await http.get("/v1/policies")
        seller = await http.post(
            "/v1/sellers", json=a_seller("s-1"), headers={"Idempotency-Key": "1"}
        )
        order = await http.post(
            "/v1/orders", json=an_order(buyer="b-1"), headers={"Idempotency-Key": "2"}, timeout=20
        )
        process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(process.wait(), 15)

    assert {item["name"] for item in policies.json()["items"]} == {
        "demo",
        "fast-release",
        "standard",
    }
    assert seller.status_code == 201
    assert order.status_code == 202
    assert status == 0
    assert "api.stopped" in log.read_text()
    assert "Hamburg" not in log.read_text()


async def test_a_missing_setting_ends_it_with_a_sentence(tmp_path: Path) -> None:
    """A traceback tells an operator nothing."""
    log = tmp_path / "api.log"
    async with running({"PATH": os.environ["PATH"]}, log) as process:
        status = await asyncio.wait_for(process.wait(), 30)

    assert status == 2
    assert "CARAVAN_" in log.read_text()
    assert "Traceback" not in log.read_text()
