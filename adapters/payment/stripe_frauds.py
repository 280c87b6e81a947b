"""What Stripe reports of a payment: early fraud warnings, and reviews of its own rules."""

import stripe

from adapters.payment.port import FraudSign
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
