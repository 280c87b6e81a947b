"""Stripe's objects in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import stripe
from stripe.radar import EarlyFraudWarning

from adapters.errors import Unavailable
from adapters.payment.port import (
    BookLine,
    Effect,
    EffectStatus,
    FraudSign,
    Intent,
    IntentStatus,
    Todo,
    WaitsFor,
)
from adapters.payment.stripe_calls import NAME
from domain.money import Money

_INTENTS: Final = MappingProxyType(
    {
        "processing": IntentStatus.PROCESSING,
        "requires_capture": IntentStatus.AUTHORISED,
        "succeeded": IntentStatus.CAPTURED,
        "canceled": IntentStatus.CANCELLED,
    }
)
# The buyer is before a page of their bank (3-D Secure), and nothing is taken until they answer.
_CHALLENGES: Final = frozenset({"redirect_to_url", "use_stripe_sdk"})
_TRANSFER: Final = "display_bank_transfer_instructions"
_EFFECTS: Final = MappingProxyType(
    {
        "succeeded": EffectStatus.DONE,
        "paid": EffectStatus.DONE,
        "failed": EffectStatus.FAILED,
        "canceled": EffectStatus.FAILED,
    }
)
# Stripe names the same line differently where no card is involved.
_KINDS: Final = MappingProxyType({"payment": "charge", "payment_refund": "refund"})
# On a seller's account, a "payment" is what a transfer of ours looks like from there.
_KINDS_OF_SELLER: Final = MappingProxyType(
    {"payment": "transfer", "payment_refund": "transfer_refund"}
)


def money(amount: int, currency: str) -> Money:
    """Stripe's integer as money."""
    return Money.from_provider(amount, currency, NAME)


def moment(seconds: int) -> datetime:
    """Stripe's clock, which is UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def metadata_for(key: str, subject: str) -> dict[str, str]:
    """What every object of ours carries: key and subject for us, the rest for people's eyes."""
    kind, _, name = subject.partition("/")
    return {"key": key, "subject": subject} | ({kind: name} if name else {})


def key_in(source: object) -> str:
    """Our key in the metadata of an expanded object, else ""."""
    metadata: Mapping[str, str] | None = getattr(source, "metadata", None)
    return "" if metadata is None else str(getattr(metadata, "key", "") or "")


def intent_of(seen: stripe.PaymentIntent) -> Intent:
    """A payment intent, with its charge's balance transaction expanded."""
    status = _status(seen)
    fee, at = _settled(seen) if status is IntentStatus.CAPTURED else (None, None)
    return Intent(
        reference=seen.id,
        status=status,
        amount=money(seen.amount, seen.currency),
        captured=money(seen.amount_received, seen.currency),
        fee=fee or money(0, seen.currency),
        captured_at=at,
        client_secret=seen.client_secret or "",
        decline=_why(seen.last_payment_error),
        capturable=money(seen.amount_capturable, seen.currency) if is_authorised(seen) else None,
        authorised_at=_authorised_at(seen),
        expires_at=_expires_at(seen),
        todo=_todo(seen),
        funded=_funded(seen),
    )


def is_authorised(seen: stripe.PaymentIntent) -> bool:
    return seen.status == "requires_capture"


def _status(seen: stripe.PaymentIntent) -> IntentStatus:
    """A slip in the buyer's hands (boleto, konbini, ...) may be paid at any counter by now.

    So may a bank transfer that the buyer was given the account of.
    """
    if _todo(seen) in {Todo.SLIP, Todo.TRANSFER}:
        return IntentStatus.PROCESSING
    return _INTENTS.get(seen.status, IntentStatus.AWAITING_BUYER)


def _todo(seen: stripe.PaymentIntent) -> Todo:
    action = seen.next_action
    if seen.status != "requires_action" or action is None:
        return Todo.NOTHING
    if action.type in _CHALLENGES:
        return Todo.AUTHENTICATION
    if action.type == _TRANSFER:
        return Todo.TRANSFER
    return Todo.SLIP if action.type.endswith("display_details") else Todo.NOTHING


def _funded(seen: stripe.PaymentIntent) -> Money | None:
    """How much of a bank transfer has come; Stripe says how much has not."""
    action = seen.next_action
    told = getattr(action, _TRANSFER, None)
    left = getattr(told, "amount_remaining", None)
    if _todo(seen) is not Todo.TRANSFER or left is None:
        return None
    return money(seen.amount - left, seen.currency)


def _authorised_at(seen: stripe.PaymentIntent) -> datetime | None:
    charge = seen.latest_charge
    if not is_authorised(seen) or not isinstance(charge, stripe.Charge):
        return None
    return moment(charge.created)


def _expires_at(seen: stripe.PaymentIntent) -> datetime | None:
    charge = seen.latest_charge
    if not is_authorised(seen) or not isinstance(charge, stripe.Charge):
        return None
    card = getattr(charge.payment_method_details, "card", None)
    until = getattr(card, "capture_before", None)
    return None if until is None else moment(until)


def warning_of(seen: EarlyFraudWarning) -> FraudSign:
    return FraudSign(seen.id, "warning", seen.fraud_type, seen.actionable, moment(seen.created))


def review_of(seen: stripe.Review) -> FraudSign:
    """Closed as fraud is a verdict against the payment, and stays one."""
    is_open = seen.open or seen.closed_reason == "refunded_as_fraud"
    return FraudSign(seen.id, "review", seen.reason, is_open, moment(seen.created))


def _why(error: object) -> str:
    """The most exact word of why a payment failed; Stripe leaves out what it has none for."""
    return getattr(error, "decline_code", None) or getattr(error, "code", None) or ""


def _settled(seen: stripe.PaymentIntent) -> tuple[Money, datetime]:
    charge = seen.latest_charge
    entry = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
    if not isinstance(entry, stripe.BalanceTransaction):
        raise Unavailable(NAME, f"{seen.id} is paid, but not yet in the balance")
    return money(entry.fee, entry.currency), moment(entry.created)


def refund_of(key: str, seen: stripe.Refund) -> Effect:
    return Effect(
        key,
        seen.id,
        _EFFECTS.get(seen.status or "", EffectStatus.PENDING),
        money(seen.amount, seen.currency),
        getattr(seen, "failure_reason", None) or "",
        _waits_for(seen),
    )


def _waits_for(seen: stripe.Refund) -> WaitsFor:
    if seen.status != "pending":
        return WaitsFor.NOTHING
    why = getattr(seen, "pending_reason", None)
    return WaitsFor.BALANCE if why == "insufficient_funds" else WaitsFor.PROVIDER


def payout_of(key: str, seen: stripe.Payout) -> Effect:
    return Effect(
        key,
        seen.id,
        _EFFECTS.get(seen.status, EffectStatus.PENDING),
        money(seen.amount, seen.currency),
        seen.failure_code or "",
    )


def done_at_once(key: str, seen: stripe.Transfer | stripe.TransferReversal) -> Effect:
    """A transfer, or its reversal: between two balances there is nothing to wait for."""
    return Effect(key, seen.id, EffectStatus.DONE, money(seen.amount, seen.currency))


def _chargeback_kind(entry: stripe.BalanceTransaction) -> str:
    """Chargebacks are adjustments to Stripe; only its reporting tells them from others."""
    is_one = entry.type == "adjustment" and entry.reporting_category.startswith("dispute")
    return entry.reporting_category if is_one else ""


def line_of(entry: stripe.BalanceTransaction, account: str, key: str) -> BookLine:
    kinds = _KINDS_OF_SELLER if account else _KINDS
    return BookLine(
        reference=entry.id,
        account=account,
        kind=_chargeback_kind(entry) or kinds.get(entry.type, entry.type),
        change=money(entry.net, entry.currency),
        fee=money(entry.fee, entry.currency),
        key=key,
        at=moment(entry.created),
    )
