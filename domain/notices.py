"""Whom each event concerns."""

from types import MappingProxyType
from typing import Final

BUYER: Final = "buyer"
SELLER: Final = "seller"

CONCERNS: Final = MappingProxyType(
    {
        "order.placed": (BUYER,),
        "order.paid": (BUYER,),
        "order.paid_twice": (BUYER,),
        "order.authorised": (BUYER,),
        "order.authorisation_lost": (BUYER, SELLER),
        "order.payment_voided": (BUYER,),
        "order.amount_differs": (BUYER,),
        "order.amount_accepted": (BUYER,),
        "order.amount_sent_back": (BUYER,),
        "order.amount_refused": (BUYER,),
        "order.fraud_suspected": (SELLER,),
        "order.intercept_asked": (SELLER,),
        "order.fraud_cleared": (SELLER,),
        "order.fraud_confirmed": (BUYER, SELLER),
        "order.ready_to_ship": (SELLER,),
        "order.never_paid": (BUYER,),
        "order.cancelled_by_buyer": (BUYER,),
        "order.risk_refused": (BUYER,),
        "order.late_payment_refunded": (BUYER,),
        "order.shipped": (BUYER,),
        "order.delivered": (BUYER, SELLER),
        "order.buyer_asked": (BUYER,),
        "order.receipt_denied": (SELLER,),
        "order.received": (SELLER,),
        "order.received_by_silence": (BUYER, SELLER),
        "order.never_shipped": (BUYER, SELLER),
        "order.never_received": (BUYER, SELLER),
        "order.refund_sent": (BUYER,),
        "order.refund_recovered": (SELLER,),
        "order.refund_came_back": (BUYER,),
        "order.released": (SELLER,),
        "order.reserve_released": (SELLER,),
        "order.payment_reminded": (BUYER,),
        "order.shipment_reminded": (SELLER,),
        "order.answer_reminded": (BUYER,),
        "order.confirmation_reminded": (BUYER,),
        "order.partly_shipped": (BUYER,),
        "order.shipment_edited": (BUYER,),
        "order.not_all_shipped": (BUYER, SELLER),
        "order.shipment_doubted": (BUYER, SELLER),
        "order.proof_reminded": (BUYER,),
        "order.shipment_false": (BUYER, SELLER),
        "order.at_customs": (BUYER, SELLER),
        "order.seized": (BUYER, SELLER),
        "order.forfeited": (BUYER, SELLER),
        "order.delivered_elsewhere": (BUYER, SELLER),
        "order.delivery_withdrawn": (BUYER, SELLER),
        "order.returning": (BUYER, SELLER),
        "order.returned": (BUYER, SELLER),
        "order.return_overdue": (BUYER, SELLER),
        "order.lost": (BUYER, SELLER),
        "order.arrived_after_refund": (BUYER,),
        "order.extension_asked_by_seller": (BUYER,),
        "order.extension_answer_reminded": (BUYER,),
        "order.extension_granted": (SELLER,),
        "order.extension_declined": (SELLER,),
        "order.extension_void": (BUYER,),
        "order.extension_taken_back": (BUYER,),
        "order.cancellation_asked_by_buyer": (SELLER,),
        "order.cancellation_asked_by_seller": (BUYER,),
        "order.cancellation_declined": (BUYER, SELLER),
        "order.cancellation_void": (BUYER, SELLER),
        "order.cancellation_taken_back": (BUYER, SELLER),
        "order.cancelled_by_agreement": (BUYER, SELLER),
        "order.protection_asked_by_buyer": (SELLER,),
        "order.protection_answer_reminded": (SELLER,),
        "order.protection_granted": (BUYER, SELLER),
        "order.protection_declined": (BUYER,),
        "order.protection_taken_back": (SELLER,),
        "order.address_changed": (SELLER,),
        "order.seller_suspended": (BUYER, SELLER),
        "order.seller_active": (SELLER,),
        "order.release_put_off": (SELLER,),
        "purchase.placed": (BUYER,),
        "purchase.payment_reminded": (BUYER,),
        "purchase.paid": (BUYER,),
        "purchase.never_paid": (BUYER,),
        "purchase.cancelled_by_buyer": (BUYER,),
        "purchase.late_payment_refunded": (BUYER,),
        "order.label_bought": (SELLER,),
        "order.pickup_scheduled": (SELLER,),
        "order.pickup_missed": (SELLER,),
        "order.drop_off": (SELLER,),
        "order.label_given_back": (SELLER,),
        "order.parcel_recalled": (SELLER,),
        "payout.sent": (SELLER,),
        "payout.returned": (SELLER,),
        "payout.details_refused": (SELLER,),
        "payout.paid_by_hand": (SELLER,),
        "seller.bank_change_asked": (SELLER,),
        "seller.bank_change_to_approve": (SELLER,),
        "seller.bank_details_changed": (SELLER,),
        "seller.bank_details_affirmed": (SELLER,),
        "seller.deposit_booked": (SELLER,),
        "seller.debt_written_off": (SELLER,),
    }
)
# What a purchase tells its buyer once, its orders do not tell again.
_SAID_BY_PURCHASE: Final = frozenset(
    {"order.placed", "order.paid", "order.never_paid", "order.cancelled_by_buyer"}
)


def concerned(event: str, purchase: str = "") -> tuple[str, ...]:
    """Who gets a letter about *event*, of an order that *purchase* pays for if it is named."""
    if purchase and event in _SAID_BY_PURCHASE:
        return ()
    return CONCERNS.get(event, ())
