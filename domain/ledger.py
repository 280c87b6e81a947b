"""Double entry: accounts, legs, and the one rule that a posting sums to zero."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class AccountKind(StrEnum):
    """What an account is for. Debit is positive, credit negative, everywhere."""

    CLEARING = "provider_clearing"
    PROVIDER_FEES = "provider_fees"
    ESCROW = "escrow"
    UNAPPLIED = "unapplied_receipts"
    REFUNDS_IN_TRANSIT = "refunds_in_transit"
    PAYOUTS_IN_TRANSIT = "payouts_in_transit"
    CHARGEBACKS_PENDING = "chargebacks_pending"
    PAYABLE = "seller_payable"
    RESERVE = "seller_reserve"
    DEPOSIT = "seller_deposit"
    DEBT = "seller_debt"
    AD_BALANCE = "seller_ad_balance"
    AFFILIATE_PAYABLE = "affiliate_payable"
    INFLUENCER_PAYABLE = "influencer_payable"
    COMMISSION = "commission"
    FEES = "fees"
    TAX = "tax"
    AD_REVENUE = "ad_revenue"
    CARRIER_COSTS = "carrier_costs"
    PLATFORM_LOSS = "platform_loss"
    SUBSIDY = "subsidy"
    FX_RESULT = "fx_result"


# Only these have a balance row that is locked; the rest are hot and insert-only.
LOCKED: Final = frozenset(
    {
        AccountKind.ESCROW,
        AccountKind.PAYABLE,
        AccountKind.RESERVE,
        AccountKind.DEPOSIT,
        AccountKind.AD_BALANCE,
    }
)


@dataclass(frozen=True, order=True)
class Account:
    """One account: its kind, and whose it is ("" for the platform's own)."""

    kind: AccountKind
    owner: str = ""

    def __str__(self) -> str:
        """The form people read: "seller_payable/s-1"."""
        return f"{self.kind}/{self.owner}" if self.owner else str(self.kind)


@dataclass(frozen=True)
class Leg:
    """One side of a posting, in minor units of its currency; debit is positive."""

    account: Account
    amount: int


@dataclass(frozen=True)
class Posting:
    """One balanced, immutable entry of the ledger.

    `key` is made of business facts and unique for ever; `process` is the execution that posted
    it; `effective_at` is business time (UTC), the only time that rules read.
    """

    key: str
    kind: str
    process: str
    currency: str
    effective_at: datetime
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        """An unbalanced posting is a defect (`ValueError`), whoever made it."""
        if not self.legs or sum(leg.amount for leg in self.legs) != 0:
            msg = f"posting {self.key} does not sum to zero: {self.legs}"
            raise ValueError(msg)

    def reversed(self, key: str, kind: str, at: datetime) -> "Posting":
        """The entry that swaps the ends of this one; nothing is ever edited."""
        legs = tuple(Leg(leg.account, -leg.amount) for leg in self.legs)
        return Posting(key, kind, self.process, self.currency, at, legs)


def move(amounts: Iterable[tuple[AccountKind, str, int]]) -> tuple[Leg, ...]:
    """Legs from (kind, owner, signed amount); amounts of zero leave no leg."""
    return tuple(Leg(Account(kind, owner), amount) for kind, owner, amount in amounts if amount)
