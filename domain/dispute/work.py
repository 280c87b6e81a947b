"""What a dispute needs of a person, read off its state."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from domain.casework import Work, WorkKind
from domain.dispute.clocks import RUNS_IN, clock_of
from domain.dispute.state import DisputeState, Pause, Stage

# The stages in which the platform is waited for. A chargeback lets all of them wait.
_WAITS_FOR: Final[Mapping[Stage, WorkKind]] = MappingProxyType(
    {
        Stage.IN_REVIEW: WorkKind.RULING,
        Stage.AWAITING_APPROVAL: WorkKind.SECOND,
        Stage.APPEALED: WorkKind.APPEAL,
        Stage.APPEAL_APPROVAL: WorkKind.SECOND,
    }
)


def work_of(state: DisputeState) -> tuple[Work, ...]:
    """Everything that waits for a person now; a refund that came back does so after the end."""
    return tuple(_work(state))


def _work(state: DisputeState) -> Iterator[Work]:
    stuck = state.parked
    if stuck is not None:
        yield Work(
            WorkKind.PARKED,
            state.seller,
            state.currency,
            state.to_pay,
            stuck.since,
            why=stuck.reason,
        )
    kind = _WAITS_FOR.get(state.stage)
    if kind is not None and state.pause is Pause.RUNNING:
        clock = clock_of(state, RUNS_IN[state.stage][0])
        yield Work(
            kind,
            state.seller,
            state.currency,
            state.pending.amount if state.pending else state.cap,
            clock.opened_at if clock else None,
            clock.due_at if clock else None,
        )
