"""Evidence of a dispute: taken in by its content, sealed, kept, and given out again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import filetype
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.files.port import FileStore
from adapters.files.scanner import NoScanner, Scanner
from domain.actors import Actor, Role
from domain.dispute.evidence import MEDIA_TYPES, is_late, must_be_taken, side_of, told_as
from domain.dispute.state import DisputeState
from domain.errors import Infected, NotEvidence, NotKnown
from domain.ids import dispute_workflow_id
from persistence import audit
from persistence.audit import Entry
from persistence.database import inside
from persistence.disputes import evidence, reading
from persistence.disputes.evidence import Shown
from persistence.engine import looking
from persistence.port import Event
from persistence.vault import Vault

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sender:
    """Who shows something: for whom (`actor`), and who it is that sends it ("seller:clerk-7")."""

    actor: Actor
    name: str


@dataclass(frozen=True)
class Evidence:
    """Takes files in and gives them out; they are in no history, log or letter.

    Each lies sealed with the key of whoever showed it: to forget a person is to forget their files.
    """

    engine: AsyncEngine
    vault: Vault
    files: FileStore
    scanner: Scanner = field(default_factory=NoScanner)

    async def show(
        self, state: DisputeState, sender: Sender, content: bytes, at: datetime
    ) -> Shown:
        """Take a file in; the same one of the same side is on record once.

        Raises `NotEvidence`, `Infected`, `IllegalTransition`, `LimitReached`, `Outage` and
        `Erased`.
        """
        wanted = _described(state, sender, content, at)
        async with looking(self.engine) as db:
            known = await _taken(db, state, wanted)
        await self._must_be_clean(wanted, content, state.version)
        sealed = await self.vault.seal((known or wanted).person, content)
        if known is not None:
            # It may have been lost there since.
            await self.files.put(known.place, sealed)
            return known
        async with self.engine.begin() as db:
            await evidence.lock(db, state.dispute)
            now = await reading.dispute(db, state.dispute) or state
            if (known := await _taken(db, now, wanted)) is not None:
                return known
            # The file first: a row without its file would be a promise that nobody can keep. And
            # under the lock: of two agents with the same file, the second's seal must not take
            # the place of the first's, who is on record with it.
            await self.files.put(wanted.place, sealed)
            return await _put_on_record(db, now, wanted, str(sender.actor))

    async def _must_be_clean(self, wanted: Shown, content: bytes, version: int) -> None:
        """Refuse malware (`Infected`); what was found, and by whom it was sent, is kept."""
        found = await self.scanner.found(content)
        if not found:
            return
        facts = {"found": found, "sha256": wanted.sha256, "size": wanted.size}
        # Each file that was refused is an entry of its own, at the version of the case.
        action = f"evidence_refused/{wanted.sha256[:12]}"
        entry = Entry(
            0,
            dispute_workflow_id(wanted.dispute),
            version,
            action,
            wanted.actor,
            wanted.received_at,
            "",
            facts,
        )
        async with self.engine.begin() as db:
            await db.execute(audit.adding(entry))
        log.warning("evidence.infected", dispute=wanted.dispute, found=found)
        raise Infected(f"there is malware in the file ({found}): it was not kept", found=found)

    async def of(self, dispute: str) -> Sequence[Shown]:
        """Everything that was shown, the first one first."""
        async with looking(self.engine) as db:
            return await evidence.of(db, dispute)

    async def file(self, dispute: str, number: int) -> tuple[Shown, bytes]:
        """One file in clear. Raises `NotKnown`, `Erased` once its person is, and `Outage`."""
        shown = next((one for one in await self.of(dispute) if one.number == number), None)
        if shown is None:
            raise NotKnown(f"there is no evidence {number} in dispute {dispute}", dispute=dispute)
        try:
            sealed = await self.files.get(shown.place)
        except LookupError:
            # On record, and not where it was put: somebody has to restore the store.
            log.exception("evidence.lost", place=shown.place)
            raise NotKnown(
                f"evidence {number} of dispute {dispute} is missing from the store of files",
                dispute=dispute,
            ) from None
        return shown, await self.vault.open(shown.person, sealed)


def _described(state: DisputeState, sender: Sender, content: bytes, at: datetime) -> Shown:
    """What there is to know of a file, by its content and not by what it is called."""
    media_type = _kind_of(content)
    if media_type not in MEDIA_TYPES:
        raise NotEvidence(f"a file of the kind {media_type} cannot be shown", kind=media_type)
    actor, people = sender.actor, {Role.BUYER: state.buyer, Role.SELLER: state.seller}
    return Shown(
        dispute=state.dispute,
        number=0,
        side=side_of(actor.role),
        actor=sender.name,
        person=people.get(actor.role, str(actor)),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type,
        size=len(content),
        received_at=at,
        is_late=is_late(state, at),
    )


def _kind_of(content: bytes) -> str:
    guessed: str | None = None
    if content:
        guessed = filetype.guess_mime(content)  # pyright: ignore[reportUnknownMemberType] - it has no types
    return guessed or "unknown"


async def _taken(db: AsyncConnection, state: DisputeState, wanted: Shown) -> Shown | None:
    """The same file, if it was taken before; else it must be one that may be taken."""
    ours = [one for one in await evidence.of(db, state.dispute) if one.side == wanted.side]
    for one in ours:
        if one.sha256 == wanted.sha256:
            return one
    must_be_taken(state, len(ours))
    return None


async def _put_on_record(
    db: AsyncConnection, state: DisputeState, wanted: Shown, actor: str
) -> Shown:
    number = len(await evidence.of(db, state.dispute)) + 1
    shown = replace(wanted, number=number, is_late=is_late(state, wanted.received_at))
    await evidence.add(db, shown)
    facts: dict[str, str | int] = {"order": state.order, "evidence": number}
    event = Event(told_as(shown.side), shown.received_at, actor, facts, part=number)
    async with inside(db) as tx:
        # The state as it is shown: nothing of it changes.
        await tx.story.tell_dispute(state, event)
    log.info(
        "evidence.taken", dispute=state.dispute, number=number, size=shown.size, late=shown.is_late
    )
    return shown
