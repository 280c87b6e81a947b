"""The floor: as many actions as an order needs at the least, and nothing done in any of them.

This workflow is what figures are compared with, so it is never changed: 21 billable actions (1
start, 6 activities, 6 timers, 4 signals, 2 updates, 2 upserts of search attributes).
"""

from datetime import timedelta
from typing import Final

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from workflows._kit.attributes import STATE

QUEUE: Final = "floor"
STEP: Final = "floor.nothing"
_STAGES: Final = 6
_SHOWN_AFTER: Final = (2, 5)
_DAY: Final = timedelta(days=1)


@activity.defn(name=STEP)
async def nothing() -> None:
    """Do nothing."""


@workflow.defn(name="floor")
class FloorWorkflow:
    """Six steps, and after each a word from outside, which a timer waits for."""

    @workflow.init
    def __init__(self) -> None:
        """Begin with nothing done and nothing heard."""
        self._done = 0
        self._heard = 0

    @workflow.run
    async def run(self) -> None:
        """Do a step, hear a word, six times."""
        for stage in range(1, _STAGES + 1):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=30))
            self._done = stage
            if stage in _SHOWN_AFTER:
                workflow.upsert_search_attributes([STATE.value_set(f"stage {stage}")])  # pyright: ignore[reportUnknownMemberType] - the SDK's
            await workflow.wait_condition(lambda: self._heard >= self._done, timeout=_DAY)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def told(self) -> None:
        """A fact."""
        self._heard += 1

    @workflow.update
    async def ask(self) -> None:
        """A request, answered when the next step is done."""
        self._heard += 1
        answered_by = self._heard + 1
        await workflow.wait_condition(lambda: self._done >= answered_by)
