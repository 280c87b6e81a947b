"""What a chargeback needs of a person, read off its state."""

from domain.casework import Work, WorkKind
from domain.chargeback.moves import is_due
from domain.chargeback.state import ChargebackState


def work_of(state: ChargebackState) -> tuple[Work, ...]:
    """Whether to contest it is somebody's to decide; undecided, the evidence goes out by itself."""
    if not is_due(state):
        return ()
    seller = state.sellers[0] if state.sellers else ""
    return (
        Work(
            WorkKind.CHARGEBACK,
            seller,
            state.currency,
            state.amount,
            state.opened_at,
            state.answer_by,
            why=state.reason,
        ),
    )
