"""Whom each event concerns."""

from types import MappingProxyType
from typing import Final

BUYER: Final = "buyer"
SELLER: Final = "seller"

CONCERNS: Final = MappingProxyType(
    {
        "order.placed": (BUYER,),
        "order.paid": (BUYER,),
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
        "order.released": (SELLER,),
        "order.reserve_released": (SELLER,),
        "order.payment_reminded": (BUYER,),
        "order.shipment_reminded": (SELLER,),
        "order.answer_reminded": (BUYER,),
        "order.confirmation_reminded": (BUYER,),
        "payout.sent": (SELLER,),
        "payout.returned": (SELLER,),
    }
)
