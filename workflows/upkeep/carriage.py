"""The check of labels; each run is short, and its schedule starts the next."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

with workflow.unsafe.imports_passed_through():
    from activities.carriage_check import CarriageCheckActivities, CarriageChecked
    from activities.upkeep import Upkeep
    from workflows._kit.options import summed_up

# A run that fails is no loss: the next one does the same and more.
_LOOK: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=20),
    heartbeat_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=45),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=10),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=2),
        maximum_attempts=5,
    ),
)


@workflow.defn(name="carriage_check")
class CarriageCheckWorkflow:
    """Asks carriers about labels that were given back, and compares the wallet's books."""

    @workflow.run
    async def run(self) -> CarriageChecked:
        """Check once."""
        checked = await workflow.execute_activity_method(
            CarriageCheckActivities.check,
            Upkeep(workflow.now()),
            **summed_up(_LOOK, "Ask about labels given back, compare the wallet's books"),
        )
        broken = f"**{checked.differences} differ**" if checked.differences else "none differs"
        workflow.set_current_details(
            f"{checked.judged} of {checked.asked} refunds of labels were judged; of "
            f"{checked.agreed + checked.differences} labels {broken}."
        )
        return checked
