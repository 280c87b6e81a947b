"""The newest reference rates, learned on a schedule; each run is short."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

with workflow.unsafe.imports_passed_through():
    from activities.fx import Fetched, FetchRates, FxActivities
    from workflows._kit.options import summed_up

# A run that fails is no loss: the next one learns the same and more.
_FETCH: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    schedule_to_close_timeout=timedelta(minutes=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=10),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=5),
        maximum_attempts=10,
    ),
)


@workflow.defn(name="fx_rates")
class FxRatesWorkflow:
    """Learns what the ECB has published since the last time."""

    @workflow.run
    async def run(self) -> Fetched:
        """Fetch once."""
        fetched = await workflow.execute_activity_method(
            FxActivities.fetch,
            FetchRates(workflow.now()),
            **summed_up(_FETCH, "Learn the newest reference rates"),
        )
        late = "; **the newest day is late**" if fetched.is_late else ""
        workflow.set_current_details(
            f"{fetched.new} days are new; the newest known is {fetched.newest or 'none'}{late}."
        )
        return fetched
