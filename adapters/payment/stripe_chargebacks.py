"""Chargebacks at Stripe, which calls them disputes: read, contested once, given up."""

import io
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

import stripe

from adapters.payment.port import BankDispute, BankStatus
from adapters.payment.stripe_books import PAGE
from adapters.payment.stripe_objects import key_in, metadata_for, moment, money
from domain.money import Money

if TYPE_CHECKING:
    from stripe.params import DisputeModifyParams

_STATUSES: Final = MappingProxyType(
    {
        "warning_needs_response": BankStatus.NEEDS_RESPONSE,
        "needs_response": BankStatus.NEEDS_RESPONSE,
        "warning_under_review": BankStatus.UNDER_REVIEW,
        "under_review": BankStatus.UNDER_REVIEW,
        "won": BankStatus.WON,
        "lost": BankStatus.LOST,
        "warning_closed": BankStatus.CLOSED,
        "prevented": BankStatus.CLOSED,
    }
)


def look(client: stripe.StripeClient, reference: str, subject: str) -> BankDispute:
    """The dispute now; marked as ours with *subject*, so that its books and messages name it."""
    seen = client.v1.disputes.retrieve(reference)
    if subject and not key_in(seen):
        seen = client.v1.disputes.update(reference, {"metadata": metadata_for(subject, subject)})
    return _of(seen)


def claimed(client: stripe.StripeClient, since: datetime) -> list[BankDispute]:
    """Every dispute since an instant; blocks until all are read."""
    listed = client.v1.disputes.list({"created": {"gte": int(since.timestamp())}, "limit": PAGE})
    return [_of(seen) for seen in listed.auto_paging_iter()]


def contest(
    client: stripe.StripeClient, reference: str, evidence: Mapping[str, str], packet: bytes
) -> BankDispute:
    """Upload the packet and submit; one that was submitted before is only looked at."""
    seen = client.v1.disputes.retrieve(reference)
    if _of(seen).status is not BankStatus.NEEDS_RESPONSE:
        return _of(seen)
    file = io.BytesIO(packet)
    file.name = "evidence.pdf"
    uploaded = client.v1.files.create({"file": file, "purpose": "dispute_evidence"})
    said = {**evidence, "uncategorized_file": uploaded.id}
    params = cast("DisputeModifyParams", {"evidence": said, "submit": True})
    return _answered(client, reference, lambda: client.v1.disputes.update(reference, params))


def concede(client: stripe.StripeClient, reference: str) -> BankDispute:
    """Close it, unless it is closed."""
    seen = client.v1.disputes.retrieve(reference)
    if _of(seen).status is not BankStatus.NEEDS_RESPONSE:
        return _of(seen)
    return _answered(client, reference, lambda: client.v1.disputes.close(reference))


def _answered(
    client: stripe.StripeClient, reference: str, answer: Callable[[], stripe.Dispute]
) -> BankDispute:
    """The dispute after it was answered, by us or by another run of ours at the same moment."""
    try:
        return _of(answer())
    except stripe.InvalidRequestError:
        seen = _of(client.v1.disputes.retrieve(reference))
        if seen.status is BankStatus.NEEDS_RESPONSE:
            raise
        return seen


def _of(seen: stripe.Dispute) -> BankDispute:
    entries = seen.balance_transactions
    details = seen.evidence_details
    intent = seen.payment_intent
    return BankDispute(
        reference=seen.id,
        intent=intent.id if isinstance(intent, stripe.PaymentIntent) else intent or "",
        amount=money(seen.amount, seen.currency),
        status=_STATUSES.get(seen.status, BankStatus.UNDER_REVIEW),
        is_inquiry=seen.status.startswith("warning"),
        reason=seen.reason,
        opened_at=moment(seen.created),
        respond_by=moment(details.due_by) if details.due_by else None,
        submissions=details.submission_count,
        taken=_sum(seen, -sum(entry.amount for entry in entries)),
        fee=_sum(seen, sum(entry.fee for entry in entries)),
        source=_source(seen),
    )


def _source(seen: stripe.Dispute) -> str:
    """Who hears the claim; the provider did not say so of old ones, which were all of cards."""
    details = seen.payment_method_details
    return details.type if details is not None else "card"


def _sum(seen: stripe.Dispute, amount: int) -> Money:
    return money(amount, seen.currency)
