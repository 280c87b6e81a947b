"""A dispute as a test drives it, over a marketplace with real servers."""

import asyncio
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from temporalio.client import WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateStage
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.actors import Actor
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.rules import Action, Asked
from domain.dispute.state import DisputeState, PauseEvent, Stage
from tests.support.marketplace import Placed, buyer, seller_of
from workflows._kit import attributes
from workflows.dispute.messages import ChargebackChanged, DisputeRequest, OpenDispute
from workflows.dispute.workflow import DisputeWorkflow
from workflows.order.messages import ParcelMoved, PaymentChanged, Resolution, Resolve

_numbers: Final = itertools.count(1)


@dataclass
class Disputed:
    """One dispute about an order, in the order's business time."""

    order: Placed
    dispute: str
    handle: WorkflowHandle[DisputeWorkflow, DisputeState]

    @property
    def buyer(self) -> Actor:
        return buyer(self.order.order)

    @property
    def seller(self) -> Actor:
        return seller_of(self.order.market.of[self.order.order])

    def at(self, **after: float) -> datetime:
        return self.order.at(**after)

    async def state(self) -> DisputeState:
        return await self.handle.query(DisputeWorkflow.snapshot)

    async def until(
        self, happened: Callable[[DisputeState], bool], within: float = 20
    ) -> DisputeState:
        """Wait (in real time) until the dispute's state is so."""
        async with asyncio.timeout(within):
            while not happened(state := await self.state()):
                await asyncio.sleep(0.02)
        return state

    async def reaches(self, stage: Stage) -> DisputeState:
        return await self.until(lambda state: state.stage is stage)

    async def asks(
        self, actor: Actor, action: Action, asked: Asked | None = None, **after: float
    ) -> DisputeState:
        """Ask something of the dispute, and wait for its answer."""
        request = DisputeRequest(actor, self.at(**after), asked or Asked())
        state: DisputeState = await self.handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            str(action), request, result_type=DisputeState
        )
        return state

    async def begins(
        self, actor: Actor, action: Action, asked: Asked | None = None, **after: float
    ) -> None:
        """Ask something, and wait only until it has been taken in."""
        request = DisputeRequest(actor, self.at(**after), asked or Asked())
        await self.handle.start_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            str(action), request, wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )

    async def resolved(self, actor: Actor, how: Resolution, note: str = "") -> DisputeState:
        """Let an operator say how a parked dispute goes on."""
        word = Resolve(actor, self.at(days=40), how, note)
        state: DisputeState = await self.handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            "resolve", word, result_type=DisputeState
        )
        return state

    async def skip(self, **to: float) -> bool:
        """Let the dispute's own clock run to so long after the order's beginning."""
        market = self.order.market
        now = (await market.clock(self.handle)) or self.order.began
        return await market.skipper.fast_forward(self.handle, self.at(**to) - now)

    async def skip_to_end(self) -> DisputeState:
        """Let time run until the dispute has ended by itself."""
        await self.order.market.skipper.fast_forward(self.handle)
        return await self.handle.result()

    async def payment_news(self, **after: float) -> None:
        fact = PaymentChanged(f"evt-d-{next(_numbers)}", self.at(**after))
        await self.handle.signal("payment_changed", fact)

    async def parcel_moved(self, milestone: str, **after: float) -> None:
        fact = ParcelMoved(f"evt-d-{next(_numbers)}", self.at(**after), milestone)
        await self.handle.signal("parcel_moved", fact)

    async def bank_says(self, event: PauseEvent, given: int = 0, **after: float) -> None:
        name, at = f"evt-d-{next(_numbers)}", self.at(**after)
        fact = ChargebackChanged(name, at, "dp_1", event, given)
        await self.handle.signal("chargeback_changed", fact)


def asking(
    order: Placed,
    amount: int = 10_000,
    category: Category = Category.RECEIVED,
    lines: tuple[str, ...] = ("1",),
    **changed: Any,  # noqa: ANN401 - any field
) -> OpenDispute:
    """What a buyer would send: by default about the order's first line, which came broken."""
    is_received = category is Category.RECEIVED
    days = changed.pop("days", 2)
    return OpenDispute(
        dispute=changed.pop("dispute", "") or f"d-{os.getpid()}-{next(_numbers)}",
        order=order.order,
        buyer=buyer(order.order).id,
        seller=order.market.of[order.order],
        order_currency="EUR",
        lines=lines,
        category=category,
        reason=Reason.DAMAGED if is_received else Reason.IN_TRANSIT,
        remedy=changed.pop("remedy", Remedy.REFUND),
        amount=amount,
        currency="EUR",
        received_at=order.at(days=days),
    )


async def opens(asked: OpenDispute, order: Placed) -> Disputed:
    """Open a dispute by update-with-start, as the API does. Its clock stands still."""
    market, name = order.market, f"dispute/{asked.dispute}"
    await market.vault.bind(name, asked.buyer)
    client: Any = market.skipper.client
    with market.skipper.with_time_skipping_disabled():
        starting: Any = WithStartWorkflowOperation(
            DisputeWorkflow.run,
            asked,
            id=name,
            task_queue=market.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=attributes.at_start("dispute", "opening", asked.seller, asked.order),
        )
        await client.execute_update_with_start_workflow(
            DisputeWorkflow.open, start_workflow_operation=starting, id=f"open-{asked.dispute}"
        )
    return Disputed(
        order, asked.dispute, market.client.get_workflow_handle_for(DisputeWorkflow.run, name)
    )
