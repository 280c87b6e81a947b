"""Where an order stands, in one word."""

from types import MappingProxyType
from typing import Final

from domain.order.state import Fraud, Fulfilment, OrderState, Outcome, Payment


def headline(state: OrderState) -> str:
    """One status for lists, derived from the axes; never stored as the truth."""
    if state.parked is not None:
        return "needs_attention"
    if state.ended_at is not None:
        return str(state.outcome)
    if state.outcome is not Outcome.OPEN:
        return "refunding"
    if state.payment in _BEFORE_SHIPMENT:
        return _BEFORE_SHIPMENT[state.payment]
    return _on_its_way(state)


def _on_its_way(state: OrderState) -> str:
    # Buyer and seller see this too: that fraud is suspected is not for everybody's eyes.
    if state.fraud is Fraud.SUSPECTED:
        return "held"
    if state.fulfilment is Fulfilment.RECEIVED:
        is_kept = state.held or state.frozen
        return "held" if is_kept and not state.clocks else "in_protection"
    return str(state.fulfilment)


_BEFORE_SHIPMENT: Final = MappingProxyType(
    {
        Payment.AWAITING: "awaiting_payment",
        Payment.AMOUNT_DIFFERS: "amount_differs",
        Payment.IN_RISK_CHECK: "in_risk_check",
    }
)


def phase(state: OrderState) -> str:
    """The headline, coarse enough to be searched for: three times in a life that goes well.

    One that ended well keeps the phase it ended in: Temporal itself says that it is completed.
    """
    status = headline(state)
    return "arrived" if status in _ARRIVED else phase_before(state)


def phase_before(state: OrderState) -> str:
    """What orders of edition 0 are found by: arrival, protection and the end are a phase each."""
    status = headline(state)
    return "on_the_way" if status in _ON_THE_WAY else status


_ON_THE_WAY: Final = frozenset(
    {
        str(Fulfilment.PARTLY_SHIPPED),
        str(Fulfilment.DECLARED),
        str(Fulfilment.IN_TRANSIT),
        str(Fulfilment.BUYER_ASKED),
    }
)
_ARRIVED: Final = frozenset({str(Fulfilment.DELIVERED), "in_protection", str(Outcome.COMPLETED)})
