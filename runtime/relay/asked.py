"""Requests that nobody could deliver when they were asked."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from persistence import waiting
from persistence.tables.traffic import Request
from runtime.desk import Desk
from runtime.relay.lane import Job


class Asked:
    """Hands waiting requests to the desk, which delivers them and keeps the answers."""

    name = "requests"

    def __init__(self, engine: AsyncEngine, desk: Desk) -> None:
        """Let *desk* deliver."""
        self._engine = engine
        self._desk = desk

    async def take(self, limit: int, subject: str | None = None) -> Sequence[Job]:
        """Take requests whose first delivery failed, or was cut off."""
        if subject is not None:
            return await self._of(subject)
        return [partial(self._desk.deliver, one) for one in await self._desk.claim(limit)]

    async def _of(self, subject: str) -> Sequence[Job]:
        due = (
            select(col(Request.id))
            .where(
                col(Request.object) == subject,
                col(Request.state) == waiting.WAITING,
                col(Request.due_at) <= func.now(),
            )
            .order_by(col(Request.seq))
            .limit(1)
        )
        async with self._engine.connect() as db:
            return [partial(self._desk.deliver, one) for one in (await db.execute(due)).scalars()]

    async def pending(self, subject: str | None = None) -> int:
        """How many requests wait."""
        query = select(func.count()).where(col(Request.state) == waiting.WAITING)
        if subject is not None:
            query = query.where(col(Request.object) == subject)
        async with self._engine.connect() as db:
            return int((await db.execute(query)).scalar_one())
