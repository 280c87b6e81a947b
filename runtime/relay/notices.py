"""Notices on their way from the outbox to people."""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.errors import Rejected, Unavailable
from adapters.notification.port import Letter, Post
from domain.ids import order_workflow_id
from domain.notices import SELLER
from persistence import outbox, waiting
from persistence.outages import passes
from persistence.outbox import SKIPPED, Waiting
from persistence.tables.traffic import Notice
from persistence.vault import Erased, Vault
from runtime.letters import Letters, Occasion
from runtime.reader import Reader
from runtime.relay.lane import DELIVERED, MOST_DEFECTS, Job, wait_after

# Longer than the mail server may take.
_LEASE: Final = timedelta(seconds=45)
log = structlog.get_logger(__name__)


class Notices:
    """Sends letters. A repeat after a crash carries the same Message-ID."""

    name = "notices"

    def __init__(self, engine: AsyncEngine, vault: Vault, post: Post) -> None:
        """Addresses are opened with *vault*; letters leave by *post*."""
        self._engine = engine
        self._vault = vault
        self._post = post
        self._letters = Letters()

    async def take(self, limit: int, subject: str | None = None) -> Sequence[Job]:
        """Take one notice of each of some subjects."""
        async with self._engine.begin() as db:
            taken = await outbox.take(db, limit, _LEASE, subject)
        return [partial(self._deliver, notice) for notice in taken]

    async def pending(self, subject: str | None = None) -> int:
        """How many notices wait."""
        async with self._engine.connect() as db:
            return await waiting.pending(db, Notice, subject)

    async def _deliver(self, notice: Waiting) -> None:
        try:
            to, reader = await self._addressee(notice)
            if not to:
                await self._done(notice, SKIPPED)
                return
            await self._post.send(await self._letter(notice, to, reader))
        except Unavailable as outage:
            await self._put_off(notice, str(outage))
        except Rejected as no:
            await self._parked(notice, str(no))
        except Exception as failure:
            log.exception("notice.not_written", key=notice.key)
            error, is_defect = type(failure).__name__, not passes(failure)
            if not is_defect or notice.defects + 1 < MOST_DEFECTS:
                await self._put_off(notice, error, is_defect=is_defect)
            else:
                await self._parked(notice, error)
        else:
            await self._done(notice, waiting.DONE)

    async def _letter(self, notice: Waiting, to: str, reader: Reader) -> Letter:
        async with self._engine.connect() as db:
            order = await outbox.order_of(db, notice.subject)
        facts = {**notice.facts, **await self._opened(notice)}
        occasion = Occasion(notice.template, notice.audience, notice.subject, facts, reader, order)
        words = self._letters.write(occasion)
        return Letter(notice.key, to, words.subject, words.text, words.language)

    async def _opened(self, notice: Waiting) -> dict[str, Any]:
        """What only the recipient may read."""
        if notice.sealed is None:
            return {}
        told: dict[str, Any] = json.loads(await self._vault.open(notice.recipient, notice.sealed))
        return told

    async def _addressee(self, notice: Waiting) -> tuple[str, Reader]:
        """Where to, and who reads it; empty if none is on file, or the person was forgotten."""
        about = _whose(notice)
        async with self._engine.connect() as db:
            found = await outbox.particulars_of(db, about)
        if found is None:
            return "", Reader()
        try:
            told: dict[str, Any] = json.loads(await self._vault.open(*found))
        except Erased:
            return "", Reader()
        name, language, zone = (str(told.get(part) or "") for part in ("name", "language", "zone"))
        return str(told.get("email") or ""), Reader(name, language, zone)

    async def _done(self, notice: Waiting, state: str) -> None:
        async with self._engine.begin() as db:
            await waiting.done(db, Notice, notice.seq, state)
            if notice.sealed is not None:
                await outbox.forget_sealed(db, notice.seq)
        result = "sent" if state == waiting.DONE else state
        DELIVERED.labels(self.name, result).inc()
        log.info("notice.handled", result=result, key=notice.key, template=notice.template)

    async def _put_off(self, notice: Waiting, error: str, *, is_defect: bool = False) -> None:
        wait = wait_after(notice.attempts)
        async with self._engine.begin() as db:
            await waiting.put_off(db, Notice, notice.seq, error, wait, is_defect=is_defect)
        self._say_failed(notice, "put_off", error)

    async def _parked(self, notice: Waiting, error: str) -> None:
        async with self._engine.begin() as db:
            await waiting.park(
                db,
                Notice,
                notice.seq,
                error=error,
                kind="notice.parked",
                subject=notice.subject,
                facts={"key": notice.key, "template": notice.template},
            )
        self._say_failed(notice, "parked", error)

    def _say_failed(self, notice: Waiting, result: str, error: str) -> None:
        DELIVERED.labels(self.name, result).inc()
        log.warning("notice.failed", result=result, key=notice.key, error=error)


def _whose(notice: Waiting) -> str:
    """Under which name an address is kept: a dispute's buyer is its order's."""
    if notice.audience == SELLER:
        return f"seller/{notice.recipient}"
    if notice.subject.startswith("dispute/"):
        return order_workflow_id(str(notice.facts["order"]))
    return notice.subject
