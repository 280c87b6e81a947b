"""Rehearsals of disputes: what an act would do to whose money, found by the steps themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy.ext.asyncio import AsyncEngine

from activities import dispute_requests as steps
from activities.dispute import DisputeActivities
from activities.dispute_money import DisputeMoneyActivities
from adapters.logistics.port import TrackingProvider
from adapters.payment.port import PaymentGateway
from domain.actors import Actor, Role
from domain.dispute import rules
from domain.dispute.clocks import Due, clock_of
from domain.dispute.rules import FOR_A_SECOND, Action, Asked
from domain.dispute.state import ClockName, DisputeState, Pause, Stage
from domain.ids import dispute_workflow_id
from domain.order.money import OrderFunds
from persistence.carriage.port import Addresses
from runtime import rehearsal
from runtime.rehearsal import Obedient, Traces, on_stage
from workflows.dispute import tasks
from workflows.dispute.messages import DisputeRequest, OpenDispute
from workflows.order.messages import Resolve

_MOST_STEPS: Final = 4
_SECOND: Final = Actor(Role.SUPPORT_LEAD, "second-person")


@dataclass(frozen=True)
class DisputeRehearsal:
    """How a dispute and its order's money would stand after an act, and what would lead there.

    `needs_second`: only once a second person has agreed, whose word is played as well.
    """

    before: DisputeState
    after: DisputeState
    funds_before: OrderFunds
    funds_after: OrderFunds
    traces: Traces
    needs_second: bool = False


@dataclass(frozen=True)
class Theatre:
    """Where disputes are rehearsed: the database, and the addresses that a return goes to."""

    engine: AsyncEngine
    addresses: Addresses

    async def act(
        self, state: DisputeState, action: Action, request: DisputeRequest
    ) -> DisputeRehearsal:
        """What *request* would do to a dispute that stands as *state*.

        Raises the rule's `Refusal`. Goods that are sent are not rehearsed: a carrier would hear.
        """
        rules.check(state, action, request.actor, request.received_at, request.asked)
        act = steps.Act(
            state, request.received_at, action, request.actor, request.asked, request.person
        )
        return await self._played(state, tasks.ACT.name, act)

    async def resolution(self, state: DisputeState, word: Resolve) -> DisputeRehearsal:
        """What an operator's word would do to a parked dispute. Raises the rule's `Refusal`."""
        rules.check(state, Action.RESOLVE, word.actor, word.received_at, Asked())
        going_on = steps.ParkDispute(state, word.received_at, None, str(word.actor), word.note)
        return await self._played(state, tasks.PARK.name, going_on, tasks.by_hand(word))

    async def opening(self, wanted: OpenDispute) -> DisputeRehearsal:
        """What opening a dispute would hold. Raises the rule's `Refusal`."""
        state = wanted.first_state()
        opening = steps.OpenDispute(
            state, wanted.lines, wanted.remedy, wanted.amount, wanted.currency
        )
        return await self._played(state, tasks.OPEN.name, opening)

    async def _played(
        self,
        state: DisputeState,
        first: str,
        request: steps.OpenDispute | steps.Act | steps.ParkDispute,
        by_hand: str = "",
    ) -> DisputeRehearsal:
        """The first step, and then what the process does by itself with money, at once."""
        at = state.opened_at if isinstance(request, steps.OpenDispute) else request.at
        subject = dispute_workflow_id(state.dispute)
        async with on_stage(self.engine, subject, self._cast) as stage:
            async with stage.transaction() as tx:
                before = await tx.funds.locked(state.order)
            after: DisputeState = await stage.play(first, request)
            needs_second = after.stage in FOR_A_SECOND and state.stage not in FOR_A_SECOND
            if needs_second:
                agreed = steps.Act(after, at, Action.APPROVE, _SECOND, Asked())
                after = await stage.play(tasks.ACT.name, agreed)
            for _ in range(_MOST_STEPS):
                if after.parked is not None:
                    break
                clock = clock_of(after, ClockName.TAKE_BACK)
                if clock is not None:
                    ring = steps.Ring(after, at, Due(clock.name, clock.due_at))
                    after = await stage.play(tasks.RING.name, ring)
                elif after.to_pay:
                    after = await stage.play(tasks.PAY.name, steps.PayBuyer(after, at, by_hand))
                elif after.stage is Stage.SETTLING and after.pause is Pause.RUNNING:
                    after = await stage.play(tasks.SETTLE.name, steps.DisputeStep(after, at))
            async with stage.transaction() as tx:
                funds = await tx.funds.locked(state.order)
            traces = await stage.traces()
            return DisputeRehearsal(state, after, before, funds, traces, needs_second)

    def _cast(self, stage: rehearsal.Stage) -> tuple[Callable[..., Any], ...]:
        provider = Obedient()
        dispute = DisputeActivities(stage, cast("TrackingProvider", provider), self.addresses)
        money = DisputeMoneyActivities(stage, cast("PaymentGateway", provider))
        return dispute.open, dispute.act, dispute.ring, dispute.park, money.settle, money.pay
