"""How the orders of a trace ended: which are accounted for, and what became of their parts."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from domain.order.agreements import Topic
from domain.order.facts import refundable
from domain.order.state import OrderState, Outcome
from runtime.trace.journey import Journey
from runtime.trace.report import Unaccounted

States = Mapping[str, OrderState]
# The seller is suspended to this day: the order is over, its money is kept.
KEPT: Final = "kept"
_ANSWERS: Final = ("granted", "declined", "void")


def outcome_of(journey: Journey, states: States) -> str:
    """How an order ended; `kept` is no end of the order's own."""
    if journey.not_accepted:
        return str(Outcome.NOT_ACCEPTED)
    state = states.get(journey.order.order)
    if state is None:
        return "never_placed"
    return KEPT if _is_kept(state) else str(state.outcome)


def open_ends(journeys: Sequence[Journey], states: States) -> Iterable[Unaccounted]:
    """The orders of which nobody can say how they ended, and why."""
    for journey in journeys:
        why = journey.stuck
        if not why and not journey.not_accepted:
            why = _open_end(states.get(journey.order.order))
        if why:
            yield Unaccounted(journey.order.order, why)


def _open_end(state: OrderState | None) -> str:
    if state is None:
        return "it was never placed"
    if state.parked is not None:
        return f"parked at {state.parked.step}: {state.parked.reason}"
    if _is_kept(state):
        return ""
    if state.ended_at is None or state.outcome is Outcome.OPEN:
        return f"it stands at {state.payment}, {state.fulfilment}, {state.outcome}"
    if state.captured != state.refunded + state.released or state.held or state.reserved:
        return "its money does not add up"
    return ""


def _is_kept(state: OrderState) -> bool:
    return state.ended_at is None and state.frozen and not state.clocks and refundable(state) > 0


def by_status(journeys: Sequence[Journey], states: States) -> dict[str, dict[str, int]]:
    """What the export says, and beside it how the orders ended."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for journey in journeys:
        table[journey.order.status][outcome_of(journey, states)] += 1
    return {status: dict(sorted(table[status].items())) for status in sorted(table)}


def parcels(states: Iterable[OrderState]) -> dict[str, int]:
    """How the parcels ended."""
    ends = Counter(str(parcel.stage) for state in states for parcel in state.parcels)
    return dict(sorted(ends.items()))


def refunded_in_part(states: Collection[OrderState]) -> int:
    """Orders of which the buyer has something back, and the seller has been paid the rest."""
    return sum(bool(state.refunded and state.released) for state in states)


def questions(kinds: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """What the sides asked each other, by topic: how often, and what became of it.

    *kinds* are the entries of the timeline, counted. A question is void when it was overtaken.
    """
    found: dict[str, dict[str, int]] = {}
    for topic in Topic:
        asked = sum(
            count for kind, count in kinds.items() if kind.startswith(f"order.{topic}_asked_by_")
        )
        if asked:
            answers = {word: kinds.get(f"order.{topic}_{word}", 0) for word in _ANSWERS}
            found[str(topic)] = {"asked": asked} | answers
    return found
