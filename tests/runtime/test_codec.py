"""The codec, through a real server: nothing in clear, a key per execution, and erasure."""

import uuid
from collections.abc import AsyncIterator

import pytest
from google.protobuf.json_format import MessageToJson
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import Replayer, Worker

from persistence.vault import Erased, Vault
from runtime.codec import ENCODING, CaravanCodec, data_converter
from runtime.embedded import LocalPostgres, LocalTemporal
from runtime.keyring import KeyRing
from tests.support.confession import Confession, Secret, fail, hear
from tests.support.vaults import key_tables

WORD = "Lindenstrasse"


@pytest.fixture(scope="module")
async def engine(postgres: LocalPostgres, template_database: str) -> AsyncIterator[AsyncEngine]:
    async with key_tables(postgres, template_database) as engine:
        yield engine


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing.generate("a")


@pytest.fixture(scope="module")
def vault(engine: AsyncEngine, ring: KeyRing) -> Vault:
    return Vault(engine, ring)


@pytest.fixture(scope="module")
async def client(temporal: LocalTemporal, vault: Vault) -> Client:
    return await Client.connect(temporal.address, data_converter=data_converter(vault))


@pytest.fixture(scope="module")
async def queue(client: Client) -> AsyncIterator[str]:
    """The queue of a worker that reads and writes through the codec."""
    name = f"codec-{uuid.uuid4().hex[:8]}"
    async with Worker(client, task_queue=name, workflows=[Confession], activities=[hear, fail]):
        yield name


async def _confessed(
    client: Client, queue: str, workflow_id: str
) -> WorkflowHandle[Confession, list[Secret]]:
    handle = await client.start_workflow(
        Confession.run,
        Secret(WORD, "start"),
        id=workflow_id,
        task_queue=queue,
        memo={"at-start": f"memo {WORD}"},
        static_summary=f"summary {WORD}",
        static_details=f"details {WORD}",
    )
    await handle.signal(Confession.told, Secret(WORD, "signal"))
    answer = await handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's
        Confession.tell, Secret(WORD, "update")
    )
    assert answer == Secret(WORD, "update-answer")
    return handle


def _raw(history: WorkflowHistory) -> bytes:
    return b"".join(event.SerializeToString() for event in history.events)


async def test_everything_that_is_said_arrives(client: Client, queue: str) -> None:
    """A codec that loses a word loses an order."""
    handle = await _confessed(client, queue, "confession/arrives")

    asked = await handle.query(Confession.known, Secret(WORD, "query"))
    told = await handle.result()
    described = await handle.describe()

    assert asked[-1] == Secret(WORD, "query")
    assert {secret.way for secret in told} == {"start", "signal", "update", "heard", "failure"}
    assert [s.word for s in told if s.way == "failure"] == [
        f"Told: message {WORD} ({{'word': '{WORD}', 'way': 'details'}},)"
    ]
    assert await described.memo() == {"at-start": f"memo {WORD}", "later": f"memo {WORD}"}
    assert await described.static_summary() == f"summary {WORD}"
    assert await described.static_details() == f"details {WORD}"


async def test_nothing_that_is_said_can_be_read_in_the_history(client: Client, queue: str) -> None:
    """Histories lie in somebody else's database for years."""
    handle = await _confessed(client, queue, "confession/silent")
    await handle.result()

    history = await handle.fetch_history()
    raw = _raw(history)
    described = (await handle.describe()).raw_description.SerializeToString()

    assert len(history.events) > 20
    assert raw.count(ENCODING) >= 14
    assert WORD.encode() not in raw
    assert WORD.encode() not in described
    assert WORD not in "".join(MessageToJson(event) for event in history.events)


async def test_an_unencrypted_history_would_be_noticed(temporal: LocalTemporal, queue: str) -> None:
    """The test above proves something only if its way of looking finds what lies open."""
    bare = await Client.connect(temporal.address)
    async with Worker(
        bare, task_queue=f"{queue}-bare", workflows=[Confession], activities=[hear, fail]
    ):
        handle = await _confessed(bare, f"{queue}-bare", "confession/bare")
        await handle.result()

    assert _raw(await handle.fetch_history()).count(WORD.encode()) >= 14


async def test_two_executions_use_two_keys(client: Client, queue: str, vault: Vault) -> None:
    """Else one person could not be erased without the other."""
    handles = [await _confessed(client, queue, f"confession/{name}") for name in "ab"]
    raws = [_raw(await handle.fetch_history()) for handle in handles]
    a, b = [(await vault.key_of(h.id)).key_id.encode() for h in handles]

    assert [a in raw for raw in raws] == [True, False]
    assert [b in raw for raw in raws] == [False, True]


async def test_histories_replay_through_the_codec(
    client: Client, queue: str, engine: AsyncEngine, ring: KeyRing
) -> None:
    """New code is judged by old histories, and those are encrypted."""
    handle = await _confessed(client, queue, "confession/replayed")
    await handle.result()
    written = (await handle.fetch_history()).to_json()

    fresh = data_converter(Vault(engine, ring))
    replayed = await Replayer(workflows=[Confession], data_converter=fresh).replay_workflow(
        WorkflowHistory.from_json(handle.id, written)
    )

    assert replayed.replay_failure is None


async def test_histories_survive_the_rotation_of_the_master_key(
    client: Client, temporal: LocalTemporal, queue: str, engine: AsyncEngine, ring: KeyRing
) -> None:
    """A ring with a newer active key reads what the older one wrapped."""
    handle = await _confessed(client, queue, "confession/rotated")
    await handle.result()

    newer = Vault(engine, ring.rotated("b"))
    later = await Client.connect(temporal.address, data_converter=data_converter(newer))
    told = await later.get_workflow_handle_for(Confession.run, handle.id).result()

    assert Secret(WORD, "signal") in told


async def test_an_erased_person_cannot_be_read_any_more(
    client: Client, temporal: LocalTemporal, queue: str, engine: AsyncEngine, ring: KeyRing
) -> None:
    """Erasure has to reach histories, which nobody can edit."""
    vault = Vault(engine, ring)
    await vault.bind("confession/erased", "maria")
    handle = await _confessed(client, queue, "confession/erased")
    await handle.result()

    await vault.erase("maria")
    later = await Client.connect(temporal.address, data_converter=data_converter(vault))

    with pytest.raises(Erased):
        await later.get_workflow_handle_for(Confession.run, handle.id).result()


async def test_a_reader_is_told_of_the_erasure(vault: Vault) -> None:
    """In Temporal's UI an erased history shows what happened to it instead of an error."""
    await vault.bind("confession/shown", "jose")
    codec = CaravanCodec(vault).with_context(
        WorkflowSerializationContext("default", "confession/shown")
    )
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"x"')
    sealed = await codec.encode([clear])
    assert await codec.show(sealed) == [clear]

    await vault.erase("jose")

    assert [p.data for p in await codec.show(sealed)] == [b'"(erased)"']
    with pytest.raises(Erased):
        await codec.decode(sealed)


@pytest.mark.parametrize(("size", "compressed"), [(10, False), (300, True), (20_000, True)])
async def test_long_payloads_are_compressed(vault: Vault, size: int, *, compressed: bool) -> None:
    """Histories are stored and billed by their size."""
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b"a" * size)

    [sealed] = await CaravanCodec(vault).encode([clear])

    assert (sealed.metadata["compression"] == b"zlib") is compressed
    assert (len(sealed.data) < size) is compressed
    assert await CaravanCodec(vault).decode([sealed]) == [clear]


async def test_what_is_not_encrypted_passes(vault: Vault) -> None:
    """An operator's own tool has no keys, and its signal must still be heard."""
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"x"')

    assert await CaravanCodec(vault).decode([clear]) == [clear]
