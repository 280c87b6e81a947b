"""The sweep and the check of the books; each run is short, and its schedule starts the next."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ActivityConfig

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import Reconciled, ReconciliationActivities
    from activities.upkeep import Checked, Swept, Upkeep, UpkeepActivities
    from workflows._kit.options import summed_up

# A run that fails is no loss: the next one does the same and more.
_LOOK: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=20),
    heartbeat_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=45),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=10),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=2),
        maximum_attempts=5,
    ),
)


@workflow.defn(name="sweep")
class SweepWorkflow:
    """Asks the providers about everything that has been silent for long."""

    @workflow.run
    async def run(self) -> Swept:
        """Sweep once."""
        swept = await workflow.execute_activity_method(
            UpkeepActivities.sweep,
            Upkeep(workflow.now()),
            **summed_up(_LOOK, "Ask about silent parcels, payments, refunds and payouts"),
        )
        workflow.set_current_details(
            f"Asked about {swept.parcels} parcels, {swept.payments} payments, "
            f"{swept.refunds} refunds and {swept.payouts} payouts; **{swept.found}** had news."
        )
        return swept


@workflow.defn(name="books_check")
class BooksCheckWorkflow:
    """Checks the ledger against itself, then against the provider's books."""

    @workflow.run
    async def run(self) -> bool:
        """Check once; returns whether everything agreed. Both parts are tried in any case."""
        checked = await self._checked()
        reconciled = await self._reconciled()
        workflow.set_current_details(
            f"- Invariants: {_said(checked)}\n- The provider's books: {_told(reconciled)}"
        )
        if checked is None or reconciled is None:
            # Shown as failed, so that a person sees that nobody has looked.
            raise ApplicationError("the books could not be checked", type="unchecked")
        return not checked.breaches and not reconciled.breaks

    async def _checked(self) -> Checked | None:
        try:
            return await workflow.execute_activity_method(
                UpkeepActivities.check_invariants,
                Upkeep(workflow.now()),
                **summed_up(_LOOK, "Check the ledger against itself"),
            )
        except ActivityError as failed:
            workflow.logger.error("books.not_checked", extra={"error": str(failed.cause)})
            return None

    async def _reconciled(self) -> Reconciled | None:
        try:
            return await workflow.execute_activity_method(
                ReconciliationActivities.reconcile,
                Upkeep(workflow.now()),
                **summed_up(_LOOK, "Compare the ledger with the provider's books"),
            )
        except ActivityError as failed:
            workflow.logger.error("books.not_reconciled", extra={"error": str(failed.cause)})
            return None


def _said(checked: Checked | None) -> str:
    if checked is None:
        return "**not checked**"
    return f"**{checked.breaches} broken**" if checked.breaches else "all hold"


def _told(reconciled: Reconciled | None) -> str:
    if reconciled is None:
        return "**not compared**"
    part = "all of it" if reconciled.is_whole else "what is new"
    result = f"**{reconciled.breaks} breaks**" if reconciled.breaks else "no break"
    return f"{result} in {reconciled.compared} effects ({part})"
