"""What the policy says about labels that are bought online and couriers at the door."""

from dataclasses import dataclass

from domain.calendar import Span
from domain.policy_form import as_group, invalid


@dataclass(frozen=True)
class ShippingRules:
    """Who bears labels ("seller" or "platform"), and how often a courier comes.

    Source of the defaults: the policy table "Order and shipment".
    """

    online_cost: str = "seller"
    pickup_attempts: int = 3
    drop_off_within: Span = Span.parse("72h")
    check_in_within: Span = Span.parse("48h")


def shipping_rules(value: object) -> ShippingRules:
    """Read the rules of a document, whose clocks begin at no known hour. Raises `PolicyInvalid`."""
    rules = ShippingRules(**as_group(ShippingRules(), value, "shipping"))
    if not rules.pickup_attempts:
        raise invalid("shipping.pickup_attempts", "a courier comes at least once")
    for name in ("drop_off_within", "check_in_within"):
        if getattr(rules, name).business_days:
            raise invalid(f"shipping.{name}", "business days are not possible here")
    return rules
