"""When a balance may be paid out, and the entries that it makes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.errors import PayoutWithheld
from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, move


class Standing(StrEnum):
    """How a seller stands with the marketplace."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True)
class Payee:
    """What decides whether a seller can be paid. `payable_from` ends a bank change's cool-down."""

    seller: str
    account: str
    standing: Standing
    payable_from: datetime | None = None


def check(payee: Payee, payable: int, minimum: int, currency: str, as_of: datetime) -> None:
    """Refuse with `PayoutWithheld` what may not be paid now; the code of the reason is a fact.

    Amounts are minor units of *currency*.
    """
    reason = _reason(payee, payable, minimum, as_of)
    if reason is not None:
        raise PayoutWithheld(
            f"nothing is paid to {payee.seller} now: {reason}",
            reason=reason,
            payable=payable,
            minimum=minimum,
            currency=currency,
        )


def _reason(payee: Payee, payable: int, minimum: int, as_of: datetime) -> str | None:
    if payee.standing is Standing.SUSPENDED:
        return "suspended"
    if not payee.account:
        return "details_missing"
    if payee.payable_from is not None and as_of < payee.payable_from:
        return "bank_details_changed"
    if payable < max(1, minimum):
        return "below_minimum"
    return None


def reserved(payout: str, seller: str, gross: int, fee: int) -> tuple[Leg, ...]:
    """The balance leaves the seller before the provider hears of it."""
    return move(
        [
            (Kind.PAYABLE, seller, gross),
            (Kind.PAYOUTS_IN_TRANSIT, payout, fee - gross),
            (Kind.FEES, "", -fee),
        ]
    )


def transferred(provider: str, account: str, net: int) -> tuple[Leg, ...]:
    """The money moved from the platform's balance to the connected account's."""
    return move([(Kind.CLEARING, f"{provider}:{account}", net), (Kind.CLEARING, provider, -net)])


def paid_out(provider: str, account: str, payout: str, net: int) -> tuple[Leg, ...]:
    """The money left the connected account for the bank."""
    return move(
        [
            (Kind.PAYOUTS_IN_TRANSIT, payout, net),
            (Kind.CLEARING, f"{provider}:{account}", -net),
        ]
    )


def came_back(provider: str, account: str, seller: str, net: int) -> tuple[Leg, ...]:
    """The bank returned it to the connected account: owed to the seller again, without the fee."""
    return move([(Kind.CLEARING, f"{provider}:{account}", net), (Kind.PAYABLE, seller, -net)])


def netted(seller: str, amount: int) -> tuple[Leg, ...]:
    """What the seller owed is taken from what was payable."""
    return move([(Kind.PAYABLE, seller, amount), (Kind.DEBT, seller, -amount)])
