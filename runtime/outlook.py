"""What a seller would be paid now, per currency, and if nothing is, why not and until when."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.payout_money import payee_of
from domain.ledger import AccountKind
from domain.payout import rules
from domain.payout.rules import Reason
from domain.policy import Policy
from persistence import purses, reading
from persistence.database import inside
from persistence.purses import Reserve


@dataclass(frozen=True)
class Outlook:
    """One currency of a seller's money, in minor units.

    `gross` is what a payout now would take from the balance once debts are netted (`netted`), of
    which `fee` is kept. With a `reason` nothing would be paid; `until` is its end where it has one.
    """

    currency: str
    balances: dict[AccountKind, int]
    in_transit: int
    gross: int
    fee: int
    netted: int
    reason: str = ""
    until: datetime | None = None
    reserves: tuple[Reserve, ...] = field(default=())


async def outlooks(db: AsyncConnection, seller: str, at: datetime) -> list[Outlook]:
    """Every currency in which the seller has or owes anything, by its code, judged as a payout is.

    *at* is business time (UTC).
    """
    found = await reading.balances(db, seller)
    moving = await purses.in_transit(db, seller)
    kept = await purses.reserves(db, seller)
    async with inside(db) as tx:
        record = await tx.sellers.get(seller)
        policy = await tx.sellers.policy(record.policy)
    payee = payee_of(record, policy)
    return [
        _outlook(
            payee,
            policy,
            at,
            currency,
            found.get(currency, {}),
            moving.get(currency, 0),
            tuple(one for one in kept if one.currency == currency),
        )
        for currency in sorted(found.keys() | moving.keys())
    ]


def _outlook(
    payee: rules.Payee,
    policy: Policy,
    at: datetime,
    currency: str,
    balances: dict[AccountKind, int],
    in_transit: int,
    reserves: tuple[Reserve, ...],
) -> Outlook:
    payable = balances.get(AccountKind.PAYABLE, 0)
    netted = min(payable, max(0, -balances.get(AccountKind.DEBT, 0)))
    gross = payable - netted
    reason = rules.reason_of(payee, gross, policy.payout.minimum.get(currency, 0), at) or ""
    if reason:
        until = payee.payable_from if reason == Reason.BANK_DETAILS_CHANGED else None
        return Outlook(currency, balances, in_transit, 0, 0, netted, reason, until, reserves)
    fee = min(policy.payout.fee.get(currency, 0), gross - 1)
    return Outlook(currency, balances, in_transit, gross, fee, netted, reserves=reserves)
