"""The vault: one key per execution, whoever asks first, and nothing after an erasure."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from persistence.ciphers import Tampered
from persistence.vault import ConcernsAnother, Erased, KeyUnknown, Vault
from runtime.embedded import LocalPostgres
from runtime.keyring import KeyRing, KeyRingInvalid
from tests.support.vaults import key_tables

_numbers = itertools.count(1)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
async def engine(postgres: LocalPostgres, template_database: str) -> AsyncIterator[AsyncEngine]:
    async with key_tables(postgres, template_database) as engine:
        yield engine


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing.generate("a")


@pytest.fixture
def vault(engine: AsyncEngine, ring: KeyRing) -> Vault:
    return Vault(engine, ring)


@pytest.fixture
def person() -> str:
    return f"buyer-{next(_numbers)}"


@pytest.fixture
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """What the database was asked."""
    asked: list[str] = []

    def note(*args: object) -> None:
        asked.append(str(args[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_an_execution_keeps_its_key(vault: Vault, engine: AsyncEngine, ring: KeyRing) -> None:
    """A history is read by other processes, and years later."""
    key = await vault.key_of("order/keeps")
    other = Vault(engine, ring)

    assert await other.key_of("order/keeps") == key
    assert await other.key_by_id(key.key_id) == key


async def test_two_executions_have_two_keys(vault: Vault) -> None:
    """One leaked or destroyed key concerns one execution."""
    one, two = await vault.key_of("order/one"), await vault.key_of("order/two")

    assert one.key_id != two.key_id
    assert one.secret != two.secret


async def test_all_who_ask_first_get_the_same_key(engine: AsyncEngine, ring: KeyRing) -> None:
    """API, relay and workers meet a new execution at the same moment."""
    vaults = [Vault(engine, ring) for _ in range(12)]

    keys = await asyncio.gather(*(vault.key_of("order/raced") for vault in vaults))

    assert len({key.secret for key in keys}) == 1


async def test_a_known_key_costs_no_query(vault: Vault, statements: list[str]) -> None:
    """Each payload of each step is encoded: a query each would be most of the load."""
    key = await vault.key_of("order/cached")
    statements.clear()

    await vault.key_of("order/cached")
    await vault.key_by_id(key.key_id)

    assert statements == []


async def test_no_key_lies_open_in_the_table(vault: Vault, engine: AsyncEngine) -> None:
    """A copy of the database without the ring must be worthless."""
    await vault.bind("order/wrapped", "buyer-wrapped")
    keys = [await vault.key_of("order/wrapped"), await vault.key_of("order/wrapped-by-master")]
    async with engine.connect() as db:
        stored = [bytes(row[0]) for row in await db.execute(text("SELECT wrapped FROM data_keys"))]

    assert not [one for one in stored for key in keys if key.secret in one]


async def test_an_unknown_key_id_is_said_so(vault: Vault) -> None:
    """A payload of another installation is no reason for a crash without words."""
    with pytest.raises(KeyUnknown):
        await vault.key_by_id("never-made")


async def test_binding_twice_is_harmless(vault: Vault, person: str) -> None:
    """The step before a start is repeated when its answer was lost."""
    await vault.bind(f"order/{person}", person)
    key = await vault.key_of(f"order/{person}")

    await vault.bind(f"order/{person}", person)

    assert await vault.key_of(f"order/{person}") == key


async def test_an_execution_cannot_change_its_person(vault: Vault, person: str) -> None:
    """Else the first person's data would outlive their erasure."""
    await vault.bind(f"order/{person}", person)

    with pytest.raises(ValueError, match="another person"):
        await vault.bind(f"order/{person}", "somebody-else")


async def test_whose_seal_is_at_hand_is_bound_in_one_statement(
    vault: Vault, engine: AsyncEngine, ring: KeyRing, person: str, statements: list[str]
) -> None:
    """As the desk does for each order; every process opens what that key closes."""
    await vault.seal(person, b"an address")
    statements.clear()
    await vault.bind(f"order/{person}", person)
    key = await vault.key_of(f"order/{person}")

    assert len(statements) == 1
    assert await Vault(engine, ring).key_of(f"order/{person}") == key
    await vault.bind(f"order/{person}", person)
    assert await vault.key_of(f"order/{person}") == key
    await vault.seal(f"{person}-2", b"another's")
    with pytest.raises(ConcernsAnother):
        await vault.bind(f"order/{person}", f"{person}-2")


async def test_a_seal_at_hand_binds_nothing_to_who_was_erased_elsewhere(
    vault: Vault, engine: AsyncEngine, ring: KeyRing, person: str
) -> None:
    """An execution under a key that is gone could never be read again, by its own worker either."""
    await vault.seal(person, b"an address")
    await Vault(engine, ring).erase(person)

    with pytest.raises(Erased):
        await vault.bind(f"order/{person}", person)
    async with engine.connect() as db:
        query = "SELECT count(*) FROM data_keys WHERE workflow_id = :name"
        kept = await db.execute(text(query), {"name": f"order/{person}"})

        assert kept.scalar_one() == 0


async def test_several_executions_are_bound_together_or_not_at_all(
    vault: Vault, engine: AsyncEngine, person: str
) -> None:
    """A purchase that is refused must leave no order's key with a buyer who bought nothing."""
    wanted = [f"purchase/{person}", f"order/{person}-1", f"order/{person}-2"]
    await vault.bind(wanted[-1], "somebody-else")
    with pytest.raises(ConcernsAnother, match=wanted[-1]):
        await vault.bind_all(wanted, person)
    async with engine.connect() as db:
        found = await db.execute(
            text("SELECT workflow_id FROM data_keys WHERE workflow_id = ANY(:wanted)"),
            {"wanted": wanted},
        )

        assert found.scalars().all() == wanted[-1:]


async def test_what_was_encoded_before_the_binding_is_erased_too(
    engine: AsyncEngine, ring: KeyRing, person: str
) -> None:
    """A question to an execution that was about to start makes its key too early."""
    early = await Vault(engine, ring).key_of(f"order/{person}")
    await Vault(engine, ring).bind(f"order/{person}", person)

    assert await Vault(engine, ring).key_of(f"order/{person}") == early
    await Vault(engine, ring).erase(person)
    with pytest.raises(Erased):
        await Vault(engine, ring).key_by_id(early.key_id)


async def test_after_erasure_nothing_of_the_person_opens(vault: Vault, person: str) -> None:
    """That is what was promised to the person."""
    await vault.bind(f"order/{person}", person)
    key = await vault.key_of(f"order/{person}")
    sealed = await vault.seal(person, b"Dear Maria")

    await vault.erase(person)

    with pytest.raises(Erased):
        await vault.key_of(f"order/{person}")
    with pytest.raises(Erased):
        await vault.key_by_id(key.key_id)
    with pytest.raises(Erased):
        await vault.open(person, sealed)


async def test_an_erased_person_gets_no_new_key(vault: Vault, person: str) -> None:
    """A late message must not quietly begin a new file on them."""
    await vault.erase(person)

    with pytest.raises(Erased):
        await vault.seal(person, b"late")
    with pytest.raises(Erased):
        await vault.bind(f"order/{person}", person)


async def test_erasing_twice_keeps_the_first_moment(
    vault: Vault, engine: AsyncEngine, person: str
) -> None:
    """The moment is evidence."""
    asked = text("SELECT erased_at, wrapped FROM persons WHERE person = :person")
    await vault.seal(person, b"x")
    await vault.erase(person)
    async with engine.connect() as db:
        first = (await db.execute(asked, {"person": person})).one()

    await vault.erase(person)

    async with engine.connect() as db:
        assert (await db.execute(asked, {"person": person})).one() == first
    assert first[1] is None


async def test_other_processes_forget_within_a_minute(
    vault: Vault, engine: AsyncEngine, ring: KeyRing, person: str
) -> None:
    """The worker that holds the key in memory did not hear of the erasure."""
    clock = Clock()
    worker = Vault(engine, ring, clock=clock)
    await vault.bind(f"order/{person}", person)
    key = await worker.key_of(f"order/{person}")
    await vault.erase(person)

    clock.now += 60

    with pytest.raises(Erased):
        await worker.key_of(f"order/{person}")
    with pytest.raises(Erased):
        await worker.key_by_id(key.key_id)


async def test_erasing_one_person_leaves_the_others(vault: Vault, person: str) -> None:
    """The seller of an erased buyer still has to be paid."""
    await vault.bind(f"payout/{person}", f"{person}-seller")
    await vault.bind(f"order/{person}", person)
    key = await vault.key_of(f"payout/{person}")

    await vault.erase(person)

    assert await vault.key_of(f"payout/{person}") == key


async def test_what_is_sealed_for_one_person_opens_for_nobody_else(
    vault: Vault, person: str
) -> None:
    """A mixed-up row must not show one person's mail to another."""
    sealed = await vault.seal(person, b"Dear Maria")

    assert b"Maria" not in sealed
    assert await vault.open(person, sealed) == b"Dear Maria"
    with pytest.raises(Tampered):
        await vault.open(f"{person}-other", sealed)
    with pytest.raises(Tampered):
        await vault.open(person, sealed[:-1] + bytes([sealed[-1] ^ 1]))


async def test_rotation_frees_the_old_master_key(
    postgres: LocalPostgres, template_database: str
) -> None:
    """After a suspected leak the old key must go, and everything must still open."""
    async with key_tables(postgres, template_database) as engine:
        old = KeyRing.generate("a")
        before = Vault(engine, old)
        await before.bind("order/bound", "maria")
        keys = [await before.key_of("order/bound"), await before.key_of("schedule")]
        sealed = await before.seal("maria", b"Dear Maria")
        await before.erase("erased-before")
        new = old.rotated("b")

        assert await Vault(engine, new).rotate() == 2
        assert await Vault(engine, new).rotate() == 0

        only_new = Vault(engine, KeyRing("b", {"b": new.key("b")}))
        assert [await only_new.key_by_id(key.key_id) for key in keys] == keys
        assert await only_new.open("maria", sealed) == b"Dear Maria"


async def test_a_dropped_master_key_is_named(
    postgres: LocalPostgres, template_database: str
) -> None:
    """Who dropped it before rotating has to know which one to put back."""
    async with key_tables(postgres, template_database) as engine:
        await Vault(engine, KeyRing.generate("a")).key_of("order/1")

        with pytest.raises(KeyRingInvalid, match="lacks 'a'"):
            await Vault(engine, KeyRing.generate("b")).key_of("order/1")
