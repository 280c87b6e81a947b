"""Schedules: what runs by itself, brought in line with the code when a worker starts."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
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
from temporalio.service import RPCError, RPCStatusCode

from domain.policy import Policy, from_document
from runtime import policies
from workflows._kit.attributes import PROCESS
from workflows.payout.messages import StartCycle

SWEEP: Final = "sweep"
BOOKS_CHECK: Final = "books-check"
PAYOUT_CYCLE: Final = "payout-cycle"
FX_RATES: Final = "fx-rates"
CARRIAGE_CHECK: Final = "carriage-check"
SWEEP_EVERY: Final = timedelta(minutes=15)
CHECK_EVERY: Final = timedelta(hours=1)
RATES_EVERY: Final = timedelta(hours=1)
_PATIENCE: Final = 5
_ONE_DAY: Final = timedelta(days=1)
log = structlog.get_logger(__name__)


async def ensure_schedules(
    client: Client,
    task_queue: str,
    *,
    sweep_every: timedelta = SWEEP_EVERY,
    check_every: timedelta = CHECK_EVERY,
    rates_every: timedelta = RATES_EVERY,
) -> None:
    """Create the schedules that lack and bring the others up to date.

    Whether an operator has paused one, and when it ran last, stays as it is.
    """
    wanted = {
        SWEEP: _schedule("sweep", SWEEP, task_queue, sweep_every, "Ask where it has been silent"),
        BOOKS_CHECK: _schedule(
            "books_check", BOOKS_CHECK, task_queue, check_every, "Check the books"
        ),
        FX_RATES: _schedule(
            "fx_rates", FX_RATES, task_queue, rates_every, "Learn the newest reference rates"
        ),
        CARRIAGE_CHECK: _schedule(
            "carriage_check", CARRIAGE_CHECK, task_queue, check_every, "Check labels"
        ),
    }
    for name, schedule in wanted.items():
        await _ensure(client, name, schedule)


async def published(engine: AsyncEngine) -> list[Policy]:
    """The newest version of every policy."""
    async with engine.connect() as db:
        rows = await policies.published(db)
    return [from_document(row.document, row.name, row.version, row.holidays) for row in rows]


async def ensure_payout_cycles(
    client: Client, task_queue: str, sellers_live_by: Iterable[Policy]
) -> None:
    """Let each policy's sellers be paid as often as its `payout.every` says: a schedule per name.

    The one schedule that used to pay everybody ends; if it was paused, so are the new ones.
    """
    is_paused = await _is_paused(client, PAYOUT_CYCLE)
    for policy in sellers_live_by:
        every = policy.payout.every.elapsed
        # A cycle is named by its day; where there are several a day, by its second.
        stamp = "%Y-%m-%d" if every >= _ONE_DAY else "%Y-%m-%dT%H%M%S"
        name = payout_cycle_of(policy.name)
        await _ensure(
            client,
            name,
            _schedule(
                "payout_cycle",
                name,
                task_queue,
                every,
                f"Pay out what is payable to sellers under {policy.name}",
                StartCycle(policy=policy.name, stamp=stamp),
            ),
            is_paused=bool(is_paused),
        )
    if is_paused is not None:
        await client.get_schedule_handle(PAYOUT_CYCLE).delete()
        log.info("schedule.deleted", schedule=PAYOUT_CYCLE)


async def follow_policies(client: Client, task_queue: str, engine: AsyncEngine) -> None:
    """The same after policies were published; with Temporal away, a worker's next start does it."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await ensure_payout_cycles(client, task_queue, await published(engine))
    except (RPCError, RuntimeError, TimeoutError) as error:
        log.warning("schedules.postponed", error=type(error).__name__)


def payout_cycle_of(policy: str) -> str:
    """The schedule that pays the sellers who live by a policy."""
    return f"{PAYOUT_CYCLE}/{policy}"


async def _is_paused(client: Client, name: str) -> bool | None:
    """Whether a schedule is paused; None if there is none."""
    try:
        found = await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return found.schedule.state.paused


def _schedule(
    workflow: str, name: str, task_queue: str, every: timedelta, summary: str, *args: object
) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            workflow,
            args=list(args),
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


async def _ensure(client: Client, name: str, wanted: Schedule, *, is_paused: bool = False) -> None:
    def up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = found.description.schedule
        schedule.action, schedule.spec, schedule.policy = wanted.action, wanted.spec, wanted.policy
        return ScheduleUpdate(schedule)

    wanted.state.paused = is_paused
    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(up_to_date)
        log.info("schedule.updated", schedule=name)
    else:
        log.info("schedule.created", schedule=name)
