"""What must hold between a purchase's payment and its orders is checked, and guarded."""

from collections.abc import AsyncGenerator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.errors import NotKnown
from domain.ledger import Posting
from domain.order.postings import captured
from domain.policy import Terms, Tier
from domain.purchase.money import capture_key, fee_shares
from domain.purchase.state import Share
from persistence.books import SqlBooks
from persistence.database import SqlDatabase, SqlTransaction
from persistence.engine import connect
from persistence.port import OrderRecord
from persistence.purchase_port import PurchaseRecord
from persistence.records import TERMS

_AT: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
_SHARES: Final = (Share("p-1-1", "s-1", 6_000), Share("p-1-2", "s-2", 4_000))
BREAKS: Final = MappingProxyType(
    {
        "purchase_misallocated": "UPDATE purchase_allocations SET amount = amount - 1"
        " WHERE position = 1",
        "purchase_money_drifted": "UPDATE purchases SET refunded = 1",
        "purchase_fee_drifted": "UPDATE purchases SET fee = fee + 1",
    }
)


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    """Books with one payment of 100 euros over two orders."""
    engine = connect(database_url)
    async with SqlDatabase(engine).transaction() as tx:
        await _a_paid_purchase(tx)
    yield engine
    await engine.dispose()


async def _a_paid_purchase(tx: SqlTransaction) -> None:
    owed = [one.name for one in fields(Terms) if one.default is MISSING]
    figures = dict.fromkeys(owed, 1)
    terms = TERMS.validate_python(figures | {"policy": "standard/1", "tier": Tier.STANDARD})
    await tx.purchases.open(PurchaseRecord("p-1", "b-1", "EUR", _SHARES, _AT, 3_600, 7_200, 60, 90))
    fees = dict(zip(_SHARES, fee_shares(321, _SHARES), strict=True))
    payment = await tx.purchases.locked("p-1")
    for share, fee in fees.items():
        record = OrderRecord(
            share.order, "b-1", share.seller, "EUR", share.amount, "DE", _AT, terms, purchase="p-1"
        )
        await tx.orders.open(record)
        key = capture_key("p-1", "pi_1", share.order)
        legs = captured("stripe", share.order, share.amount, fee)
        await tx.ledger.post(Posting(key, "capture", f"order/{share.order}", "EUR", _AT, legs))
        funds = await tx.funds.locked(share.order)
        await tx.funds.put(funds.with_capture(share.amount))
    await tx.purchases.bear({share.order: fee for share, fee in fees.items()})
    await tx.purchases.put(payment.with_capture(10_000, 321))


async def test_a_paid_purchase_breaks_nothing(engine: AsyncEngine) -> None:
    """A check that cries at every purchase is soon ignored."""
    assert await SqlBooks(engine).breaches(_AT) == []


@pytest.mark.parametrize("name", BREAKS)
async def test_a_payment_that_its_orders_contradict_is_found(
    engine: AsyncEngine, name: str
) -> None:
    """A cent between the payment and its shares is somebody's, and nobody would miss it."""
    async with engine.begin() as db:
        await db.execute(text(BREAKS[name]))
    (found,) = await SqlBooks(engine).breaches(_AT)

    assert (found.kind, found.subject) == (name, "purchase/p-1")
    assert "{" not in found.detail
    assert sorted(found.keys) == [capture_key("p-1", "pi_1", share.order) for share in _SHARES]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE purchases SET refunded = captured + 1",
        "UPDATE purchases SET refunded = 6000, charged_back = 4001",
        "UPDATE purchases SET captured = total + 1",
    ],
)
async def test_the_database_refuses_more_than_the_payment_has(
    engine: AsyncEngine, statement: str
) -> None:
    """The domain refuses it first; the constraint stands behind whoever goes round the domain."""
    with pytest.raises(IntegrityError, match="purchases_hold_together"):
        async with engine.begin() as db:
            await db.execute(text(statement))


async def test_a_purchase_is_found_as_it_was_opened(engine: AsyncEngine) -> None:
    """A step that runs twice must not give a payment new terms, or an order another share."""
    async with SqlDatabase(engine).transaction() as tx:
        other = PurchaseRecord("p-1", "b-2", "USD", _SHARES[:1], _AT, 1, 1, 1, 1)
        again = await tx.purchases.open(other)

        assert (again.buyer, again.shares, again.pay_within) == ("b-1", _SHARES, 3_600)
        assert await tx.purchases.paying("o-alone") is None
        with pytest.raises(NotKnown):
            await tx.purchases.locked("p-none")
