"""What a payout needs of a person, read off its state."""

from domain.casework import Work, WorkKind
from domain.payout.state import PayoutState


def work_of(state: PayoutState) -> tuple[Work, ...]:
    """A parked payout waits for an operator."""
    why = state.parked
    if why is None:
        return ()
    parked = Work(
        WorkKind.PARKED, state.seller, state.currency, state.gross, why.since, why=why.reason
    )
    return (parked,)
