"""A state machine is a table, and the only copy of the rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from domain.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[S, E]):
    """The moves of one axis. Whoever asks (workflow, validator, button, diagram) asks here."""

    name: str
    moves: Mapping[tuple[S, E], S]

    def next(self, state: S, event: E) -> S:
        """Return the state that *event* leads to, or refuse with `IllegalTransition`."""
        try:
            return self.moves[state, event]
        except KeyError:
            detail = f"{self.name} is {state}: {event} is not possible now"
            raise IllegalTransition(detail, state=state, event=event) from None

    def allows(self, state: S, event: E) -> bool:
        """Whether *event* is possible in *state*."""
        return (state, event) in self.moves

    def is_final(self, state: S) -> bool:
        """Whether nothing leads out of *state*."""
        return all(source is not state for source, _ in self.moves)
