"""Which messages of providers are news to a process; everything else is kept and done with."""

from typing import Final

# Money came, or did not; a refund or a payout ended, or came back. What else Stripe tells is
# either an echo of what we asked, or told again by one of these.
PAYMENT: Final = frozenset(
    {
        "payment_intent.succeeded",
        "payment_intent.processing",
        "payment_intent.amount_capturable_updated",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "refund.updated",
        "refund.failed",
        "charge.refund.updated",
        "payout.paid",
        "payout.failed",
    }
)
# What a seller's own account at the provider may tell us: what became of its payouts.
OF_ACCOUNTS: Final = frozenset({"payout.paid", "payout.failed"})
# Reports about a payment; they name it, and carry nothing of ours.
FRAUD: Final = frozenset(
    {
        "radar.early_fraud_warning.created",
        "radar.early_fraud_warning.updated",
        "review.opened",
        "review.closed",
        "sweep.fraud",
    }
)
# A cardholder's bank takes a payment back, asks, or has decided.
CHARGEBACKS: Final = frozenset(
    {
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "sweep.chargeback",
    }
)
TRACKING: Final = frozenset({"tracker.created", "tracker.updated"})
# What the sweep found out by asking.
SWEPT_PAYMENT: Final = frozenset({"sweep.payment", "sweep.refund", "sweep.payout"})
SWEPT_PARCEL: Final = "sweep.parcel"
# What we tell our own processes: the seller of an order stands differently.
SELLER_STANDING: Final = "seller.standing"

OF_PAYMENTS: Final = PAYMENT | SWEPT_PAYMENT
OF_PARCELS: Final = TRACKING | {SWEPT_PARCEL}
