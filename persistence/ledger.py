"""The ledger in PostgreSQL: append-only entries, locked balances in sorted order."""

from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.ledger import LOCKED, Account, AccountKind, Leg, Posting
from persistence.tables import table_of
from persistence.tables.ledger import Balance, LegRow, PostingRow

_POSTINGS: Final = table_of(PostingRow)
_POSTING: Final = (
    insert(_POSTINGS).on_conflict_do_nothing(index_elements=["key"]).returning(_POSTINGS.c.id)
)
_LEGS: Final = insert(table_of(LegRow))


class SqlLedger:
    """Keeps `persistence.port.Ledger` inside one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def post(self, posting: Posting) -> bool:
        """Write the entry unless its key is there. The database checks the sum at commit."""
        entry = {
            "key": posting.key,
            "kind": posting.kind,
            "process": posting.process,
            "currency": posting.currency,
            "effective_at": posting.effective_at,
        }
        written = (await self._session.execute(_POSTING, entry)).scalar_one_or_none()
        if written is None:
            return False
        await self._session.execute(
            _LEGS,
            [
                {
                    "posting": written,
                    "kind": str(leg.account.kind),
                    "owner": leg.account.owner,
                    "currency": posting.currency,
                    "amount": leg.amount,
                    "effective_at": posting.effective_at,
                }
                for leg in posting.legs
            ],
        )
        locked = (leg for leg in posting.legs if leg.account.kind in LOCKED)
        for leg in sorted(locked, key=lambda leg: leg.account):
            await self._add(leg, posting.currency)
        return True

    async def _add(self, leg: Leg, currency: str) -> None:
        """Move the locked row. A debit meets a row that exists, or there is nothing to take."""
        key = {"kind": str(leg.account.kind), "owner": leg.account.owner, "currency": currency}
        if leg.amount > 0:
            taken = await self._session.execute(
                update(Balance)
                .filter_by(**key)
                .values(amount=col(Balance.amount) + leg.amount)
                .returning(col(Balance.amount))
            )
            taken.scalar_one()
            return
        new = insert(Balance).values(**key, amount=leg.amount)
        await self._session.execute(
            new.on_conflict_do_update(
                index_elements=["kind", "owner", "currency"],
                set_={"amount": col(Balance.amount) + new.excluded.amount},
            )
        )

    async def entry(self, key: str) -> Posting | None:
        """The entry posted under *key*, its legs in the order of writing."""
        head = await self._session.execute(select(PostingRow).where(col(PostingRow.key) == key))
        row = head.scalar_one_or_none()
        if row is None:
            return None
        legs = await self._session.execute(
            select(LegRow).where(col(LegRow.posting) == row.id).order_by(col(LegRow.id))
        )
        return Posting(
            key=row.key,
            kind=row.kind,
            process=row.process,
            currency=row.currency,
            effective_at=row.effective_at,
            legs=tuple(
                Leg(Account(AccountKind(leg.kind), leg.owner), leg.amount) for leg in legs.scalars()
            ),
        )

    async def balance(self, account: Account, currency: str) -> int:
        """What the account holds for its owner; the row stays locked to the end."""
        row = await self._session.execute(
            select(col(Balance.amount))
            .where(
                col(Balance.kind) == str(account.kind),
                col(Balance.owner) == account.owner,
                col(Balance.currency) == currency,
            )
            .with_for_update()
        )
        return -(row.scalar_one_or_none() or 0)

    async def held_as_of(self, account: Account, currency: str, as_of: datetime) -> int:
        """The sum of the account's entries effective up to *as_of*, credit positive."""
        found = await self._session.execute(
            select(func.coalesce(func.sum(col(LegRow.amount)), 0)).where(
                col(LegRow.kind) == str(account.kind),
                col(LegRow.owner) == account.owner,
                col(LegRow.currency) == currency,
                col(LegRow.effective_at) <= as_of,
            )
        )
        return -int(found.scalar_one())
