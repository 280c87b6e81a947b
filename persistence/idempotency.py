"""Requests on record: one key means one request, which has one answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Interval,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.errors import KeyReused
from domain.ids import fingerprint
from persistence.tables import table_of
from persistence.tables.business import Alarm, Particulars
from persistence.tables.traffic import Request
from persistence.waiting import failed_once_more, kept_waiting, settled_after

_REFUSED: Final = 400

WAITING: Final = "waiting"
ANSWERED: Final = "answered"
PARKED: Final = "parked"
# The alarm for as long as a request is given up and nobody has said what becomes of it.
REQUEST_PARKED: Final = "request.parked"
_RESOLVING: Final = ".resolve"
_KEY_LOCK: Final = 1
_OBJECT_LOCK: Final = 2
_FIRST_REFUSAL: Final = 400


@dataclass(frozen=True)
class Entry:
    """A request to be put on record. `sealed` is its command, encrypted for `person`.

    `is_creation`: its object is named by its body, and not by its address.
    """

    caller: str
    route: str
    object: str
    key: str
    body_hash: str
    command: str
    received_at: datetime
    person: str = ""
    sealed: bytes | None = None
    is_creation: bool = False

    @property
    def mark(self) -> str:
        """What names the request everywhere else; also its update's id in Temporal."""
        return fingerprint(self.caller, self.route, self.object, self.key)


@dataclass(frozen=True)
class Recorded:
    """A request as it stands: waiting, answered (refusals too), or parked."""

    id: str
    seq: int
    caller: str
    object: str
    body_hash: str
    command: str
    person: str
    sealed: bytes | None
    update_id: str
    received_at: datetime
    state: str
    attempts: int
    defects: int
    last_error: str
    status: int | None
    answer: Mapping[str, Any] | None


# What of a request is its caller's to say; the rest is how it fares.
_GIVEN: Final = (
    *("id", "caller", "route", "object", "key", "body_hash", "command", "person", "sealed"),
    *("update_id", "received_at"),
)
_COLUMNS: Final[tuple[Any, ...]] = tuple(
    col(getattr(Request, name)) for name in Recorded.__dataclass_fields__
)


# Made once, on the table itself: putting a statement together, and taking it through the mapper,
# costs more than running it, and these are run for every request.
_REQUESTS: Final = table_of(Request)
_ROW: Final = tuple(_REQUESTS.c[name] for name in Recorded.__dataclass_fields__)
_RECORDING: Final = (
    insert(_REQUESTS)
    .values(
        state=WAITING,
        due_at=func.now() + bindparam("lease", type_=Interval),
        attempts=0,
        last_error="",
        **{name: bindparam(name) for name in _GIVEN},
    )
    .on_conflict_do_nothing()
    .returning(*_ROW)
)
_FINDING: Final = select(*_ROW).where(_REQUESTS.c.id == bindparam("request"))
_MAKING: Final = (
    select(*_ROW)
    .where(
        _REQUESTS.c.object == bindparam("object"),
        _REQUESTS.c.command == bindparam("command"),
        or_(_REQUESTS.c.status.is_(None), _REQUESTS.c.status < _FIRST_REFUSAL),
    )
    .order_by(_REQUESTS.c.seq)
    .limit(1)
)
_ANSWERING: Final = (
    update(_REQUESTS)
    .where(_REQUESTS.c.id == bindparam("request"), _REQUESTS.c.state != ANSWERED)
    .values(
        state=ANSWERED,
        status=bindparam("status"),
        answer=bindparam("answer"),
        answered_at=func.now(),
        sealed=None,
        last_error="",
    )
    .returning(*_ROW)
)


async def record(db: AsyncConnection, entry: Entry, lease: timedelta) -> tuple[Recorded, bool]:
    """Put a request on record, or find it there; says whether it is new.

    Nobody else delivers it within *lease*. Raises `KeyReused` if the key was another request's.
    """
    if entry.is_creation:
        # The order of rows of one object is then the order in which they were committed.
        await _lock(db, (_KEY_LOCK, entry.caller + "\x1f" + entry.key), _of_object(entry.object))
        await _must_name_one_object(db, entry)
    request = f"r-{entry.mark}"
    values = {
        "id": request,
        "caller": entry.caller,
        "route": entry.route,
        "object": entry.object,
        "key": entry.key,
        "body_hash": entry.body_hash,
        "command": entry.command,
        "person": entry.person,
        "sealed": entry.sealed,
        "update_id": entry.mark,
        "received_at": entry.received_at,
        "lease": lease,
    }
    made = (await db.execute(_RECORDING, values)).one_or_none()
    if made is not None:
        return Recorded(*made), True
    row = await found(db, request)
    if row is None or row.body_hash != entry.body_hash:
        raise _reused(entry)
    return row, False


async def found(db: AsyncConnection, request: str) -> Recorded | None:
    """A request by its id."""
    row = (await db.execute(_FINDING, {"request": request})).one_or_none()
    return None if row is None else Recorded(*row)


async def creation_of(db: AsyncConnection, command: str, name: str) -> Recorded | None:
    """The request that makes, or has made, the object *name*, if it was not refused."""
    row = (await db.execute(_MAKING, {"object": name, "command": command})).one_or_none()
    return None if row is None else Recorded(*row)


async def is_first_in_line(db: AsyncConnection, row: Recorded) -> bool:
    """Whether no earlier request for the same object still waits to be heard before *row*."""
    return not (await db.execute(_in_line_before(), {"request": row.id})).scalar_one()


async def claim(db: AsyncConnection, limit: int, lease: timedelta) -> list[str]:
    """Take requests whose lease is over, the first of each object, for another *lease*."""
    earlier = aliased(Request)
    due = (
        select(col(Request.id))
        .where(
            col(Request.state) == WAITING,
            col(Request.due_at) <= func.now(),
            ~exists().where(_is_before(earlier, Request)),
        )
        .order_by(col(Request.seq))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = await db.execute(
        update(Request)
        .where(col(Request.id).in_(due))
        .values(due_at=func.now() + lease)
        .returning(col(Request.seq), col(Request.id))
    )
    rows = sorted((seq or 0, request) for seq, request in taken.all())
    return [request for _, request in rows]


@cache
def _in_line_before() -> Select[Any]:
    """Made once: putting two aliases together costs ten times what asking does."""
    this, earlier = aliased(Request), aliased(Request)
    return select(exists().where(col(this.id) == bindparam("request"), _is_before(earlier, this)))


def _is_before(earlier: type[Request], this: type[Request]) -> ColumnElement[bool]:
    """Whether *earlier* has to be heard before *this*, of the same object.

    An operator's word to a parked process waits for no other request: they all wait for it.
    """
    return and_(
        col(earlier.object) == col(this.object),
        col(earlier.state) == WAITING,
        col(earlier.seq) < col(this.seq),
        or_(
            ~col(this.command).endswith(_RESOLVING),
            col(earlier.command).endswith(_RESOLVING),
        ),
    )


async def answered(
    db: AsyncConnection, request: str, status: int, answer: Mapping[str, Any]
) -> Recorded:
    """Keep the answer, unless there is one; the command is not needed any more."""
    values = {"request": request, "status": status, "answer": dict(answer)}
    made = (await db.execute(_ANSWERING, values)).one_or_none()
    row = await found(db, request) if made is None else Recorded(*made)
    if row is None:
        raise LookupError(request)
    await settled_after(db, Request, row.attempts)
    return row


async def put_off(
    db: AsyncConnection, request: str, error: str, wait: timedelta, *, is_defect: bool = False
) -> None:
    """It could not be delivered now; somebody tries again after *wait*."""
    failed = await db.execute(
        update(Request)
        .where(col(Request.id) == request, col(Request.state) == WAITING)
        .values(
            **failed_once_more(Request, is_defect=is_defect),
            last_error=error,
            due_at=func.now() + wait,
        )
        .returning(col(Request.attempts))
    )
    await kept_waiting(db, Request, failed.scalar_one_or_none() or 0, error)


async def parked(db: AsyncConnection, row: Recorded, error: str) -> None:
    """Give a request up and raise an alarm: delivering it fails for a reason of our own."""
    await db.execute(
        update(Request)
        .where(col(Request.id) == row.id, col(Request.state) == WAITING)
        .values(state=PARKED, **failed_once_more(Request, is_defect=True), last_error=error)
    )
    await db.execute(
        insert(Alarm)
        .values(
            kind=REQUEST_PARKED,
            subject=row.object,
            detail=f"{row.command} cannot be delivered: {error}",
            facts={"request": row.id, "command": row.command, "attempts": row.attempts + 1},
            raised_at=func.now(),
        )
        .on_conflict_do_nothing()
    )
    await settled_after(db, Request, row.attempts)


async def keep_particulars(db: AsyncConnection, subject: str, person: str, sealed: bytes) -> None:
    """Keep whom to write to and where to send about *subject*; the first word stands."""
    await db.execute(
        insert(Particulars)
        .values(subject=subject, person=person, sealed=sealed)
        .on_conflict_do_nothing()
    )


async def change_particulars(db: AsyncConnection, subject: str, person: str, sealed: bytes) -> None:
    """Keep other words about *subject* instead; the first ones where there were none."""
    new = insert(Particulars).values(subject=subject, person=person, sealed=sealed)
    await db.execute(
        new.on_conflict_do_update(
            index_elements=["subject"],
            set_={"sealed": new.excluded.sealed},
            where=col(Particulars.person) == person,
        )
    )


async def forget_particulars(db: AsyncConnection, row: Recorded) -> None:
    """A refused order leaves nothing behind, unless somebody's order of that id lives."""
    other = exists().where(
        col(Request.object) == row.object,
        col(Request.command) == row.command,
        col(Request.id) != row.id,
        or_(col(Request.status).is_(None), col(Request.status) < _REFUSED),
    )
    await db.execute(
        delete(Particulars).where(
            col(Particulars.subject) == row.object, col(Particulars.person) == row.person, ~other
        )
    )


async def forget_drafts(db: AsyncConnection, row: Recorded) -> None:
    """Nothing is left of an address that was not accepted, unless another request still waits."""
    other = exists().where(
        col(Request.object) == row.object,
        col(Request.command) == row.command,
        col(Request.state) == WAITING,
    )
    drafts = col(Particulars.subject).startswith(f"{row.object}/address/", autoescape=True)
    await db.execute(delete(Particulars).where(drafts, ~other))


async def lock_object(db: AsyncConnection, name: str) -> None:
    """Let nobody else who locks the object go on until this transaction ends."""
    await _lock(db, _of_object(name))


def _of_object(name: str) -> tuple[int, str]:
    return _OBJECT_LOCK, name


async def _lock(db: AsyncConnection, *names: tuple[int, str]) -> None:
    """Take locks in this order, in one round trip; what follows sees what they waited for."""
    locks = (func.pg_advisory_xact_lock(kind, func.hashtext(name)) for kind, name in names)
    await db.execute(select(*locks))


async def _must_name_one_object(db: AsyncConnection, entry: Entry) -> None:
    other = exists().where(
        col(Request.caller) == entry.caller,
        col(Request.key) == entry.key,
        col(Request.route) == entry.route,
        col(Request.object) != entry.object,
    )
    if (await db.execute(select(other))).scalar_one():
        raise _reused(entry)


def _reused(entry: Entry) -> KeyReused:
    return KeyReused(
        "this idempotency key belongs to a request with another body; use a new key for a new "
        "request",
        key=entry.key,
    )
