"""Bank details that wait to be confirmed, in SQL; one change of a seller is open at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.payout.bank_change import ChangeState
from persistence.tables.business import BankChange, Seller

_OPEN: Final = (str(ChangeState.AWAITING_OWNER), str(ChangeState.AWAITING_CODE))


@dataclass(frozen=True)
class BankChangeRow:
    """One change as it was asked for, and what became of it."""

    id: int
    seller: str
    account: str
    state: str
    asked_by: str
    asked_at: datetime
    lapses_at: datetime
    code_hash: str
    tries: int
    decided_by: str
    decided_at: datetime | None
    note: str


_COLUMNS: Final[tuple[Any, ...]] = tuple(
    col(getattr(BankChange, name)) for name in BankChangeRow.__dataclass_fields__
)


async def lock_seller(db: AsyncConnection, seller: str) -> None:
    """Let nobody else change the seller's details until the transaction ends."""
    await db.execute(
        select(col(Seller.seller)).where(col(Seller.seller) == seller).with_for_update()
    )


async def open_of(db: AsyncConnection, seller: str) -> BankChangeRow | None:
    """The change that waits, lapsed or not."""
    query = select(*_COLUMNS).where(
        col(BankChange.seller) == seller, col(BankChange.state).in_(_OPEN)
    )
    row = (await db.execute(query)).one_or_none()
    return None if row is None else BankChangeRow(*row)


async def of(
    db: AsyncConnection, seller: str, before: int | None, limit: int
) -> Sequence[BankChangeRow]:
    """A seller's changes, the newest first."""
    query = select(*_COLUMNS).where(col(BankChange.seller) == seller)
    if before is not None:
        query = query.where(col(BankChange.id) < before)
    found = await db.execute(query.order_by(col(BankChange.id).desc()).limit(limit))
    return [BankChangeRow(*row) for row in found.all()]


async def found(db: AsyncConnection, seller: str, number: int) -> BankChangeRow | None:
    """One change of a seller."""
    query = select(*_COLUMNS).where(col(BankChange.seller) == seller, col(BankChange.id) == number)
    row = (await db.execute(query)).one_or_none()
    return None if row is None else BankChangeRow(*row)


async def ask(
    db: AsyncConnection,
    seller: str,
    account: str,
    state: ChangeState,
    by: str,
    at: datetime,
    lapses_at: datetime,
) -> BankChangeRow:
    """Put a new change on record; there must be no other that is open."""
    written = await db.execute(
        insert(BankChange)
        .values(
            seller=seller,
            account=account,
            state=str(state),
            asked_by=by,
            asked_at=at,
            lapses_at=lapses_at,
            code_hash="",
            tries=0,
            decided_by="",
            note="",
        )
        .returning(col(BankChange.id))
    )
    row = await found(db, seller, written.scalar_one() or 0)
    if row is None:
        raise LookupError(seller)
    return row


async def put(db: AsyncConnection, number: int, **changed: object) -> None:
    """Write what has changed of one."""
    await db.execute(update(BankChange).where(col(BankChange.id) == number).values(**changed))
