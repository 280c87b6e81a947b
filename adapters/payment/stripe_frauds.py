"""What Stripe reports of a payment: early fraud warnings, and reviews of its own rules."""

from datetime import datetime

import stripe

from adapters.payment.port import FraudSign, Reported
from adapters.payment.stripe_books import PAGE
from adapters.payment.stripe_objects import review_of, warning_of


def signs(client: stripe.StripeClient, intent: str) -> list[FraudSign]:
    """Everything reported of *intent*, oldest first; blocks.

    Warnings are listed by payment; the one review that there may be is named by the payment.
    """
    listed = client.v1.radar.early_fraud_warnings.list({"payment_intent": intent, "limit": PAGE})
    found = [warning_of(warning) for warning in listed.auto_paging_iter()]
    seen = client.v1.payment_intents.retrieve(intent, {"expand": ["review"]})
    if isinstance(seen.review, stripe.Review):
        found.append(review_of(seen.review))
    return sorted(found, key=lambda sign: (sign.at, sign.reference))


def reported(client: stripe.StripeClient, since: datetime) -> list[Reported]:
    """Everything reported of any payment since an instant; blocks until all is read."""
    created = int(since.timestamp())
    warnings = client.v1.radar.early_fraud_warnings.list(
        {"created": {"gte": created}, "limit": PAGE}
    )
    found = [
        Reported(_id_of(warning.payment_intent), warning_of(warning))
        for warning in warnings.auto_paging_iter()
    ]
    reviews = client.v1.reviews.list({"created": {"gte": created}, "limit": PAGE})
    found += [
        Reported(_id_of(review.payment_intent), review_of(review))
        for review in reviews.auto_paging_iter()
    ]
    return found


def _id_of(intent: str | stripe.PaymentIntent | None) -> str:
    """A payment that was made without an intent is none of ours."""
    return intent.id if isinstance(intent, stripe.PaymentIntent) else intent or ""
