"""What the database itself refuses, whatever the application tries."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import Account, AccountKind, Leg, Posting, move
from persistence.database import SqlDatabase
from persistence.engine import connect

AT = datetime(2026, 3, 2, tzinfo=UTC)
PAYABLE = Account(AccountKind.PAYABLE, "s-1")


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    """Connections as the application has them: in its own role."""
    engine = connect(database_url)
    yield engine
    await engine.dispose()


def earned(key: str, amount: int) -> Posting:
    """An entry by which a seller has so much more (less, where negative)."""
    legs = move([(AccountKind.PAYABLE, "s-1", -amount), (AccountKind.ESCROW, "o-1", amount)])
    return Posting(key, "release", "order/o-1", "EUR", AT, legs)


async def into_escrow(database: SqlDatabase, amount: int) -> None:
    legs = move([(AccountKind.CLEARING, "stripe", amount), (AccountKind.ESCROW, "o-1", -amount)])
    async with database.transaction() as tx:
        await tx.ledger.post(Posting("capture", "capture", "order/o-1", "EUR", AT, legs))


async def test_an_entry_that_does_not_balance_is_refused_at_commit(engine: AsyncEngine) -> None:
    """The domain refuses it first; the trigger stands behind whoever goes round the domain."""
    with pytest.raises(DBAPIError, match="is off by 1 EUR"):
        async with engine.begin() as db:
            await db.execute(
                text(
                    "WITH p AS (INSERT INTO postings (key, kind, process, currency, effective_at)"
                    " VALUES ('k', 'capture', 'order/o-1', 'EUR', now()) RETURNING id)"
                    " INSERT INTO legs (posting, kind, owner, currency, amount, effective_at)"
                    " SELECT id, 'provider_clearing', 'stripe', 'EUR', 1, now() FROM p"
                )
            )


def test_an_entry_that_does_not_balance_cannot_be_made() -> None:
    """A defect, found before the database hears of it."""
    with pytest.raises(ValueError, match="does not sum to zero"):
        Posting("k", "capture", "order/o-1", "EUR", AT, (Leg(PAYABLE, 1),))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE postings SET kind = 'other'",
        "DELETE FROM postings",
        "TRUNCATE postings CASCADE",
        "UPDATE legs SET amount = amount + 1",
        "DELETE FROM legs",
        "TRUNCATE legs",
    ],
)
async def test_nothing_that_was_posted_can_be_changed(engine: AsyncEngine, statement: str) -> None:
    """The application's role may only add: a correction is a reversing entry."""
    await into_escrow(SqlDatabase(engine), 100)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with engine.begin() as db:
            await db.execute(text(statement))


async def test_a_balance_never_becomes_a_claim(engine: AsyncEngine) -> None:
    """What is owed to a seller can be used up; nobody takes more than that."""
    database = SqlDatabase(engine)
    await into_escrow(database, 100)
    with pytest.raises(IntegrityError, match="balances_are_owed"):
        async with database.transaction() as tx:
            await tx.ledger.post(earned("release", 101))
    async with database.transaction() as tx:
        assert await tx.ledger.entry("release") is None


async def test_nothing_is_taken_from_a_balance_that_never_was(engine: AsyncEngine) -> None:
    """An account without a row holds nothing: a debit must not pass uncounted."""
    database = SqlDatabase(engine)
    with pytest.raises(NoResultFound):
        async with database.transaction() as tx:
            await tx.ledger.post(earned("release", 1))
    async with database.transaction() as tx:
        assert await tx.ledger.entry("release") is None


async def test_an_entry_is_posted_once_under_its_key(engine: AsyncEngine) -> None:
    """The second time nothing changes, and the caller is told so."""
    database = SqlDatabase(engine)
    await into_escrow(database, 100)
    answers: list[bool] = []
    for _ in range(2):
        async with database.transaction() as tx:
            answers.append(await tx.ledger.post(earned("release", 60)))

    async with database.transaction() as tx:
        assert answers == [True, False]
        assert await tx.ledger.balance(PAYABLE, "EUR") == 60


async def test_what_was_payable_by_a_moment_is_the_sum_until_then(engine: AsyncEngine) -> None:
    """Business time, not the time of recording, decides what a payout may take."""
    database = SqlDatabase(engine)
    await into_escrow(database, 100)
    async with database.transaction() as tx:
        await tx.ledger.post(earned("release", 60))

    async with database.transaction() as tx:
        before = AT.replace(year=2025)
        assert await tx.ledger.held_as_of(PAYABLE, "EUR", before) == 0
        assert await tx.ledger.held_as_of(PAYABLE, "EUR", AT) == 60


@pytest.mark.parametrize(
    "change",
    [
        "refunded = captured + 1",
        "refunded = 60, charged_back = 41",
        "released = captured - held + 1",
        "held = captured + 1",
        "held = -1",
    ],
)
async def test_an_order_s_money_holds_together(engine: AsyncEngine, change: str) -> None:
    """Invariants 2 and 3 of the policy stand in the database, too."""
    row = (
        'INSERT INTO order_money ("order", seller, currency, total, commission, captured,'
        " refunded, charged_back, held, released, reserved, recovered, charged)"
        " VALUES ('o-1', 's-1', 'EUR', 100, 8, 100, 0, 0, 0, 0, 0, 0, 0)"
    )
    async with engine.begin() as db:
        await db.execute(text(row))
    with pytest.raises(IntegrityError, match="order_money_holds_together"):
        async with engine.begin() as db:
            await db.execute(text(f"UPDATE order_money SET {change}"))  # noqa: S608 - the test's own
