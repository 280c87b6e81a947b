"""Schedules: what runs by itself, brought in line with the code when a worker starts."""

from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from workflows._kit.attributes import PROCESS

SWEEP: Final = "sweep"
BOOKS_CHECK: Final = "books-check"
PAYOUT_CYCLE: Final = "payout-cycle"
SWEEP_EVERY: Final = timedelta(minutes=15)
CHECK_EVERY: Final = timedelta(hours=1)
PAYOUT_EVERY: Final = timedelta(days=7)
log = structlog.get_logger(__name__)


async def ensure_schedules(
    client: Client,
    task_queue: str,
    *,
    sweep_every: timedelta = SWEEP_EVERY,
    check_every: timedelta = CHECK_EVERY,
    payout_every: timedelta = PAYOUT_EVERY,
) -> None:
    """Create the schedules that lack and bring the others up to date.

    Whether an operator has paused one, and when it ran last, stays as it is.
    """
    wanted = {
        SWEEP: _schedule("sweep", SWEEP, task_queue, sweep_every, "Ask where it has been silent"),
        BOOKS_CHECK: _schedule(
            "books_check", BOOKS_CHECK, task_queue, check_every, "Check the books"
        ),
        PAYOUT_CYCLE: _schedule(
            "payout_cycle", PAYOUT_CYCLE, task_queue, payout_every, "Pay out what is payable"
        ),
    }
    for name, schedule in wanted.items():
        await _ensure(client, name, schedule)


def _schedule(
    workflow: str, name: str, task_queue: str, every: timedelta, summary: str
) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            workflow,
            id=name,
            task_queue=task_queue,
            static_summary=summary,
            typed_search_attributes=TypedSearchAttributes([SearchAttributePair(PROCESS, workflow)]),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        # What was missed while nobody was there is made up for by one run, not by each.
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=max(every, timedelta(minutes=1))
        ),
    )


async def _ensure(client: Client, name: str, wanted: Schedule) -> None:
    def up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = found.description.schedule
        schedule.action, schedule.spec, schedule.policy = wanted.action, wanted.spec, wanted.policy
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(up_to_date)
        log.info("schedule.updated", schedule=name)
    else:
        log.info("schedule.created", schedule=name)
