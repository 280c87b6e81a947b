"""Purchases, run step by step without Temporal: what `tests.support.shop` is for orders."""

import itertools
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from activities.purchase_requests import (
    AskForAll,
    CaredFor,
    ClosePurchase,
    DecideExcess,
    OpenPurchase,
    PurchaseStep,
)
from activities.requests import CareForPayment, OpenOrder, Step
from domain.order.lines import OrderLine
from domain.order.paying import AmountDecision, BorneBy
from domain.order.state import OrderState
from domain.purchase.state import PurchaseEvent, PurchaseState, Share
from tests.support.shop import BEGAN, CARD, SLIP, Deal, Shop, after, attempted

_numbers: Final = itertools.count(1)
T = TypeVar("T")


@dataclass
class Bundle:
    """One purchase and the state that its process would hold."""

    shop: Shop
    state: PurchaseState
    deals: tuple[Deal, ...]

    @property
    def purchase(self) -> str:
        return self.state.purchase

    async def took(
        self, step: Callable[[T], Coroutine[Any, Any, PurchaseState]], asked: T
    ) -> PurchaseState:
        """Take one step and keep the state that it answers with."""
        self.state = await attempted(step, asked, 1)
        return self.state

    async def asked(self, method: str = "") -> PurchaseState:
        asking = AskForAll(self.state, after(minutes=1), method)
        return await self.took(self.shop.purchase_payments.ask, asking)

    def settling(self) -> PurchaseStep:
        return PurchaseStep(self.state, after(minutes=2))

    async def settled(self) -> PurchaseState:
        return await self.took(self.shop.purchase_payments.settle, self.settling())

    async def asked_again(self, method: str = "") -> PurchaseState:
        """Let the buyer pay another way."""
        asking = AskForAll(self.state, after(minutes=2), method)
        return await self.took(self.shop.purchase_attempts.ask_again, asking)

    async def others_closed(self) -> PurchaseState:
        step = PurchaseStep(self.state, after(minutes=3))
        return await self.took(self.shop.purchase_attempts.close_others, step)

    async def paid_otherwise(self, amount: int) -> PurchaseState:
        """Another amount than was asked arrives."""
        await self.asked()
        await self.shop.world.pay(self.state.intent, SLIP)
        await self.shop.world.arrive(self.state.intent, amount=amount)
        return await self.settled()

    def deciding(
        self, decision: AmountDecision, borne_by: BorneBy = BorneBy.PLATFORM_LOSS
    ) -> DecideExcess:
        return DecideExcess(self.state, after(hours=1), decision, "support_agent:a-1", "", borne_by)

    async def decided(
        self, decision: AmountDecision, borne_by: BorneBy = BorneBy.PLATFORM_LOSS
    ) -> PurchaseState:
        """Let support decide about it, and every order hear."""
        await self.took(self.shop.purchase_amounts.decide, self.deciding(decision, borne_by))
        for deal in self.deals:
            await self.heard(deal)
        return self.state

    async def paid(self) -> tuple[Deal, ...]:
        """The buyer pays once, and every order hears of it."""
        await self.asked(CARD)
        await self.settled()
        for deal in self.deals:
            await self.heard(deal)
        return self.deals

    async def heard(self, deal: Deal) -> OrderState:
        """Let one order see how its purchase stands."""
        return await deal.took(self.shop.payments.settle, Step(deal.state, after(minutes=2)))

    async def closed(self, at: datetime | None = None) -> PurchaseState:
        """Close the payment window."""
        closing = ClosePurchase(self.state, at or after(days=3), PurchaseEvent.WINDOW_CLOSED)
        return await self.took(self.shop.purchase_payments.close, closing)

    def caring(self) -> CareForPayment:
        return CareForPayment(self.purchase, after(days=20))

    async def cared_for(self) -> CaredFor:
        """News of the payment after the purchase's end."""
        return await attempted(self.shop.purchase_care.care, self.caring(), 1)


async def bundle(
    shop: Shop,
    *totals: int,
    currency: str = "EUR",
    sellers: Sequence[str] = (),
    subsidies: Sequence[int] = (),
) -> Bundle:
    """A new purchase with an order for each total, on record; nothing was asked of the provider.

    Without *sellers* all are of one, so that two lives of a purchase can be compared.
    """
    whose = list(sellers) or [await shop.seller()] * len(totals)
    name = f"p-{os.getpid()}-{next(_numbers)}"
    given = list(subsidies) or [0] * len(totals)
    shares = tuple(
        Share(f"{name}-{number}", *part)
        for number, part in enumerate(zip(whose, totals, given, strict=True), 1)
    )
    lines = tuple((OrderLine("1", "p-1", "general", 1, total),) for total in totals)
    state = PurchaseState(name, f"b-{name}", currency, BEGAN, shares)
    opening = OpenPurchase(state, BEGAN, lines, "DE")
    opened = await attempted(shop.purchases.open, opening, 1)
    deals = [
        Deal(
            shop,
            share.seller,
            OrderState(
                share.order,
                state.buyer,
                share.seller,
                currency,
                share.amount,
                BEGAN,
                subsidy=share.subsidy,
                paid_by=name,
            ),
        )
        for share in shares
    ]
    for deal, line in zip(deals, lines, strict=True):
        await deal.took(shop.orders.open, OpenOrder(deal.state, line, "DE"))
    return Bundle(shop, opened, tuple(deals))
