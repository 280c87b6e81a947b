"""The vault: a key per execution, wrapped by the person it concerns, and their erasure."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import ColumnElement, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from persistence.cache import Cache
from persistence.ciphers import DataKey, Tampered, decrypt, encrypt, new_key
from persistence.engine import looking, one_by_one
from persistence.tables import table_of
from persistence.tables.keys import DataKeyRow, PersonKey

_BY_PERSON: Final = "person"
_SEAL_VERSION: Final = b"\x01"
_NAME_BYTES: Final = 16

_ROWS: Final = select(
    col(DataKeyRow.key_id),
    col(DataKeyRow.workflow_id),
    col(DataKeyRow.person),
    col(DataKeyRow.wrapped),
    col(DataKeyRow.wrapped_by),
    col(PersonKey.wrapped),
    col(PersonKey.master_id),
).outerjoin(PersonKey, col(PersonKey.person) == col(DataKeyRow.person))

_DATA_KEYS: Final = table_of(DataKeyRow)
_BOUND: Final = ("key_id", "workflow_id", "person", "wrapped", "wrapped_by")
_BINDING: Final = (
    insert(_DATA_KEYS)
    .from_select(
        _BOUND,
        select(*(bindparam(name, type_=_DATA_KEYS.c[name].type) for name in _BOUND)).where(
            exists().where(
                col(PersonKey.person) == bindparam("person"), col(PersonKey.wrapped).is_not(None)
            )
        ),
    )
    .on_conflict_do_nothing(index_elements=["workflow_id"])
    .returning(_DATA_KEYS.c.key_id)
)

log = structlog.get_logger()


class Erased(Exception):
    """The person's key was destroyed on purpose: what it closed can never be read again."""


class ConcernsAnother(ValueError):
    """The execution's key is already under another person's."""

    def __init__(self, workflow_id: str) -> None:
        """*workflow_id* is whose key it is."""
        super().__init__(f"{workflow_id} already concerns another person")
        self.workflow_id = workflow_id


class KeyUnknown(Exception):
    """No such key was ever made here: another installation's data, or a table was lost."""


@dataclass(frozen=True)
class _Row:
    """A data key as it is stored, with the key of its person, which is wrapped likewise."""

    key_id: str
    workflow_id: str
    person: str | None
    wrapped: bytes = field(repr=False)
    wrapped_by: str
    person_wrapped: bytes | None = field(repr=False)
    person_master: str | None


class MasterKeys(Protocol):
    """The keys that wrap all others (`runtime.keyring.KeyRing`)."""

    @property
    def active(self) -> str:
        """The id of the one that wraps new keys."""
        ...

    def key(self, key_id: str) -> bytes:
        """The 32 bytes of that id."""
        ...


class Vault:
    """Gives each execution its key, and forgets a person when asked to.

    Keys are cached for less than a minute: an execution at work costs one small query in that
    time, and what another process erased cannot be read any longer than that.
    """

    def __init__(
        self, engine: AsyncEngine, ring: MasterKeys, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """*clock* counts seconds and decides only how long a cached key is believed."""
        self._engine = engine
        self._ring = ring
        self._by_id: Cache[DataKey] = Cache(clock)
        self._by_workflow: Cache[DataKey] = Cache(clock)
        self._to_seal: Cache[bytes] = Cache(clock)

    async def bind(self, workflow_id: str, person: str) -> None:
        """Let the key of *workflow_id* be destroyed with *person*. For before it starts.

        Repeatable. Raises `Erased` if the person is forgotten and `ConcernsAnother` if the
        execution already concerns somebody else.
        """
        await self.bind_all((workflow_id,), person)

    async def bind_all(self, workflow_ids: Iterable[str], person: str) -> None:
        """Bind several executions, all of them or none: what is refused leaves no trace."""
        names = tuple(workflow_ids)
        if len(names) == 1 and await self._bound_at_once(names[0], person):
            return
        async with self._engine.begin() as db:
            wrapper = await self._person_key(db, person)
            # In one order for everybody: two that bind the same names must not lock up.
            bound = [
                await self._bind(db, workflow_id, person, wrapper) for workflow_id in sorted(names)
            ]
        for row in bound:
            if row.person == person:
                # Whoever binds an execution is about to start it, and needs its key at once.
                self._remember(row)

    async def _bound_at_once(self, workflow_id: str, person: str) -> bool:
        """Bind an execution that has no key yet, in one statement, by a wrapper that is at hand.

        False where there is none, or the execution has a key, or the person was erased: then the
        long way says what is so.
        """
        wrapper = self._to_seal.get(person)
        if wrapper is None:
            return False
        key = DataKey(uuid.uuid4().hex, new_key())
        values = _key_values(key, workflow_id, person, wrapper, _BY_PERSON)
        async with one_by_one(self._engine) as db:
            if (await db.execute(_BINDING, values)).one_or_none() is None:
                return False
        self._by_id.put(key.key_id, key)
        self._by_workflow.put(workflow_id, key)
        return True

    async def _bind(
        self, db: AsyncConnection, workflow_id: str, person: str, wrapper: bytes
    ) -> _Row:
        key = DataKey(uuid.uuid4().hex, new_key())
        await _insert_key(db, key, workflow_id, person, wrapper, _BY_PERSON)
        row = await _found(db, col(DataKeyRow.workflow_id) == workflow_id)
        if row is not None and row.person is None:
            await self._hand_over(db, row, person, wrapper)
        elif row is None or row.person != person:
            raise ConcernsAnother(workflow_id)
        return row

    async def key_of(self, workflow_id: str) -> DataKey:
        """The key of an execution, made at the first call (it then concerns nobody yet).

        Raises `Erased` if its person is forgotten.
        """
        known = self._by_workflow.get(workflow_id)
        if known is not None:
            return known
        wanted = col(DataKeyRow.workflow_id) == workflow_id
        async with self._engine.begin() as db:
            row = await _found(db, wanted)
            if row is None:
                key = DataKey(uuid.uuid4().hex, new_key())
                master = self._ring.active
                await _insert_key(db, key, workflow_id, None, self._ring.key(master), master)
                # Another process may have been quicker: what is in the table counts.
                row = await _found(db, wanted)
        return self._remember(row)

    async def key_by_id(self, key_id: str) -> DataKey:
        """The key that a payload names. Raises `Erased`, or `KeyUnknown` if it is not ours."""
        known = self._by_id.get(key_id)
        if known is not None:
            return known
        async with looking(self._engine) as db:
            return self._remember(await _found(db, col(DataKeyRow.key_id) == key_id))

    async def seal(self, person: str, clear: bytes) -> bytes:
        """Encrypt what concerns *person* (a mail, a raw webhook). Raises `Erased`.

        What is sealed within a minute of an erasure by another process, nobody can open.
        """
        key = self._to_seal.get(person)
        if key is None:
            async with one_by_one(self._engine) as db:
                key = await self._person_key(db, person)
            self._to_seal.put(person, key)
        header = _SEAL_VERSION + _name_of(person)
        return header + encrypt(key, clear, header + b"/seal")

    async def open(self, person: str, sealed: bytes) -> bytes:
        """Undo `seal`. Raises `Erased`, or `Tampered` if it was not sealed for *person*."""
        header = _SEAL_VERSION + _name_of(person)
        if not sealed.startswith(header):
            raise Tampered(f"not sealed for {person}")
        async with self._engine.begin() as db:
            key = await self._person_key(db, person)
        return decrypt(key, sealed[len(header) :], header + b"/seal")

    async def erase(self, person: str) -> None:
        """Destroy the person's key, for ever; repeatable, also for a person nobody knows.

        This process forgets at once, others within a minute. Whether it is allowed (running
        processes, legal holds) is the caller's question.
        """
        async with self._engine.begin() as db:
            await self.erase_within(db, person)
        self._forget_all()
        log.info("person.erased", person=person)

    async def erase_within(self, db: AsyncConnection, person: str) -> None:
        """The same in a transaction of the caller's: with what else it does, or not at all.

        What this process looks up before that is committed, it believes for a minute as others do.
        """
        erased = {"wrapped": None, "master_id": "", "erased_at": func.now()}
        await db.execute(
            insert(PersonKey)
            .values(person=person, **erased)
            .on_conflict_do_update(
                index_elements=["person"],
                set_=erased,
                where=col(PersonKey.erased_at).is_(None),
            )
        )
        self._forget_all()

    async def rotate(self) -> int:
        """Wrap by the active master key what another one still wraps; returns how many keys.

        After it, the other master keys may be dropped from the ring.
        """
        async with self._engine.begin() as db:
            changed = await self._rotate_persons(db) + await self._rotate_executions(db)
        log.info("keys.rotated", changed=changed, active=self._ring.active)
        return changed

    async def _person_key(self, db: AsyncConnection, person: str) -> bytes:
        wanted = select(col(PersonKey.wrapped), col(PersonKey.master_id)).where(
            col(PersonKey.person) == person
        )
        row = (await db.execute(wanted)).one_or_none()
        if row is None:
            master = self._ring.active
            wrapped = encrypt(self._ring.key(master), new_key(), _person_context(person))
            made = await db.execute(
                insert(PersonKey)
                .values(person=person, wrapped=wrapped, master_id=master)
                .on_conflict_do_nothing()
                .returning(col(PersonKey.wrapped), col(PersonKey.master_id))
            )
            # Another process may have been quicker: what is in the table counts.
            row = made.one_or_none() or (await db.execute(wanted)).one()
        return self._unwrap_person(person, row[0], row[1])

    def _unwrap_person(self, person: str, wrapped: bytes | None, master_id: str | None) -> bytes:
        if wrapped is None or master_id is None:
            raise Erased(f"{person} was erased")
        return decrypt(self._ring.key(master_id), wrapped, _person_context(person))

    def _unwrap(self, row: _Row) -> bytes:
        if row.person is None:
            wrapper = self._ring.key(row.wrapped_by)
        else:
            wrapper = self._unwrap_person(row.person, row.person_wrapped, row.person_master)
        return decrypt(wrapper, row.wrapped, _key_context(row.key_id))

    def _remember(self, row: _Row | None) -> DataKey:
        if row is None:
            raise KeyUnknown("no such key in this installation")
        key = DataKey(row.key_id, self._unwrap(row))
        self._by_id.put(key.key_id, key)
        self._by_workflow.put(row.workflow_id, key)
        return key

    def _forget_all(self) -> None:
        self._by_id.clear()
        self._by_workflow.clear()
        self._to_seal.clear()

    async def _hand_over(self, db: AsyncConnection, row: _Row, person: str, wrapper: bytes) -> None:
        """Let the person's key alone open a data key that concerned nobody so far."""
        wrapped = encrypt(wrapper, self._unwrap(row), _key_context(row.key_id))
        await db.execute(
            update(DataKeyRow)
            .where(col(DataKeyRow.key_id) == row.key_id)
            .values(person=person, wrapped=wrapped, wrapped_by=_BY_PERSON)
        )

    async def _rotate_persons(self, db: AsyncConnection) -> int:
        active = self._ring.active
        stale = select(
            col(PersonKey.person), col(PersonKey.wrapped), col(PersonKey.master_id)
        ).where(col(PersonKey.master_id) != active, col(PersonKey.erased_at).is_(None))
        rows = (await db.execute(stale.with_for_update())).all()
        for person, wrapped, master_id in rows:
            clear = self._unwrap_person(person, wrapped, master_id)
            again = encrypt(self._ring.key(active), clear, _person_context(person))
            await db.execute(
                update(PersonKey)
                .where(col(PersonKey.person) == person)
                .values(wrapped=again, master_id=active)
            )
        return len(rows)

    async def _rotate_executions(self, db: AsyncConnection) -> int:
        active = self._ring.active
        stale = _ROWS.where(
            col(DataKeyRow.person).is_(None), col(DataKeyRow.wrapped_by) != active
        ).with_for_update(of=DataKeyRow)
        rows = [_Row(*row) for row in await db.execute(stale)]
        for row in rows:
            again = encrypt(self._ring.key(active), self._unwrap(row), _key_context(row.key_id))
            await db.execute(
                update(DataKeyRow)
                .where(col(DataKeyRow.key_id) == row.key_id)
                .values(wrapped=again, wrapped_by=active)
            )
        return len(rows)


async def _insert_key(
    db: AsyncConnection,
    key: DataKey,
    workflow_id: str,
    person: str | None,
    wrapper: bytes,
    wrapped_by: str,
) -> None:
    values = _key_values(key, workflow_id, person, wrapper, wrapped_by)
    await db.execute(
        insert(DataKeyRow).values(**values).on_conflict_do_nothing(index_elements=["workflow_id"])
    )


def _key_values(
    key: DataKey, workflow_id: str, person: str | None, wrapper: bytes, wrapped_by: str
) -> dict[str, Any]:
    """The columns of a data key; another process that opens it needs the same wrapper."""
    return {
        "key_id": key.key_id,
        "workflow_id": workflow_id,
        "person": person,
        "wrapped": encrypt(wrapper, key.secret, _key_context(key.key_id)),
        "wrapped_by": wrapped_by,
    }


async def _found(db: AsyncConnection, wanted: ColumnElement[bool]) -> _Row | None:
    row = (await db.execute(_ROWS.where(wanted))).one_or_none()
    return None if row is None else _Row(*row)


def _name_of(person: str) -> bytes:
    return hashlib.sha256(person.encode()).digest()[:_NAME_BYTES]


def _person_context(person: str) -> bytes:
    return f"person/{person}".encode()


def _key_context(key_id: str) -> bytes:
    return f"data-key/{key_id}".encode()
