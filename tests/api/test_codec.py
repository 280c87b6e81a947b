"""The codec endpoint: plain text for those who may read it, and for nobody else."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, Header, HTTPException
from google.protobuf.json_format import MessageToDict
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import WorkflowSerializationContext

from api.routers.codec import codec_router
from persistence.vault import Vault
from runtime.codec import CaravanCodec
from runtime.embedded import LocalPostgres
from runtime.keyring import KeyRing
from tests.support.vaults import key_tables

UI = "http://127.0.0.1:8233"
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"Lindenstrasse"')
CAPABILITY = "c" * 43


@pytest.fixture(scope="module")
async def engine(postgres: LocalPostgres, template_database: str) -> AsyncIterator[AsyncEngine]:
    async with key_tables(postgres, template_database) as engine:
        yield engine


@pytest.fixture(scope="module")
def vault(engine: AsyncEngine) -> Vault:
    return Vault(engine, KeyRing.generate())


def _operators_only(authorization: Annotated[str, Header()] = "") -> None:
    if authorization != "Bearer operator":
        raise HTTPException(401, "No operator.")


def _browser(vault: Vault, capability: str | None) -> httpx2.AsyncClient:
    app = FastAPI()
    app.include_router(codec_router(CaravanCodec(vault), _operators_only, [UI], capability))
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://api", headers={"Origin": UI}
    )


@pytest.fixture
async def browser(vault: Vault) -> AsyncIterator[httpx2.AsyncClient]:
    """A production API, asked by Temporal's UI."""
    async with _browser(vault, None) as client:
        yield client


@pytest.fixture
async def local(vault: Vault) -> AsyncIterator[httpx2.AsyncClient]:
    """A local API, whose UI knows the capability."""
    async with _browser(vault, CAPABILITY) as client:
        yield client


async def _sealed(vault: Vault, workflow_id: str) -> Mapping[str, object]:
    codec = CaravanCodec(vault).with_context(WorkflowSerializationContext("default", workflow_id))
    return MessageToDict(Payloads(payloads=await codec.encode([CLEAR])))


def _data(answer: httpx2.Response) -> bytes:
    return base64.b64decode(answer.json()["payloads"][0]["data"])


async def test_an_operator_reads_plain_text(browser: httpx2.AsyncClient, vault: Vault) -> None:
    """Whoever has to help with an order must be able to understand it in the UI."""
    answer = await browser.post(
        "/codec/decode",
        json=await _sealed(vault, "order/1"),
        headers={"Authorization": "Bearer operator", "X-Namespace": "default"},
    )

    assert answer.status_code == 200
    assert _data(answer) == CLEAR.data
    assert answer.headers["access-control-allow-origin"] == UI


async def test_nobody_else_reads_anything(browser: httpx2.AsyncClient, vault: Vault) -> None:
    """The endpoint opens every history there is."""
    answer = await browser.post("/codec/decode", json=await _sealed(vault, "order/1"))

    assert answer.status_code == 401
    assert b"Linden" not in answer.content
    # Without it the UI could not even show why.
    assert answer.headers["access-control-allow-origin"] == UI


async def test_the_ui_may_ask_whether_it_may_ask(browser: httpx2.AsyncClient) -> None:
    """A browser sends no token along with a preflight; all that it will send must be allowed."""
    sent = {"authorization", "authorization-extras", "content-type", "x-namespace"}
    answer = await browser.options(
        "/codec/decode",
        headers={
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": ",".join(sorted(sent)),
        },
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == UI
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert sent <= set(allowed.split(", "))


async def test_another_page_may_not(browser: httpx2.AsyncClient) -> None:
    """A page that an operator happens to open must not read orders with their token."""
    answer = await browser.options(
        "/codec/decode",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )

    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


async def test_the_local_ui_reads_by_its_capability(
    local: httpx2.AsyncClient, vault: Vault
) -> None:
    """The development server's UI sends no token."""
    answer = await local.post(f"/codec/{CAPABILITY}/decode", json=await _sealed(vault, "order/2"))

    assert _data(answer) == CLEAR.data


async def test_a_guessed_capability_is_nothing(local: httpx2.AsyncClient, vault: Vault) -> None:
    """Other programs on the machine can reach the port, too."""
    answer = await local.post(f"/codec/{CAPABILITY[:-1]}d/decode", json=await _sealed(vault, "o"))

    assert answer.status_code == 404


async def test_production_knows_no_capability(browser: httpx2.AsyncClient, vault: Vault) -> None:
    """A path that opens everything must not exist where it is not meant."""
    answer = await browser.post(f"/codec/{CAPABILITY}/decode", json=await _sealed(vault, "o"))

    assert answer.status_code == 404


async def test_an_erased_person_is_shown_as_erased(local: httpx2.AsyncClient, vault: Vault) -> None:
    """The history stays readable as far as anything is left of it."""
    await vault.bind("order/erased", "maria")
    sealed = await _sealed(vault, "order/erased")
    await vault.erase("maria")

    answer = await local.post(f"/codec/{CAPABILITY}/decode", json=sealed)

    assert _data(answer) == b'"(erased)"'


@pytest.mark.parametrize("body", [{"payloads": 7}, {"payloads": [{"data": 7}]}])
async def test_nonsense_is_refused(local: httpx2.AsyncClient, body: Mapping[str, object]) -> None:
    """A wrong body is the caller's fault and must not look like ours."""
    answer = await local.post(f"/codec/{CAPABILITY}/decode", json=body)

    assert answer.status_code == 422


async def test_a_foreign_payload_is_refused(local: httpx2.AsyncClient, vault: Vault) -> None:
    """A history of another installation cannot be read here, and says so."""
    foreign = Payload(
        metadata={"encoding": b"binary/encrypted", "key-id": b"theirs", "compression": b"none"},
        data=b"x" * 40,
    )

    answer = await local.post(
        f"/codec/{CAPABILITY}/decode", json=MessageToDict(Payloads(payloads=[foreign]))
    )

    assert answer.status_code == 422
    assert "this installation" in answer.json()["detail"]
