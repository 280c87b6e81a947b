"""Chargebacks, as tests that play the cardholder's bank drive them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from domain.chargeback.rules import Action
from domain.chargeback.state import ChargebackState, Stage
from tests.support.marketplace import LEAD, Marketplace
from workflows._kit import attributes
from workflows.chargeback.messages import AnswerBank, FollowChargeback
from workflows.chargeback.workflow import ChargebackWorkflow
from workflows.order.messages import PaymentChanged


@dataclass
class Claim:
    """One chargeback as a test drives it."""

    market: Marketplace
    chargeback: str
    handle: WorkflowHandle[ChargebackWorkflow, ChargebackState]
    news_count: int = 0

    async def until(
        self, happened: Callable[[ChargebackState], bool], within: float = 20
    ) -> ChargebackState:
        """Wait (in real time) until its state is so."""
        async with asyncio.timeout(within):
            while not happened(state := await self.handle.query(ChargebackWorkflow.snapshot)):
                await asyncio.sleep(0.02)
        return state

    async def opened(self) -> ChargebackState:
        """Wait until every share of it is frozen."""
        return await self.until(lambda state: state.stage is not Stage.OPENING)

    async def news(self) -> None:
        """The provider says that something has changed."""
        self.news_count += 1
        fact = PaymentChanged(f"evt-bank-{self.news_count}", datetime.now(UTC))
        await self.handle.signal(ChargebackWorkflow.payment_changed, fact)

    async def decided(self, verdict: str, kept: int | None = None) -> ChargebackState:
        """The bank decides, and the news of it arrives."""
        await self.market.world.decide(self.chargeback, verdict, kept=kept)
        await self.news()
        return await self.handle.result()

    async def answer(self, action: Action, reason: str = "") -> ChargebackState:
        """Let a lead say how the bank is answered."""
        request = AnswerBank(LEAD, datetime.now(UTC), action, reason)
        state: ChargebackState = await self.handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            "answer", request, result_type=ChargebackState
        )
        return state


async def claims(
    market: Marketplace, intent: str, amount: int | None = None, *, is_inquiry: bool = False
) -> Claim:
    """The bank claims a payment back, and its process is started as the relay does."""
    dispute = await market.world.dispute(intent, amount=amount, inquiry=is_inquiry)
    name = f"chargeback/{dispute['id']}"
    now = datetime.now(UTC).replace(microsecond=0)
    asked = FollowChargeback(str(dispute["id"]), now)
    with market.skipper.with_time_skipping_disabled():
        handle: Any = await market.skipper.client.start_workflow(
            ChargebackWorkflow.run,
            asked,
            id=name,
            task_queue=market.task_queue,
            search_attributes=attributes.at_start("chargeback", "opening", ""),
            start_signal="payment_changed",
            start_signal_args=[PaymentChanged("evt-first", now)],
        )
    claim = Claim(market, asked.chargeback, handle)
    await claim.opened()
    return claim
