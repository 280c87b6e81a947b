"""A seller's money by itself, without an order: a deposit that arrives, a debt that is given up."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import AlreadyExists, AmountExceeded, IllegalTransition
from domain.ledger import Account, AccountKind, Leg, Posting
from domain.payout import rules
from domain.payout.rules import Standing
from persistence import bank_changes, reading
from persistence.database import SqlTransaction, inside
from persistence.port import Event

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sum:
    """An amount in minor units of its currency, what names it for ever, and who says so."""

    seller: str
    currency: str
    amount: int
    reference: str
    by: str
    at: datetime
    note: str = ""


async def deposit(db: AsyncConnection, wanted: Sum) -> None:
    """Book a deposit that has arrived, once per reference. Refuses a currency without figures."""
    await bank_changes.lock_seller(db, wanted.seller)
    seller = await reading.seller(db, wanted.seller)
    async with inside(db) as tx:
        policy = await tx.sellers.policy(seller.policy)
        policy.must_know(wanted.currency)
        legs = rules.deposited(wanted.seller, wanted.amount)
        posting = _posting(wanted, "deposit", legs)
        if not await tx.ledger.post(posting):
            raise AlreadyExists(
                f"deposit {wanted.reference} was booked before", reference=wanted.reference
            )
        await tx.story.tell_seller(wanted.seller, _event("seller.deposit_booked", wanted))
    log.info("deposit.booked", seller=wanted.seller, minor=wanted.amount)


async def write_off(db: AsyncConnection, wanted: Sum) -> None:
    """Give up what a closed seller owes: the platform's loss.

    Refused while the store is open or anything of the seller's could still pay it, and beyond
    the debt (`AmountExceeded`).
    """
    await bank_changes.lock_seller(db, wanted.seller)
    seller = await reading.seller(db, wanted.seller)
    if seller.standing != Standing.CLOSED:
        raise IllegalTransition(
            f"seller {wanted.seller} is {seller.standing}: a debt is given up once they are closed",
            standing=seller.standing,
        )
    async with inside(db) as tx:
        await _must_have_nothing(tx, wanted)
        held = (await reading.balances(db, wanted.seller)).get(wanted.currency, {})
        owed = -held.get(AccountKind.DEBT, 0)
        if not 0 < wanted.amount <= owed:
            raise AmountExceeded(
                f"the debt is {owed} (minor units of {wanted.currency})",
                asked=wanted.amount,
                available=owed,
                currency=wanted.currency,
            )
        legs = rules.written_off(wanted.seller, wanted.amount)
        await tx.ledger.post(_posting(wanted, "write-off", legs))
        await tx.story.tell_seller(wanted.seller, _event("seller.debt_written_off", wanted))
    log.info("debt.written_off", seller=wanted.seller, minor=wanted.amount, by=wanted.by)


async def _must_have_nothing(tx: SqlTransaction, wanted: Sum) -> None:
    """Locks the balances that pay debts, in their order; a refund at work waits or has posted."""
    for kind in sorted((AccountKind.DEPOSIT, AccountKind.PAYABLE, AccountKind.RESERVE)):
        left = await tx.ledger.balance(Account(kind, wanted.seller), wanted.currency)
        if left:
            raise IllegalTransition(
                f"{left} on {kind} can still pay a part of it", account=kind, amount=left
            )


def _posting(wanted: Sum, what: str, legs: tuple[Leg, ...]) -> Posting:
    subject = f"seller/{wanted.seller}"
    key = f"{subject}/{what}/{wanted.reference}"
    return Posting(key, what.replace("-", "_"), subject, wanted.currency, wanted.at, legs)


def _event(kind: str, wanted: Sum) -> Event:
    facts: dict[str, str | int] = {"amount": wanted.amount, "currency": wanted.currency}
    if wanted.note:
        facts["note"] = wanted.note
    return Event(kind, wanted.at, wanted.by, facts | {"reference": wanted.reference})
