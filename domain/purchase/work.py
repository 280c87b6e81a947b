"""What a purchase needs of a person, read off its state."""

from domain.casework import Work, WorkKind
from domain.purchase.state import PurchaseState


def work_of(state: PurchaseState) -> tuple[Work, ...]:
    """A parked purchase waits for an operator; it is no one seller's."""
    why = state.parked
    if why is None or state.ended_at is not None:
        return ()
    return (Work(WorkKind.PARKED, "", state.currency, state.total, why.since, why=why.reason),)
