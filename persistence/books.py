"""The books as an auditor reads them: invariants, clearing accounts, marks, alarms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from persistence import invariants
from persistence.tables.business import Alarm, Mark
from persistence.upkeep_port import Breach, ClearingEntry

_CLEARING: Final = text("""
    SELECT p.key, c.owner, c.currency, sum(c.amount)::bigint AS amount,
        coalesce((
            SELECT sum(f.amount) FROM legs f
            WHERE f.posting = p.id AND f.kind = 'provider_fees' AND f.owner = c.owner
        ), 0)::bigint AS fee,
        p.recorded_at
    FROM postings p JOIN legs c ON c.posting = p.id
    WHERE c.kind = 'provider_clearing'
        AND (c.owner = :provider OR starts_with(c.owner, :provider || ':'))
        AND p.recorded_at >= coalesce(:since, '-infinity'::timestamptz)
    GROUP BY p.id, c.owner, c.currency ORDER BY p.id
""")
_ACCOUNTS: Final = text("""
    SELECT account FROM sellers WHERE account <> ''
    UNION SELECT substr(owner, length(:provider) + 2) FROM legs
    WHERE kind = 'provider_clearing' AND starts_with(owner, :provider || ':')
    ORDER BY 1
""")


class SqlBooks:
    """Keeps `persistence.port.Books`."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Read through *engine*; its owner closes it."""
        self._engine = engine

    async def breaches(self, at: datetime) -> Sequence[Breach]:
        """Every invariant that does not hold."""
        async with self._engine.connect() as db:
            return await invariants.broken(db, at)

    async def clearing(self, provider: str, since: datetime | None) -> Sequence[ClearingEntry]:
        """One row per posting and balance."""
        async with self._engine.connect() as db:
            rows = await db.execute(_CLEARING, {"provider": provider, "since": since})
            return [ClearingEntry(*row) for row in rows.all()]

    async def accounts(self, provider: str) -> Sequence[str]:
        """Every connected account, also of sellers who have changed theirs."""
        async with self._engine.connect() as db:
            return list((await db.execute(_ACCOUNTS, {"provider": provider})).scalars())

    async def mark(self, name: str) -> datetime | None:
        """How far a repeated reading has come."""
        async with self._engine.connect() as db:
            query = select(col(Mark.at)).where(col(Mark.name) == name)
            return (await db.execute(query)).scalar_one_or_none()

    async def put_mark(self, name: str, at: datetime) -> None:
        """Move it on."""
        new = insert(Mark).values(name=name, at=at)
        async with self._engine.begin() as db:
            await db.execute(
                new.on_conflict_do_update(
                    index_elements=["name"],
                    set_={"at": func.greatest(col(Mark.at), new.excluded.at)},
                )
            )

    async def report(
        self, kinds: str, found: Sequence[Breach], at: datetime, agreed: Sequence[str] | None
    ) -> int:
        """Alarms say what is wrong now: new ones are raised, mended ones cleared."""
        async with self._engine.begin() as db:
            await _clear(db, kinds, found, at, agreed)
            new = [await _raise(db, f"{kinds}.{breach.kind}", breach, at) for breach in found]
        return sum(new)


async def _raise(db: AsyncConnection, kind: str, breach: Breach, at: datetime) -> bool:
    facts = dict(breach.facts) | {"postings": list(breach.keys)}
    written = await db.execute(
        insert(Alarm)
        .values(kind=kind, subject=breach.subject, detail=breach.detail, facts=facts, raised_at=at)
        .on_conflict_do_nothing()
        .returning(col(Alarm.id))
    )
    return written.scalar_one_or_none() is not None


async def _clear(
    db: AsyncConnection,
    kinds: str,
    found: Sequence[Breach],
    at: datetime,
    agreed: Sequence[str] | None,
) -> None:
    query = select(col(Alarm.id), col(Alarm.kind), col(Alarm.subject)).where(
        col(Alarm.kind).startswith(f"{kinds}."), col(Alarm.cleared_at).is_(None)
    )
    standing = {(f"{kinds}.{breach.kind}", breach.subject) for breach in found}
    mended = [
        number
        for number, kind, subject in (await db.execute(query)).all()
        if (kind, subject) not in standing and (agreed is None or subject in agreed)
    ]
    if mended:
        await db.execute(update(Alarm).where(col(Alarm.id).in_(mended)).values(cleared_at=at))
