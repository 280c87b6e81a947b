"""What an event keeps to itself before those whom it does not concern.

A buyer does not hear what the seller earns and pays; neither side hears why staff doubted a
payment.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.actors import Role

_SELLERS_OWN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "order.released": frozenset({"payable", "reserve", "commission", "settles_in"}),
        "order.reserve_released": frozenset({"amount", "currency"}),
        "order.release_put_off": frozenset({"reason"}),
        "order.refund_recovered": frozenset({"amount", "debt", "currency"}),
        "order.label_bought": frozenset({"label", "amount", "currency", "borne_by"}),
        "order.amount_accepted": frozenset({"borne_by"}),
    }
)
_STAFFS_OWN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    dict.fromkeys(
        ("order.fraud_suspected", "order.fraud_confirmed", "order.fraud_cleared"),
        frozenset({"reason"}),
    )
)


def facts_for(reader: Role, kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an event of that kind which *reader* may have."""
    hidden: frozenset[str] = frozenset()
    if reader in {Role.BUYER, Role.SELLER}:
        hidden |= _STAFFS_OWN.get(kind, frozenset())
    if reader is Role.BUYER:
        hidden |= _SELLERS_OWN.get(kind, frozenset())
    return {name: fact for name, fact in facts.items() if name not in hidden}
