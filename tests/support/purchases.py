"""Purchases over several sellers, as tests drive them."""

import asyncio
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import WorkflowHandle

from domain.actors import Actor, Role
from domain.order.lines import OrderLine
from domain.purchase.state import PurchaseState
from tests.support.marketplace import Marketplace, Placed
from workflows._kit import attributes
from workflows.aftercare.messages import LateFact
from workflows.aftercare.workflow import AftercareWorkflow
from workflows.order import messages as said
from workflows.order.editions import EDITION
from workflows.order.workflow import OrderWorkflow
from workflows.purchase.messages import CancelPurchase, PlacePurchase, SellerPart
from workflows.purchase.workflow import PurchaseWorkflow

_numbers: Final = itertools.count(1)
# What the standard policy gives a buyer, and enough of it for a test to act in.
WINDOW: Final = timedelta(days=3)
SOON: Final = timedelta(seconds=4)
TWO: Final = (("s-1", 6_000), ("s-2", 4_000))


@dataclass
class Bought:
    """One purchase as a test drives it: `at` is its own business time."""

    market: Marketplace
    asked: PlacePurchase
    handle: WorkflowHandle[PurchaseWorkflow, PurchaseState]

    @property
    def purchase(self) -> str:
        return self.asked.purchase

    @property
    def buyer(self) -> Actor:
        return Actor(Role.BUYER, self.asked.buyer)

    @property
    def orders(self) -> list[Placed]:
        """Its orders, each with its own process."""
        return [
            Placed(
                self.market,
                part.order,
                self.market.client.get_workflow_handle_for(
                    OrderWorkflow.run, f"order/{part.order}"
                ),
                self.asked.received_at,
            )
            for part in self.asked.parts
        ]

    def at(self, **after: float) -> datetime:
        """The instant that lies so long after the purchase was placed."""
        return self.asked.received_at + timedelta(**after)

    async def state(self) -> PurchaseState:
        return await self.handle.query(PurchaseWorkflow.snapshot)

    async def until(
        self, happened: Callable[[PurchaseState], bool], within: float = 20
    ) -> PurchaseState:
        """Wait (in real time) until the purchase's state is so."""
        async with asyncio.timeout(within):
            while not happened(state := await self.state()):
                await asyncio.sleep(0.02)
        return state

    async def asks(self) -> PurchaseState:
        """Wait until the buyer can pay."""
        return await self.until(lambda state: bool(state.intent))

    async def news(self, event: str = "", **after: float) -> None:
        name = event or f"evt-p-{next(_numbers)}"
        fact = said.PaymentChanged(name, self.at(**after))
        await self.handle.signal(PurchaseWorkflow.payment_changed, fact)

    async def paid(self, **after: float) -> list[Placed]:
        """Let the buyer pay by card, the news of it arrive, and every order hear of it."""
        state = await self.asks()
        await self.market.world.pay(state.intent)
        await self.news("", **after)
        await self.handle.result()
        for order in self.orders:
            await order.until(lambda state: state.captured > 0)
        return self.orders

    async def paid_otherwise(self, amount: int, **after: float) -> PurchaseState:
        """Let another amount than was asked arrive, and the news of it."""
        state = await self.asks()
        await self.market.world.pay(state.intent, "slow")
        await self.market.world.arrive(state.intent, amount=amount)
        await self.news("", **after)
        return await self.until(lambda state: state.excess > 0)

    async def cancelled(self, **after: float) -> PurchaseState:
        """Let the buyer change their mind."""
        return await self.ask("cancel", CancelPurchase(self.buyer, self.at(**after), "too dear"))

    async def late_news(self, **after: float) -> WorkflowHandle[Any, Any]:
        """Give aftercare news of the payment, as the relay does when an execution has ended."""
        subject = f"purchase/{self.purchase}"
        name, at = f"evt-p-{next(_numbers)}", self.at(**(after or {"days": 20}))
        handle: WorkflowHandle[Any, Any] = await self.market.client.start_workflow(
            AftercareWorkflow.run,
            subject,
            id=f"aftercare/{subject}",
            task_queue=self.market.task_queue,
            start_signal="fact_arrived",
            start_signal_args=[LateFact(name, "payment_intent.succeeded", subject, "", at)],
        )
        await handle.result()
        return handle

    async def ask(self, update: str, request: object) -> PurchaseState:
        state: PurchaseState = await self.handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads
            update, request, result_type=PurchaseState
        )
        return state

    async def kinds(self) -> list[str]:
        """What the timeline says happened, in order."""
        found = await self.market.rows(
            "SELECT kind FROM timeline WHERE subject = :subject ORDER BY seq",
            subject=f"purchase/{self.purchase}",
        )
        return [kind.removeprefix("purchase.") for (kind,) in found]

    async def at_provider(self) -> list[tuple[str, int]]:
        """What the provider says was done for the purchase and its orders, by its own books."""
        found = await self.market.world.effects()
        mine = [f"purchase/{self.purchase}/", *(f"order/{one.order}/" for one in self.asked.parts)]
        return sorted(
            (line["type"], line["amount"])
            for line in found["lines"]
            if str(line["key"]).startswith(tuple(mine))
        )


async def buy(
    market: Marketplace,
    parts: tuple[tuple[str, int], ...] = TWO,
    *,
    method: str = "",
    currency: str = "EUR",
    orders: tuple[str, ...] = (),
    left: timedelta | None = None,
) -> Bought:
    """Place a purchase; *left* is how much of its payment window (three days) is still to come.

    No clock is skipped: the server moves none of an execution whose children are running.
    """
    placed_at = datetime.now(UTC) - (WINDOW - left if left is not None else timedelta())
    name = f"p-{os.getpid()}-{next(_numbers)}"
    made = [
        SellerPart(
            orders[number] if orders else f"{name}-{number + 1}",
            seller,
            (OrderLine("1", "p-1", "general", 1, total),),
        )
        for number, (seller, total) in enumerate(parts)
    ]
    asked = PlacePurchase(
        purchase=name,
        buyer=f"b-{name}",
        currency=currency,
        parts=tuple(made),
        ship_to="DE",
        received_at=placed_at.replace(microsecond=0),
        method=method,
        edition=EDITION,
    )
    for part in made:
        market.of[part.order] = part.seller
    for process in (f"purchase/{name}", *(f"order/{part.order}" for part in made)):
        await _bind(market, process, asked.buyer)
    with market.skipper.with_time_skipping_disabled():
        handle: Any = await market.skipper.client.start_workflow(
            PurchaseWorkflow.run,
            asked,
            id=f"purchase/{name}",
            task_queue=market.task_queue,
            search_attributes=attributes.at_start("purchase", "awaiting_payment", ""),
        )
    return Bought(market, asked, handle)


async def _bind(market: Marketplace, process: str, person: str) -> None:
    """Put an execution's key under its person's, unless it is somebody else's already."""
    try:
        await market.vault.bind(process, person)
    except ValueError:
        return
