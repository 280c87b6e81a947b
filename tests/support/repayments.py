"""Paying again for goods that came after their refund, as tests drive it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from domain.order.repaying import RepaymentState
from tests.support.marketplace import Marketplace, Placed
from workflows._kit import attributes
from workflows.aftercare.messages import LateFact
from workflows.aftercare.workflow import AftercareWorkflow
from workflows.order.messages import PaymentChanged
from workflows.repayment.messages import PayAgain
from workflows.repayment.workflow import RepaymentWorkflow


@dataclass
class Repaid:
    """One repayment as a test drives it."""

    market: Marketplace
    order: Placed
    handle: WorkflowHandle[RepaymentWorkflow, RepaymentState]

    async def until(
        self, happened: Callable[[RepaymentState], bool], within: float = 20
    ) -> RepaymentState:
        """Wait (in real time) until its state is so."""
        async with asyncio.timeout(within):
            while not happened(state := await self.handle.query(RepaymentWorkflow.snapshot)):
                await asyncio.sleep(0.02)
        return state

    async def asks(self) -> RepaymentState:
        """Wait until there is something to pay with."""
        return await self.until(lambda state: bool(state.intent))

    async def news(self, event: str = "evt-again") -> None:
        """The provider says that something has changed."""
        fact = PaymentChanged(event, datetime.now(UTC))
        await self.handle.signal(RepaymentWorkflow.payment_changed, fact)

    async def paid(self) -> RepaymentState:
        """Let the buyer pay by card, and the news of it arrive."""
        await self.market.world.pay((await self.asks()).intent)
        await self.news()
        return await self.handle.result()


async def came_anyway(market: Marketplace) -> Placed:
    """An order whose only parcel was given up; its money went back, and then it came."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned("lost", days=9)
    await order.handle.result()
    await market.record_scan(f"{order.order}/1", "delivered", order.at(days=40))
    subject = f"order/{order.order}"
    fact = LateFact("evt-came", "tracker.updated", subject, "", order.at(days=40))
    handle = await market.client.start_workflow(
        AftercareWorkflow.run,
        subject,
        id=f"aftercare/{subject}",
        task_queue=market.task_queue,
        start_signal="fact_arrived",
        start_signal_args=[fact],
    )
    await handle.result()
    return order


async def pay_again(market: Marketplace, order: Placed, method: str = "") -> Repaid:
    """Start the process, as the API does."""
    now = datetime.now(UTC).replace(microsecond=0)
    name = f"repayment/{order.order}"
    asked = PayAgain(order.order, f"b-{order.order}", "s-1", "EUR", now, method)
    await market.vault.bind(name, asked.buyer)
    with market.skipper.with_time_skipping_disabled():
        handle: Any = await market.skipper.client.start_workflow(
            RepaymentWorkflow.run,
            asked,
            id=name,
            task_queue=market.task_queue,
            search_attributes=attributes.at_start("repayment", "opening", "s-1", order.order),
        )
    return Repaid(market, order, handle)
