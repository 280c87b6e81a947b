"""Words that must go out: taken in order, sent, and done with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.order.state import OrderState
from persistence import records, waiting
from persistence.tables.business import OrderRow, OrderViewRow, Particulars
from persistence.tables.traffic import Notice

SKIPPED: Final = "skipped"


@dataclass(frozen=True)
class Waiting:
    """One notice that is to be sent. `template` is the kind of its event.

    `sealed` are facts for the recipient's eyes only.
    """

    seq: int
    key: str
    subject: str
    audience: str
    recipient: str
    template: str
    facts: Mapping[str, Any]
    attempts: int
    defects: int
    sealed: bytes | None = None


_COLUMNS: Final = tuple(col(getattr(Notice, name)) for name in Waiting.__dataclass_fields__)


async def take(
    db: AsyncConnection, limit: int, lease: timedelta, subject: str | None = None
) -> list[Waiting]:
    """Take the first notice of at most *limit* subjects."""
    taken = await waiting.take(db, Notice, limit, lease, subject)
    query = select(*_COLUMNS).where(col(Notice.seq).in_(taken)).order_by(col(Notice.seq))
    return [Waiting(*row) for row in await db.execute(query)]


async def forget_sealed(db: AsyncConnection, seq: int) -> None:
    """What only the letter held is not needed once it has gone."""
    await db.execute(update(Notice).where(col(Notice.seq) == seq).values(sealed=None))


async def particulars_of(db: AsyncConnection, subject: str) -> tuple[str, bytes] | None:
    """(person, sealed words) of whom *subject* is about, if anything is on file.

    What is on file of a purchase is so of each of its orders.
    """
    purchase = select(literal("purchase/") + col(OrderRow.purchase)).where(
        col(OrderRow.order) == subject.removeprefix("order/"), col(OrderRow.purchase) != ""
    )
    query = (
        select(col(Particulars.person), col(Particulars.sealed))
        .where(or_(col(Particulars.subject) == subject, col(Particulars.subject).in_(purchase)))
        .order_by((col(Particulars.subject) == subject).desc())
        .limit(1)
    )
    row = (await db.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def order_of(db: AsyncConnection, subject: str) -> OrderState | None:
    """The order that a notice is about, as it stands now."""
    name = subject.removeprefix("order/")
    query = select(col(OrderViewRow.state)).where(col(OrderViewRow.order) == name)
    state = (await db.execute(query)).scalar_one_or_none()
    return None if state is None else records.ORDER_STATE.validate_python(state)
