"""The request desk: what callers ask is on record before any process hears of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.client import Client

from domain.errors import IllegalTransition, NotKnown, Refusal
from persistence import idempotency, seen
from persistence.engine import looking, one_by_one
from persistence.idempotency import Entry, Recorded
from persistence.outages import passes
from persistence.vault import Erased, Vault
from runtime import schedules
from runtime.answers import ACCEPTED, Answer, refused
from runtime.commands import COMMANDS, Delivery
from runtime.hearing import Interrupted, Undelivered, hearing

LEASE: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = 30
_MOST_DEFECTS: Final = 20
_LOOK_AGAIN: Final = 0.05
# Seconds; a process hears of its own step in milliseconds.
_CATCHES_UP_WITHIN: Final = 1.0
# A worker may stand still for longer: the request is put off so often before that is believed.
# Counted with the defects: outages before say nothing about a process that is behind.
_BELIEVED_AFTER: Final = 8
_BEHIND: Final = "the process has not heard of its last step"
_PLACING: Final = frozenset({"order.place", "purchase.place"})
_READDRESSING: Final = "order.change_address"
_REFUSED: Final = 400

Work = Callable[[AsyncConnection], Awaitable[tuple[int, Mapping[str, Any]]]]
Condition = Callable[[AsyncConnection], Awaitable[None]]
log = structlog.get_logger(__name__)


class Behind(Undelivered):
    """The process has not caught up with its own steps: nothing is away, it is ours to explain."""


@dataclass(frozen=True)
class Ask:
    """One request of one caller.

    `object` is what it concerns ("order/o-1"), `received_at` the edge's instant (UTC), `person`
    whose key seals it. `particulars` are words about the person (JSON), kept with the object; or
    under the name of a `draft` until the process has accepted them. `seen` is the version of the
    object that the caller has decided by: once it is another, nothing is asked. `only_if` raises a
    refusal where a new request may not even be put on record; a repeat has its answer all the same.
    """

    caller: str
    route: str
    object: str
    key: str
    body_hash: str
    command: str
    received_at: datetime
    message: Any = None
    person: str = ""
    particulars: bytes | None = None
    is_creation: bool = False
    draft: str = ""
    seen: int | None = None
    only_if: Condition | None = None


class Desk:
    """Takes requests, keeps them, delivers them, and keeps what was answered."""

    def __init__(
        self,
        engine: AsyncEngine,
        vault: Vault,
        client: Client,
        task_queue: str,
        *,
        patience: float = 5.0,
    ) -> None:
        """Wait at most *patience* seconds for Temporal before saying "not yet"."""
        self._engine = engine
        self._vault = vault
        self._delivery = Delivery(client, task_queue, engine, vault)
        self._patience = patience

    async def follow_policies(self) -> None:
        """Let sellers be paid as often as the newest policies say."""
        way = self._delivery
        await schedules.follow_policies(way.client, way.task_queue, way.engine)

    async def ask(self, ask: Ask) -> Answer:
        """Put a command on record and deliver it; a repeat gets the first one's answer.

        Raises `KeyReused` if the key came with another body, and `VersionConflict` if the object
        is not what the caller has seen any more, or is about to change.
        """
        row, is_new = await self._record(ask)
        if not is_new or row.state != idempotency.WAITING:
            return _answer(row)
        if not await self._turn_comes(row):
            return _answer(row)
        return await self._delivered(row, ask.message)

    async def do(self, ask: Ask, work: Work) -> Answer:
        """Record a request, do *work*, and keep its answer, all in one transaction.

        For what no process has to hear of. A refusal undoes the work and is kept as well.
        """
        async with self._engine.begin() as db:
            row, is_new = await idempotency.record(db, _entry(ask), LEASE)
            if not is_new:
                return _answer(row)
            try:
                async with db.begin_nested():
                    if ask.particulars is not None:
                        await self._keep_particulars(db, ask)
                    status, body = await work(db)
            except Refusal as refusal:
                status, body = refused(refusal)
            return _answer(await idempotency.answered(db, row.id, status, body))

    async def look(self, request: str) -> Recorded | None:
        """A request as it stands."""
        async with looking(self._engine) as db:
            return await idempotency.found(db, request)

    async def claim(self, limit: int) -> list[str]:
        """Take requests that nobody is delivering, oldest first, one per object."""
        async with self._engine.begin() as db:
            return await idempotency.claim(db, limit, LEASE)

    async def deliver(self, request: str) -> Answer:
        """Let the process hear a request, and keep its answer. Safe to repeat.

        Where that fails, the request keeps waiting; for a reason of our own, twenty times. Outages
        are not counted: they end by themselves.
        """
        row = await self.look(request)
        if row is None:
            raise NotKnown(f"there is no request {request}", request=request)
        if row.state != idempotency.WAITING:
            return _answer(row)
        return await self._delivered(row)

    async def _delivered(self, row: Recorded, message: object = None) -> Answer:
        """Deliver *row*; its *message* is read from the record where nobody has it at hand."""
        try:
            status, body = await self._heard(row, message)
        except Refusal as refusal:
            status, body = refused(refusal)
        except Undelivered as outage:
            is_ours = isinstance(outage, Behind)
            return await self._put_off(row, str(outage), is_defect=is_ours)
        except Exception as failure:
            log.exception("request.failed", request=row.id, command=row.command)
            if passes(failure):
                return await self._put_off(row, type(failure).__name__)
            return await self._failed(row, failure)
        kept = await self._kept(row, status, body)
        log.info(
            "request.answered",
            request=row.id,
            command=row.command,
            object=row.object,
            status=status,
        )
        return _answer(kept)

    async def _kept(self, row: Recorded, status: int, body: Mapping[str, Any]) -> Recorded:
        """The request with its answer; what was said for it alone is forgotten with that."""
        is_over = row.command in _PLACING and status >= _REFUSED
        if not is_over and row.command != _READDRESSING:
            async with one_by_one(self._engine) as db:
                return await idempotency.answered(db, row.id, status, body)
        async with self._engine.begin() as db:
            kept = await idempotency.answered(db, row.id, status, body)
            if is_over:
                await idempotency.forget_particulars(db, row)
            else:
                # An accepted draft has become the order's own by now.
                await idempotency.forget_drafts(db, row)
        return kept

    async def message_of(self, row: Recorded) -> Any:  # noqa: ANN401 - any command's message
        """The command of a request that still waits. Raises `Erased`."""
        clear = await self._vault.open(row.person, row.sealed or b"")
        return COMMANDS[row.command].message.validate_json(clear)

    async def _record(self, ask: Ask) -> tuple[Recorded, bool]:
        clear = COMMANDS[ask.command].message.dump_json(ask.message)
        sealed = await self._vault.seal(ask.person, clear)
        async with self._engine.begin() as db:
            row, is_new = await idempotency.record(db, replace(_entry(ask), sealed=sealed), LEASE)
            if is_new and ask.seen is not None:
                await seen.must_be_current(db, row, ask.seen)
            if is_new and ask.only_if is not None:
                await ask.only_if(db)
            if is_new and ask.particulars is not None:
                await self._keep_particulars(db, ask)
        return row, is_new

    async def _keep_particulars(self, db: AsyncConnection, ask: Ask) -> None:
        sealed = await self._vault.seal(ask.person, ask.particulars or b"")
        await idempotency.keep_particulars(db, ask.draft or ask.object, ask.person, sealed)

    async def _turn_comes(self, row: Recorded) -> bool:
        """Wait, not for long, until what was asked of the same object before has been heard."""
        for _ in range(int(self._patience / _LOOK_AGAIN)):
            async with looking(self._engine) as db:
                if await idempotency.is_first_in_line(db, row):
                    return True
            await asyncio.sleep(_LOOK_AGAIN)
        return False

    async def _heard(self, row: Recorded, message: object) -> tuple[int, Mapping[str, Any]]:
        try:
            told = await self.message_of(row) if message is None else message
        except Erased:
            raise NotKnown("the person whom this concerns has been forgotten") from None
        began = time.monotonic()
        while True:
            try:
                with hearing(row.object):
                    async with asyncio.timeout(began + self._patience - time.monotonic()):
                        return await COMMANDS[row.command].deliver(self._delivery, row, told)
            except Interrupted:
                pass
            except IllegalTransition as refusal:
                # It must have been behind the last time as well.
                is_believed = row.defects >= _BELIEVED_AFTER and _BEHIND in row.last_error
                if is_believed or not await self._is_behind(row, refusal):
                    raise
                if time.monotonic() > began + _CATCHES_UP_WITHIN:
                    raise Behind(_BEHIND) from None
            await asyncio.sleep(_LOOK_AGAIN)

    async def _is_behind(self, row: Recorded, refusal: IllegalTransition) -> bool:
        """Whether the process has judged by what everybody else sees it has left.

        What a step has written can be read before its process has heard that it ran.
        """
        async with looking(self._engine) as db:
            shown = await seen.standing(db, row.object)
        if shown is None:
            return False
        status, version = shown
        judged = refusal.facts.get("version", version)
        is_older = isinstance(judged, int) and judged < version
        return is_older or refusal.facts.get("status", status) != status

    async def _put_off(self, row: Recorded, error: str, *, is_defect: bool = False) -> Answer:
        wait = timedelta(seconds=min(2 ** min(row.attempts, 10), _LONGEST_WAIT))
        async with self._engine.begin() as db:
            await idempotency.put_off(db, row.id, error, wait, is_defect=is_defect)
        log.warning("request.put_off", request=row.id, command=row.command, error=error)
        return _answer(row)

    async def _failed(self, row: Recorded, defect: Exception) -> Answer:
        error = type(defect).__name__
        if row.defects + 1 < _MOST_DEFECTS:
            return await self._put_off(row, error, is_defect=True)
        async with self._engine.begin() as db:
            await idempotency.parked(db, row, error)
        log.error("request.parked", request=row.id, command=row.command, error=error)
        return _answer(row)


def _entry(ask: Ask) -> Entry:
    return Entry(
        caller=ask.caller,
        route=ask.route,
        object=ask.object,
        key=ask.key,
        body_hash=ask.body_hash,
        command=ask.command,
        received_at=ask.received_at,
        person=ask.person,
        is_creation=ask.is_creation,
    )


def _answer(row: Recorded) -> Answer:
    if row.state != idempotency.ANSWERED or row.status is None:
        return Answer(row.id, ACCEPTED, is_final=False)
    return Answer(row.id, row.status, row.answer or {})
