"""What one row of a trace may tell together: each thing needs its cause, and comes after it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

_HANDED: Final = ("handed_to_carrier_at",)
_PARCEL: Final = ("handed_to_carrier_at", "declared_at", "label_bought_at")
_PAID: Final = ("payment_approved_at",)
_LABEL: Final = ("label_bought_at",)
_DISPUTE: Final = ("disputed_at",)
# Of each column those of which one at least has to be told as well.
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "delivered_at": _HANDED,
        "number_corrected_at": _PARCEL,
        "disowned_at": _PARCEL,
        "customs_held_at": _HANDED,
        "customs_ruled_at": ("customs_held_at",),
        "customs_ruling": ("customs_ruled_at",),
        "refused_at": _HANDED,
        "returning_at": _HANDED,
        "returned_at": ("refused_at", "returning_at"),
        "lost_at": _HANDED,
        "delivered_country": ("delivered_at",),
        "delivered_city": ("delivered_at",),
        "delivery_withdrawn_at": ("delivered_at",),
        "label_bought_at": _PAID,
        "courier_from": _LABEL,
        "courier_until": ("courier_from",),
        "label_voided_at": _LABEL,
        "address_changed_at": _PAID,
        "new_city": ("address_changed_at",),
        "paid_amount": _PAID,
        "amount_decided_at": _PAID,
        "amount_decision": ("amount_decided_at",),
        "risk_verdict": _PAID,
        "risk_decided_at": _PAID,
        "fraud_reported_at": _PAID,
        "fraud_decided_at": ("fraud_reported_at",),
        "fraud_verdict": ("fraud_decided_at",),
        "extension_asked_at": _PAID,
        "extension_days": ("extension_asked_at",),
        "extension_answered_at": ("extension_asked_at",),
        "extension_taken_back_at": ("extension_asked_at",),
        "extension_answer": ("extension_answered_at",),
        "cancellation_asked_at": _PAID,
        "cancellation_asked_by": ("cancellation_asked_at",),
        "cancellation_answered_at": ("cancellation_asked_at",),
        "cancellation_taken_back_at": ("cancellation_asked_at",),
        "cancellation_answer": ("cancellation_answered_at",),
        "protection_answered_at": ("protection_asked_at",),
        "protection_taken_back_at": ("protection_asked_at",),
        "protection_answer": ("protection_answered_at",),
        "refunded_at": _PAID,
        "refund_amount": ("refunded_at",),
        "disputed_at": _PAID,
        "disputed_lines": _DISPUTE,
        "dispute_reason": _DISPUTE,
        "dispute_remedy": _DISPUTE,
        "dispute_amount": _DISPUTE,
        "countered_at": _DISPUTE,
        "counter_amount": ("countered_at",),
        "agreed_at": _DISPUTE,
        "agreed_by": ("agreed_at",),
        "escalated_at": _DISPUTE,
        "ruled_at": ("escalated_at",),
        "ruled_amount": ("ruled_at",),
        "goods_sent_back_at": _DISPUTE,
        "goods_back_at": ("goods_sent_back_at",),
        "dispute_withdrawn_at": _DISPUTE,
        "seller_reinstated_at": ("seller_suspended_at",),
    }
)
# Of each column those without which it says nothing.
_WITH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "customs_ruled_at": "customs_ruling",
        "courier_from": "courier_until",
        "address_changed_at": "new_city",
        "amount_decided_at": "amount_decision",
        "amount_decision": "paid_amount",
        "fraud_decided_at": "fraud_verdict",
        "extension_asked_at": "extension_days",
        "extension_answered_at": "extension_answer",
        "cancellation_asked_at": "cancellation_asked_by",
        "cancellation_answered_at": "cancellation_answer",
        "protection_answered_at": "protection_answer",
        "refunded_at": "refund_amount",
        "disputed_at": "dispute_reason",
        "agreed_at": "agreed_by",
    }
)
_EITHER: Final = (
    ("delivered_at", "returned_at"),
    ("lost_at", "returned_at"),
    ("declared_at", "label_bought_at"),
    ("number_corrected_at", "label_bought_at"),
    ("handed_to_carrier_at", "label_voided_at"),
    ("extension_answered_at", "extension_taken_back_at"),
    ("cancellation_answered_at", "cancellation_taken_back_at"),
    ("protection_answered_at", "protection_taken_back_at"),
    ("paid_amount", "paid_another_way_at"),
    ("agreed_at", "ruled_at"),
    ("agreed_at", "dispute_withdrawn_at"),
)
# What has to come first, if both are told.
_FIRST: Final = (
    ("paid_another_way_at", "payment_approved_at"),
    ("label_bought_at", "handed_to_carrier_at"),
)
# An export's clocks are not one: a parcel may have left before the purchase was recorded.
_ANY_TIME: Final = frozenset(
    {
        *("ship_by", "promised_at", "handed_to_carrier_at", "declared_at"),
        *("seller_suspended_at", "seller_reinstated_at"),
    }
)


def faults(cells: Mapping[str, Any]) -> Iterator[str]:
    """What contradicts itself in *cells*: the values of a row's columns, None or "" for nothing."""
    told = {name: value for name, value in cells.items() if _is_told(value)}
    for name in told:
        needed = _NEEDS.get(name, ())
        if needed and not any(cause in told for cause in needed):
            yield f"{name} is told, {' or '.join(needed)} is not"
        if name in _WITH and _WITH[name] not in told:
            yield f"{name} is told, {_WITH[name]} is not"
    for one, other in _EITHER:
        if one in told and other in told:
            yield f"{one} and {other} cannot both be"
    yield from _out_of_order(told)


def _is_told(value: object) -> bool:
    """Zero days and nothing refunded say as little as an empty cell; "no" is an answer."""
    return value is False or bool(value)


def _out_of_order(told: Mapping[str, Any]) -> Iterator[str]:
    instants = {name: at for name, at in told.items() if isinstance(at, datetime)}
    for name, at in instants.items():
        if name not in _ANY_TIME and at < told["purchased_at"]:
            yield f"{name} is before purchased_at"
        causes = [cause for cause in _NEEDS.get(name, ()) if cause in instants]
        if causes and at < min(instants[cause] for cause in causes):
            yield f"{name} is before {' or '.join(causes)}"
    for first, then in _FIRST:
        if first in instants and then in instants and instants[then] < instants[first]:
            yield f"{then} is before {first}"
