"""Schedules: made, brought up to date, one payout cycle for each policy."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.service import RPCError

from domain.calendar import Span
from runtime.schedules import (
    BOOKS_CHECK,
    PAYOUT_CYCLE,
    SWEEP,
    ensure_payout_cycles,
    ensure_schedules,
    payout_cycle_of,
    published,
)
from tests.support.marketplace import Marketplace


async def test_schedules_are_made_and_brought_up_to_date(market: Marketplace) -> None:
    """Starting a worker again, or a newer one, must not fail on what is there."""
    client: Client = market.client
    try:
        await ensure_schedules(client, market.task_queue)
        await client.get_schedule_handle(SWEEP).pause()
        await ensure_schedules(client, market.task_queue, sweep_every=timedelta(minutes=5))
        sweep = (await client.get_schedule_handle(SWEEP).describe()).schedule

        assert [interval.every for interval in sweep.spec.intervals] == [timedelta(minutes=5)]
        assert sweep.state.paused, "what an operator stopped stays stopped"
    finally:
        for name in (SWEEP, BOOKS_CHECK):
            await client.get_schedule_handle(name).delete()


async def test_each_policy_has_its_own_payout_cycle(market: Marketplace) -> None:
    """A policy's `payout.every` is a promise; the weekly schedule for everybody ends."""
    client: Client = market.client
    # Names of its own: whatever starts on this server makes cycles for the shipped policies.
    policies = [
        replace(policy, name=f"{policy.name}-{os.getpid()}")
        for policy in await published(market.engine)
    ]
    names = [policy.name for policy in policies]
    demo_name = next(name for name in names if name.startswith("demo"))
    await client.create_schedule(
        PAYOUT_CYCLE,
        Schedule(
            ScheduleActionStartWorkflow("payout_cycle", id=PAYOUT_CYCLE, task_queue="nobody"),
            ScheduleSpec(intervals=[ScheduleIntervalSpec(timedelta(days=7))]),
            state=ScheduleState(paused=True),
        ),
    )
    try:
        await ensure_payout_cycles(client, market.task_queue, policies)
        found = {
            name: (await client.get_schedule_handle(payout_cycle_of(name)).describe()).schedule
            for name in names
        }
        await client.get_schedule_handle(payout_cycle_of(demo_name)).unpause()
        slower = [
            replace(policy, payout=replace(policy.payout, every=Span.parse("2m")))
            for policy in policies
        ]
        await ensure_payout_cycles(client, market.task_queue, slower)
        demo = (await client.get_schedule_handle(payout_cycle_of(demo_name)).describe()).schedule
        with pytest.raises(RPCError):
            await client.get_schedule_handle(PAYOUT_CYCLE).describe()

        every = {name: schedule.spec.intervals[0].every for name, schedule in found.items()}
        assert every == {policy.name: policy.payout.every.elapsed for policy in policies}
        assert all(schedule.state.paused for schedule in found.values()), "as the old one was"
        assert demo.spec.intervals[0].every == timedelta(minutes=2)
        assert not demo.state.paused
    finally:
        for name in names:
            await client.get_schedule_handle(payout_cycle_of(name)).delete()
