"""What the policy says about labels that are bought online and couriers at the door."""

from dataclasses import dataclass

from domain.calendar import Span


@dataclass(frozen=True)
class ShippingRules:
    """Who bears labels ("seller" or "platform"), and how often a courier comes.

    Source of the defaults: the policy table "Order and shipment".
    """

    online_cost: str = "seller"
    pickup_attempts: int = 3
    drop_off_within: Span = Span.parse("72h")
    check_in_within: Span = Span.parse("48h")
