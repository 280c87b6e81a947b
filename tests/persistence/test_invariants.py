"""Each invariant of the books bites: tampered with, they say what is wrong and where."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import Leg, Posting
from domain.order.postings import (
    RefundSources,
    captured,
    plan_refund,
    plan_release,
    refund_reserved,
    released,
)
from domain.payout import rules
from domain.policy import Terms, Tier
from domain.shipment.labels import Bearer, Label, charged
from persistence.books import SqlBooks
from persistence.database import SqlDatabase, SqlTransaction
from persistence.engine import connect
from persistence.invariants import CHECKS, NOT_FINAL_AT_MOST, ON_ITS_WAY_AT_MOST
from persistence.port import EffectRecord, OrderRecord
from persistence.records import TERMS
from persistence.upkeep_port import Breach
from tests.persistence.test_purchase_invariants import BREAKS as OF_PURCHASES

_AT: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
_ORDER, _PAYOUT = "order/o-1", "payout/s-1/2026-11-02-EUR"
# What somebody with all rights would have to do to break each invariant, and whom it concerns.
_BREAKS: Final = MappingProxyType(
    {
        "unbalanced_currency": (
            "UPDATE legs SET amount = amount + 1 WHERE kind = 'provider_fees'",
            "EUR",
        ),
        "unbalanced_posting": (
            "UPDATE legs SET amount = amount + 1 WHERE kind = 'provider_fees'",
            "order/o-1/capture/pi_1",
        ),
        "balance_drifted": (
            "UPDATE balances SET amount = amount - 1 WHERE kind = 'seller_payable'",
            "seller_payable/s-1/EUR",
        ),
        "refunded_beyond_captured": ("UPDATE order_money SET refunded = captured + 1", _ORDER),
        "released_beyond_escrow": ("UPDATE order_money SET released = captured", _ORDER),
        "escrow_drifted": ("UPDATE order_money SET recovered = 7", _ORDER),
        "captured_drifted": ("UPDATE order_money SET captured = captured + 100", _ORDER),
        "holds_drifted": ("UPDATE holds SET amount = amount - 1", _ORDER),
        "exchange_drifted": ("UPDATE order_money SET settled = settled + 1", _ORDER),
        "refunds_in_transit_drifted": (
            "UPDATE effects SET state = 'done' WHERE kind = 'refund'",
            _ORDER,
        ),
        "payouts_in_transit_drifted": (
            "UPDATE effects SET state = 'done' WHERE kind = 'payout'",
            _PAYOUT,
        ),
        "carrier_costs_drifted": (
            "UPDATE effects SET state = 'done' WHERE kind = 'label'",
            "carrier_costs/EUR",
        ),
    }
)


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    """The application's own connection to books in which much is under way, and all is well."""
    engine = connect(database_url)
    async with SqlDatabase(engine).transaction() as tx:
        await _an_order_under_way(tx)
        await _a_payout_under_way(tx)
        await _a_label_under_way(tx)
    yield engine
    await engine.dispose()


async def _an_order_under_way(tx: SqlTransaction) -> None:
    """100 euros came in; 40 are released, 10 are on their way back, 5 are held."""
    figures = {field.name: 1 for field in fields(Terms) if field.type is int}
    fixed = {"policy": "standard/1", "tier": Tier.STANDARD, "commission": 800}
    terms = TERMS.validate_python(figures | fixed)
    await tx.orders.open(
        OrderRecord("o-1", "b-1", "s-1", "EUR", 10_000, "DE", placed_at=_AT, terms=terms)
    )
    funds = (await tx.funds.locked("o-1")).with_capture(10_000)
    await tx.ledger.post(_entry("capture/pi_1", "capture", captured("stripe", "o-1", 10_000, 320)))
    release = plan_release(4_000, released=0, total=10_000, commission=800, reserve_bp=0)
    await tx.ledger.post(_entry("release/3", "release", released("o-1", "s-1", release)))
    refund = plan_refund(1_000, RefundSources(6_000, 4_000, release.commission))
    legs = refund_reserved("o-1", "s-1", refund)
    await tx.ledger.post(_entry("refund/1/reserved", "refund_reserved", legs))
    await tx.funds.ask(
        EffectRecord("order/o-1/refund/1", "refund", _ORDER, "stripe", "EUR", 1_000, _AT)
    )
    await tx.funds.place_hold("h-1", "o-1", 500, "dispute", "c-1", _AT)
    await tx.funds.put(funds.with_release(release).with_refund(1_000, refund).with_hold(500))


async def _a_payout_under_way(tx: SqlTransaction) -> None:
    name = _PAYOUT.removeprefix("payout/")
    legs = rules.reserved(name, "s-1", 3_000, 0)
    await tx.ledger.post(Posting(f"{_PAYOUT}/reserved", "payout", _PAYOUT, "EUR", _AT, legs))
    for kind in ("transfer", "payout"):
        effect = EffectRecord(f"{_PAYOUT}/{kind}/1", kind, _PAYOUT, "stripe", "EUR", 3_000, _AT)
        await tx.funds.ask(effect)


async def _a_label_under_way(tx: SqlTransaction) -> None:
    """Its seller is charged, and the carrier is being paid."""
    key = f"{_ORDER}/label/1"
    label = Label(
        *(key, "o-1", "s-1", "UPS", "Ground", 865, "EUR", Bearer.SELLER),
        *("shp_1", "rate_1", _AT),
    )
    await tx.funds.ask(EffectRecord(key, "label", _ORDER, "easypost", "EUR", 865, _AT))
    await tx.labels.ask(label)
    await tx.ledger.post(
        _entry("label/1/charged", "label_charged", charged(Bearer.SELLER, "s-1", 865, 100))
    )


def _entry(step: str, kind: str, legs: tuple[Leg, ...]) -> Posting:
    return Posting(f"{_ORDER}/{step}", kind, _ORDER, "EUR", _AT, legs)


async def _tamper(url: str, *statements: str) -> None:
    """Do what the application's role may not, past every trigger and check."""
    owner = connect(url, as_owner=True)
    async with owner.begin() as db:
        await db.execute(text("SET session_replication_role = replica"))
        await db.execute(
            text("ALTER TABLE order_money DROP CONSTRAINT IF EXISTS order_money_holds_together")
        )
        for statement in statements:
            await db.execute(text(statement))
    await owner.dispose()


def _named(breaches: Sequence[Breach], name: str) -> list[Breach]:
    return [breach for breach in breaches if breach.kind == name]


async def test_books_under_way_hold(engine: AsyncEngine) -> None:
    """A check that cries at every refund on its way is soon ignored."""
    assert await SqlBooks(engine).breaches(_AT + timedelta(days=1)) == []


async def test_a_payout_being_taken_back_holds(engine: AsyncEngine, database_url: str) -> None:
    """An operator voids it while the provider is away: nobody need be woken for that as well."""
    await _tamper(database_url, "UPDATE effects SET state = 'failed' WHERE kind = 'payout'")
    assert await SqlBooks(engine).breaches(_AT + timedelta(hours=1)) == []

    name = _PAYOUT.removeprefix("payout/")
    legs = rules.paid_by_hand(name, 3_000)
    async with SqlDatabase(engine).transaction() as tx:
        await tx.ledger.post(Posting(f"{_PAYOUT}/by_hand", "payout", _PAYOUT, "EUR", _AT, legs))
    assert await SqlBooks(engine).breaches(_AT + timedelta(hours=1)) == []

    await _tamper(
        database_url, "UPDATE legs SET amount = amount + 1 WHERE kind = 'payouts_in_transit'"
    )
    assert _named(await SqlBooks(engine).breaches(_AT), "payouts_in_transit_drifted")


@pytest.mark.parametrize("name", _BREAKS)
async def test_a_broken_invariant_is_found_with_its_postings(
    engine: AsyncEngine, database_url: str, name: str
) -> None:
    """Whoever is woken by it must know where to look."""
    statement, subject = _BREAKS[name]
    await _tamper(database_url, statement)
    (found,) = _named(await SqlBooks(engine).breaches(_AT), name)

    assert found.subject == subject
    assert "{" not in found.detail
    if name != "unbalanced_currency":
        assert found.keys, "the alarm names the postings"
        assert all(key.startswith(("order/o-1/", _PAYOUT)) for key in found.keys)


async def test_what_is_on_its_way_for_too_long_is_found(
    engine: AsyncEngine, database_url: str
) -> None:
    """A process that hangs between two steps of money says nothing by itself."""
    soon, late = _AT + ON_ITS_WAY_AT_MOST, _AT + ON_ITS_WAY_AT_MOST + timedelta(seconds=1)
    found = _named(await SqlBooks(engine).breaches(late), "in_transit_too_long")

    assert _named(await SqlBooks(engine).breaches(soon), "in_transit_too_long") == []
    assert sorted(breach.subject for breach in found) == [_ORDER, _PAYOUT]


async def test_a_refund_that_is_never_final_is_found(
    engine: AsyncEngine, database_url: str
) -> None:
    """Twenty business days are a buyer's patience."""
    await _tamper(database_url, "UPDATE effects SET state = 'pending' WHERE kind = 'refund'")
    late = _AT + NOT_FINAL_AT_MOST + timedelta(seconds=1)
    (found,) = _named(await SqlBooks(engine).breaches(late), "effect_open_too_long")

    assert found.subject == _ORDER
    assert found.facts["key"] == "order/o-1/refund/1"


def test_every_invariant_is_proved_to_bite() -> None:
    """A query with a slip in it finds nothing, and looks like good news."""
    timed = {"in_transit_too_long", "effect_open_too_long"}

    assert {check.name for check in CHECKS} == set(_BREAKS) | set(OF_PURCHASES) | timed


async def test_an_alarm_ends_when_its_reason_does(engine: AsyncEngine, database_url: str) -> None:
    """And is raised once, however often the books are checked meanwhile."""
    books, cleared = SqlBooks(engine), text("SELECT cleared_at IS NOT NULL FROM alarms")
    await _tamper(database_url, "UPDATE holds SET amount = amount - 1")
    new = [await books.report("books", await books.breaches(_AT), _AT, None) for _ in range(2)]
    async with engine.connect() as db:
        while_broken = list((await db.execute(cleared)).scalars())
    owner = connect(database_url, as_owner=True)
    async with owner.begin() as db:
        await db.execute(text("UPDATE holds SET amount = amount + 1"))
    await owner.dispose()
    await books.report("books", await books.breaches(_AT), _AT, None)
    async with engine.connect() as db:
        when_mended = list((await db.execute(cleared)).scalars())

    assert new == [1, 0]
    assert while_broken == [False]
    assert when_mended == [True]
