"""Why a buyer disputes, and what each category allows."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Category(StrEnum):
    """What a dispute is about."""

    NOT_RECEIVED = "not_received"
    RECEIVED = "received"
    OWN_REASON = "own_reason"


class Reason(StrEnum):
    """Why, within its category. Source: the policy table "Dispute"."""

    CUSTOMS = "customs"
    IN_TRANSIT = "in_transit"
    RETURNED = "returned"
    WRONG_ADDRESS = "wrong_address"
    SAYS_DELIVERED = "says_delivered"
    TRACKING_ABNORMAL = "tracking_abnormal"
    CARRIER_CHANGED = "carrier_changed"
    DIFFERS = "differs_from_description"
    QUALITY = "quality"
    COUNTERFEIT = "counterfeit"
    SHORT_QUANTITY = "short_quantity"
    DAMAGED = "damaged"
    CHANGED_MIND = "changed_mind"


class Remedy(StrEnum):
    """What a proposal offers, or a ruling orders; an amount of zero offers no money."""

    REFUND = "refund"
    RETURN_AND_REFUND = "return_and_refund"
    RESHIP = "reship"


REASONS: Final[Mapping[Category, frozenset[Reason]]] = MappingProxyType(
    {
        Category.NOT_RECEIVED: frozenset(
            {
                Reason.CUSTOMS,
                Reason.IN_TRANSIT,
                Reason.RETURNED,
                Reason.WRONG_ADDRESS,
                Reason.SAYS_DELIVERED,
                Reason.TRACKING_ABNORMAL,
                Reason.CARRIER_CHANGED,
            }
        ),
        Category.RECEIVED: frozenset(
            {
                Reason.DIFFERS,
                Reason.QUALITY,
                Reason.COUNTERFEIT,
                Reason.SHORT_QUANTITY,
                Reason.DAMAGED,
            }
        ),
        Category.OWN_REASON: frozenset({Reason.CHANGED_MIND}),
    }
)
# What never came cannot be sent back; who has only changed their mind sends it back.
REMEDIES: Final[Mapping[Category, frozenset[Remedy]]] = MappingProxyType(
    {
        Category.NOT_RECEIVED: frozenset({Remedy.REFUND, Remedy.RESHIP}),
        Category.RECEIVED: frozenset(Remedy),
        Category.OWN_REASON: frozenset({Remedy.RETURN_AND_REFUND}),
    }
)
