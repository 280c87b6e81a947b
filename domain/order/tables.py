"""The tables of an order's axes: the only copy of what may follow what."""

from types import MappingProxyType
from typing import Final

from domain.machine import Machine
from domain.order.state import (
    Fulfilment,
    FulfilmentEvent,
    Payment,
    PaymentEvent,
    Release,
    ReleaseEvent,
)

PAYMENT: Final = Machine(
    "payment",
    MappingProxyType(
        {
            (Payment.AWAITING, PaymentEvent.MONEY_ARRIVED): Payment.IN_RISK_CHECK,
            (Payment.AWAITING, PaymentEvent.WINDOW_CLOSED): Payment.NEVER_PAID,
            (Payment.AWAITING, PaymentEvent.CANCELLED): Payment.NEVER_PAID,
            (Payment.AWAITING, PaymentEvent.OTHER_AMOUNT_ARRIVED): Payment.AMOUNT_DIFFERS,
            (Payment.AWAITING, PaymentEvent.BANK_AGREED): Payment.IN_RISK_CHECK,
            (Payment.AMOUNT_DIFFERS, PaymentEvent.AMOUNT_ACCEPTED): Payment.IN_RISK_CHECK,
            (Payment.AMOUNT_DIFFERS, PaymentEvent.AMOUNT_SENT_BACK): Payment.AWAITING,
            (Payment.AMOUNT_DIFFERS, PaymentEvent.WINDOW_CLOSED): Payment.NEVER_PAID,
            (Payment.AMOUNT_DIFFERS, PaymentEvent.CANCELLED): Payment.NEVER_PAID,
            (Payment.IN_RISK_CHECK, PaymentEvent.RISK_ACCEPTED): Payment.CAPTURED,
            (Payment.IN_RISK_CHECK, PaymentEvent.RISK_REFUSED): Payment.CAPTURED,
            (Payment.CAPTURED, PaymentEvent.RISK_REOPENED): Payment.IN_RISK_CHECK,
            (Payment.AUTHORISED, PaymentEvent.RISK_REOPENED): Payment.IN_RISK_CHECK,
            (Payment.IN_RISK_CHECK, PaymentEvent.RISK_ACCEPTED_UNTAKEN): Payment.AUTHORISED,
            (Payment.IN_RISK_CHECK, PaymentEvent.RISK_REFUSED_UNTAKEN): Payment.AUTHORISED,
            (Payment.IN_RISK_CHECK, PaymentEvent.TAKEN): Payment.IN_RISK_CHECK,
            (Payment.IN_RISK_CHECK, PaymentEvent.LAPSED): Payment.AWAITING,
            (Payment.AUTHORISED, PaymentEvent.TAKEN): Payment.CAPTURED,
            (Payment.AUTHORISED, PaymentEvent.LAPSED): Payment.AWAITING,
            (Payment.AUTHORISED, PaymentEvent.VOIDED): Payment.VOIDED,
            (Payment.CAPTURED, PaymentEvent.PART_REFUNDED): Payment.PARTLY_REFUNDED,
            (Payment.CAPTURED, PaymentEvent.FULLY_REFUNDED): Payment.REFUNDED,
            (Payment.PARTLY_REFUNDED, PaymentEvent.PART_REFUNDED): Payment.PARTLY_REFUNDED,
            (Payment.PARTLY_REFUNDED, PaymentEvent.FULLY_REFUNDED): Payment.REFUNDED,
            (Payment.PARTLY_REFUNDED, PaymentEvent.REFUND_FAILED): Payment.CAPTURED,
            (Payment.REFUNDED, PaymentEvent.REFUND_FAILED): Payment.CAPTURED,
        }
    ),
)

_UNDER_WAY: Final = (
    Fulfilment.DECLARED,
    Fulfilment.IN_TRANSIT,
    Fulfilment.BUYER_ASKED,
    Fulfilment.DELIVERED,
)
_NONE_THERE: Final = (Fulfilment.PARTLY_SHIPPED, Fulfilment.DECLARED)
_NOT_ALL_THERE: Final = (*_NONE_THERE, Fulfilment.IN_TRANSIT, Fulfilment.BUYER_ASKED)

# How far the parcels are, among the four states under way, follows from the parcels alone.
FULFILMENT: Final = Machine(
    "fulfilment",
    MappingProxyType(
        {
            (Fulfilment.NOT_STARTED, FulfilmentEvent.SELLER_TOLD): Fulfilment.AWAITING_SHIPMENT,
            (Fulfilment.NOT_STARTED, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (
                Fulfilment.AWAITING_SHIPMENT,
                FulfilmentEvent.ADDRESS_CHANGED,
            ): Fulfilment.NOT_STARTED,
            (
                Fulfilment.AWAITING_SHIPMENT,
                FulfilmentEvent.PART_DECLARED,
            ): Fulfilment.PARTLY_SHIPPED,
            (Fulfilment.AWAITING_SHIPMENT, FulfilmentEvent.DECLARED): Fulfilment.DECLARED,
            (
                Fulfilment.AWAITING_SHIPMENT,
                FulfilmentEvent.PAYMENT_LAPSED,
            ): Fulfilment.NOT_STARTED,
            (Fulfilment.AWAITING_SHIPMENT, FulfilmentEvent.NOT_SHIPPED): Fulfilment.CANCELLED,
            (Fulfilment.AWAITING_SHIPMENT, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.PARTLY_SHIPPED, FulfilmentEvent.PART_DECLARED): Fulfilment.PARTLY_SHIPPED,
            (Fulfilment.PARTLY_SHIPPED, FulfilmentEvent.DECLARED): Fulfilment.DECLARED,
            (Fulfilment.PARTLY_SHIPPED, FulfilmentEvent.NOT_SHIPPED): Fulfilment.DECLARED,
            (Fulfilment.PARTLY_SHIPPED, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED,
            (Fulfilment.BUYER_ASKED, FulfilmentEvent.DENIED): Fulfilment.BUYER_ASKED,
            (Fulfilment.DELIVERED, FulfilmentEvent.CONFIRMED_BY_SILENCE): Fulfilment.RECEIVED,
        }
        | {
            (sent, FulfilmentEvent.PART_TAKEN_BACK): Fulfilment.PARTLY_SHIPPED
            for sent in _NOT_ALL_THERE
        }
        | {
            (sent, FulfilmentEvent.ALL_TAKEN_BACK): Fulfilment.AWAITING_SHIPMENT
            for sent in _NONE_THERE
        }
        | {(under_way, FulfilmentEvent.CONFIRMED): Fulfilment.RECEIVED for under_way in _UNDER_WAY}
        | {
            (under_way, FulfilmentEvent.NOTHING_UNDER_WAY): Fulfilment.RECEIVED
            for under_way in _UNDER_WAY
        }
        | {
            (under_way, FulfilmentEvent.CALLED_OFF): Fulfilment.CANCELLED
            for under_way in _UNDER_WAY
        }
    ),
)

RELEASE: Final = Machine(
    "release",
    MappingProxyType(
        {
            (Release.NONE, ReleaseEvent.PART_RELEASED): Release.PART,
            (Release.NONE, ReleaseEvent.ALL_RELEASED): Release.FULL,
            (Release.PART, ReleaseEvent.PART_RELEASED): Release.PART,
            (Release.PART, ReleaseEvent.ALL_RELEASED): Release.FULL,
        }
    ),
)
