"""The ledger in PostgreSQL: append-only entries, locked balances in sorted order."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import col

from domain.ledger import LOCKED, Account, AccountKind, Leg, Posting
from persistence.session import Session
from persistence.tables import table_of
from persistence.tables.ledger import Balance, LegRow, PostingRow

_ENTRY_OF: Final = ("key", "kind", "process", "currency", "effective_at")
_KEY: Final = ("kind", "owner", "currency")
# Made once, on the tables themselves: these are run for every step that moves money.
_POSTINGS: Final = table_of(PostingRow)
# An entry with its legs; it says nothing if the entry is there.
_POSTING: Final = text("""
WITH entry AS (
    INSERT INTO postings (key, kind, process, currency, effective_at)
    VALUES (:key, :kind, :process, :currency, :effective_at)
    ON CONFLICT (key) DO NOTHING
    RETURNING id, currency, effective_at
), written AS (
    INSERT INTO legs (posting, kind, owner, currency, amount, effective_at)
    SELECT entry.id, leg.kind, leg.owner, entry.currency, leg.amount, entry.effective_at
    FROM entry CROSS JOIN ROWS FROM (
        jsonb_to_recordset(:legs) AS (kind text, owner text, amount bigint)
    ) WITH ORDINALITY AS leg (kind, owner, amount, number)
    ORDER BY leg.number
)
SELECT id FROM entry
""").bindparams(
    *(bindparam(name, type_=_POSTINGS.c[name].type) for name in _ENTRY_OF),
    bindparam("legs", type_=JSONB),
)
_ENTRY: Final = select(_POSTINGS).where(_POSTINGS.c.key == bindparam("under"))
_LEGS: Final = table_of(LegRow)
_ITS_LEGS: Final = (
    select(_LEGS.c.kind, _LEGS.c.owner, _LEGS.c.amount)
    .where(_LEGS.c.posting == bindparam("of"))
    .order_by(_LEGS.c.id)
)
_BALANCES: Final = table_of(Balance)
_ITS: Final = tuple(_BALANCES.c[name] == bindparam(f"its_{name}") for name in _KEY)
_BALANCE: Final = select(_BALANCES.c.amount).where(*_ITS).with_for_update()
_TAKING: Final = (
    update(_BALANCES)
    .where(*_ITS)
    .values(amount=_BALANCES.c.amount + bindparam("more"))
    .returning(_BALANCES.c.amount)
)
_NEW: Final = insert(_BALANCES)
_ADDING: Final = _NEW.on_conflict_do_update(
    index_elements=_KEY, set_={"amount": _BALANCES.c.amount + _NEW.excluded.amount}
)


class SqlLedger:
    """Keeps `persistence.port.Ledger` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def post(self, posting: Posting) -> bool:
        """Write the entry unless its key is there. The database checks the sum at commit."""
        entry: dict[str, Any] = {name: getattr(posting, name) for name in _ENTRY_OF}
        legs = [
            {"kind": str(leg.account.kind), "owner": leg.account.owner, "amount": leg.amount}
            for leg in posting.legs
        ]
        written = await self._session.run(_POSTING, entry | {"legs": legs})
        if written.scalar_one_or_none() is None:
            return False
        locked = (leg for leg in posting.legs if leg.account.kind in LOCKED)
        for leg in sorted(locked, key=lambda leg: leg.account):
            await self._add(leg, posting.currency)
        return True

    async def _add(self, leg: Leg, currency: str) -> None:
        """Move the locked row. A debit meets a row that exists, or there is nothing to take."""
        if leg.amount > 0:
            its = _of(leg.account, currency) | {"more": leg.amount}
            (await self._session.run(_TAKING, its)).scalar_one()
        else:
            row = (str(leg.account.kind), leg.account.owner, currency)
            new: dict[str, Any] = dict(zip(_KEY, row, strict=True))
            await self._session.run(_ADDING, new | {"amount": leg.amount})

    async def entry(self, key: str) -> Posting | None:
        """The entry posted under *key*, its legs in the order of writing."""
        row = (await self._session.run(_ENTRY, {"under": key})).one_or_none()
        if row is None:
            return None
        legs = await self._session.run(_ITS_LEGS, {"of": row.id})
        return Posting(
            key=row.key,
            kind=row.kind,
            process=row.process,
            currency=row.currency,
            effective_at=row.effective_at,
            legs=tuple(Leg(Account(AccountKind(leg.kind), leg.owner), leg.amount) for leg in legs),
        )

    async def balance(self, account: Account, currency: str) -> int:
        """What the account holds for its owner; the row stays locked to the end."""
        row = await self._session.run(_BALANCE, _of(account, currency))
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


def _of(account: Account, currency: str) -> dict[str, Any]:
    row = (str(account.kind), account.owner, currency)
    return {f"its_{name}": value for name, value in zip(_KEY, row, strict=True)}
