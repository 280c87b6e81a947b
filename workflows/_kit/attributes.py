"""Typed search attributes: how operators find processes in the Temporal UI."""

from datetime import datetime
from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

PROCESS: Final = SearchAttributeKey.for_keyword("CaravanProcess")
STATE: Final = SearchAttributeKey.for_keyword("CaravanState")
SELLER: Final = SearchAttributeKey.for_keyword("CaravanSeller")
ORDER: Final = SearchAttributeKey.for_keyword("CaravanOrder")
DUE_AT: Final = SearchAttributeKey.for_datetime("CaravanDueAt")
NEEDS_ATTENTION: Final = SearchAttributeKey.for_bool("CaravanNeedsAttention")

ALL: Final = (PROCESS, STATE, SELLER, ORDER, DUE_AT, NEEDS_ATTENTION)


def at_start(
    process: str, state: str, seller: str, order: str = "", due: datetime | None = None
) -> TypedSearchAttributes:
    """What a process is found by from its first moment; given at the start they cost nothing."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(PROCESS, process),
        SearchAttributePair(STATE, state),
        SearchAttributePair(SELLER, seller),
        SearchAttributePair(NEEDS_ATTENTION, value=False),
    ]
    if order:
        pairs.append(SearchAttributePair(ORDER, order))
    if due is not None:
        pairs.append(SearchAttributePair(DUE_AT, due))
    return TypedSearchAttributes(pairs)


class Shown:
    """What the search attributes say now; an upsert is an action, so only news is sent."""

    def __init__(self, state: str) -> None:
        """Begin with what was given at the start."""
        self._said = (state, False)

    def show(self, state: str, due: datetime | None, *, needs_attention: bool) -> None:
        """Say the new state, its nearest deadline with it, if there is one."""
        if (state, needs_attention) == self._said:
            return
        self._said = (state, needs_attention)
        workflow.upsert_search_attributes(  # pyright: ignore[reportUnknownMemberType] - the SDK's
            [
                STATE.value_set(state),
                NEEDS_ATTENTION.value_set(needs_attention),
                DUE_AT.value_set(due) if due is not None else DUE_AT.value_unset(),
            ]
        )
