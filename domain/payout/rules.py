"""When a balance may be paid out, and the entries that it makes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.actors import Actor, Role
from domain.errors import IllegalTransition, NotYours, PayoutWithheld
from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, move
from domain.payout.state import BY_HAND, PayoutState, Resolution


class Standing(StrEnum):
    """How a seller stands with the marketplace."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why nothing is paid now, by our own rules; a provider's final no has its own code."""

    SUSPENDED = "suspended"
    DETAILS_MISSING = "details_missing"
    DETAILS_REFUSED = "details_refused"
    BANK_DETAILS_CHANGED = "bank_details_changed"
    BELOW_MINIMUM = "below_minimum"
    VOIDED = "voided"


@dataclass(frozen=True)
class Payee:
    """What decides whether a seller can be paid. `payable_from` ends a bank change's cool-down.

    `refused_account` is the one that a bank or the provider has turned down, "" for none.
    """

    seller: str
    account: str
    standing: Standing
    payable_from: datetime | None = None
    refused_account: str = ""


def check(payee: Payee, payable: int, minimum: int, currency: str, as_of: datetime) -> None:
    """Refuse with `PayoutWithheld` what may not be paid now; the code of the reason is a fact.

    Amounts are minor units of *currency*.
    """
    reason = reason_of(payee, payable, minimum, as_of)
    if reason is not None:
        raise PayoutWithheld(
            f"nothing is paid to {payee.seller} now: {reason}",
            reason=reason,
            payable=payable,
            minimum=minimum,
            currency=currency,
        )


def reason_of(payee: Payee, payable: int, minimum: int, as_of: datetime) -> str | None:
    """Why nothing would be paid of *payable* (minor units); None if it would be."""
    if (why := _reason_of_payee(payee, as_of)) is not None:
        return why
    return Reason.BELOW_MINIMUM if payable < max(1, minimum) else None


def changed_since(payee: Payee, account: str, as_of: datetime) -> str | None:
    """Why a payout that was set aside for *account* must not be sent any more, if so.

    Asked again right before the provider is: the seller may have been suspended, or the bank
    details changed, since the balance was looked at (edge case 58).
    """
    if (why := _reason_of_payee(payee, as_of)) is not None:
        return why
    return Reason.BANK_DETAILS_CHANGED if payee.account != account else None


def _reason_of_payee(payee: Payee, as_of: datetime) -> str | None:
    if payee.standing is Standing.SUSPENDED:
        return Reason.SUSPENDED
    if not payee.account:
        return Reason.DETAILS_MISSING
    if payee.account == payee.refused_account:
        return Reason.DETAILS_REFUSED
    if payee.payable_from is not None and as_of < payee.payable_from:
        return Reason.BANK_DETAILS_CHANGED
    return None


def is_ours(reason: str) -> bool:
    """Whether a rule of ours gave the reason; otherwise it is the provider's final no."""
    return reason in {str(each) for each in Reason}


def check_resolution(state: PayoutState, actor: Actor, resolution: Resolution) -> None:
    """Refuse an operator's word about a payout that does not wait for it, or for another one."""
    if actor.role is not Role.OPERATOR:
        raise NotYours(f"a {actor.role} may not resolve a payout", role=actor.role)
    if state.parked is None:
        raise IllegalTransition(
            f"payout {state.payout} is not parked", payout=state.payout, stage=state.stage
        )
    if resolution not in state.parked.may:
        may = ", ".join(state.parked.may)
        raise IllegalTransition(f"{state.parked.step} may only be: {may}", step=state.parked.step)


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


def paid_by_hand(payout: str, net: int) -> tuple[Leg, ...]:
    """An operator paid it outside: our own bookkeeping covers that account."""
    return move([(Kind.PAYOUTS_IN_TRANSIT, payout, net), (Kind.CLEARING, BY_HAND, -net)])


def deposited(seller: str, amount: int) -> tuple[Leg, ...]:
    """A seller's deposit has arrived outside the orders' provider."""
    return move([(Kind.CLEARING, BY_HAND, amount), (Kind.DEPOSIT, seller, -amount)])


def written_off(seller: str, amount: int) -> tuple[Leg, ...]:
    """A debt that nobody will pay becomes the platform's loss."""
    return move([(Kind.PLATFORM_LOSS, "", amount), (Kind.DEBT, seller, -amount)])
