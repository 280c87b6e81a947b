"""The steps by which a buyer pays again, brought to the moment before each."""

from typing import Final

from activities.repayment_requests import AskAgain, RepaymentStep
from activities.requests import Refund, Step
from domain.order.repaying import RepaymentState
from tests.activities.money_steps import MoneyStep, Ready
from tests.support.shop import SLIP, Deal, Shop, after, attempted


async def came_anyway(
    shop: Shop,
    *,
    settles_in: str = "",
    subsidy: int = 0,
    parts: int = 2,
    is_delivered: bool = True,
) -> Deal:
    """An order in several parcels; all but the last were given up, and the first came after all.

    What had been paid for them went back. Not *delivered*: it has still to come.
    """
    if settles_in:
        await shop.world.change(fx_at=after(hours=6).isoformat())
    seller = await shop.seller(settles_in=settles_in)
    deal = await shop.order(seller, parts=parts, subsidy=subsidy)
    await deal.paid()
    for line in range(1, parts + 1):
        await deal.took(shop.shipments.declare, deal.shipping(lines=(str(line),)))
        milestone = "delivered" if line == parts else "lost"
        await deal.scan(str(line), milestone, after(days=3 if line == parts else 2))
    await deal.took(shop.shipments.follow, Step(deal.state, after(days=3)))
    for number, owed in enumerate(deal.state.owed, 1):
        back = Refund(deal.state, after(days=3), number, owed.amount, owed=owed.name)
        await deal.took(shop.refunds.refund, back)
    await deal.received(after(days=4))
    if is_delivered:
        await deal.scan("1", "delivered", after(days=5))
        await deal.took(shop.shipments.follow, Step(deal.state, after(days=5)))
    return deal


def paying_again(deal: Deal, method: str = "") -> AskAgain:
    """What the process asks first."""
    state = deal.state
    first = RepaymentState(
        state.order, state.buyer, state.seller, state.currency, asked_at=after(days=6)
    )
    return AskAgain(first, after(days=6), method)


async def asked_again(deal: Deal, method: str = "") -> RepaymentState:
    """The payment is open."""
    return await attempted(deal.shop.repayments.ask, paying_again(deal, method), 1)


async def _ask(shop: Shop) -> Ready:
    deal = await came_anyway(shop)
    return Ready(deal.order, deal.seller, shop.repayments.ask, paying_again(deal), ())


async def _settle(shop: Shop, settles_in: str = "", subsidy: int = 0) -> Ready:
    deal = await came_anyway(shop, settles_in=settles_in, subsidy=subsidy)
    state = await asked_again(deal)
    await shop.world.pay(state.intent)
    key = f"repayment/{deal.order}/capture/{state.intent}"
    bars = (key, f"{key}/exchange") if settles_in else (key,)
    step = RepaymentStep(state, after(days=7))
    return Ready(deal.order, deal.seller, shop.repayments.settle, step, bars)


async def _settle_abroad(shop: Shop) -> Ready:
    return await _settle(shop, "CNY")


async def _settle_subsidised(shop: Shop) -> Ready:
    return await _settle(shop, subsidy=1_000)


async def _close_paid(shop: Shop) -> Ready:
    """The news of the payment was lost: the end of the window finds it."""
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent)
    key = f"repayment/{deal.order}/capture/{state.intent}"
    step = RepaymentStep(state, after(days=30))
    return Ready(deal.order, deal.seller, shop.repayments.close, step, (key,))


async def _close(shop: Shop) -> Ready:
    deal = await came_anyway(shop)
    step = RepaymentStep(await asked_again(deal), after(days=30))
    return Ready(deal.order, deal.seller, shop.repayments.close, step, ())


async def _send_back(shop: Shop) -> Ready:
    deal = await came_anyway(shop)
    state = await asked_again(deal)
    await shop.world.pay(state.intent, SLIP)
    await shop.world.arrive(state.intent, amount=4_000)
    key = f"repayment/{deal.order}/excess-refund/{state.intent}"
    bars = (f"{key}/reserved", f"{key}/settled")
    step = RepaymentStep(state, after(days=7))
    return Ready(deal.order, deal.seller, shop.repayments.settle, step, bars)


REPAYMENT_STEPS: Final = (
    MoneyStep("repayment_ask", _ask, ("POST /v1/payment_intents$",), 0),
    MoneyStep("repayment_settle", _settle),
    MoneyStep("repayment_settle_abroad", _settle_abroad, entries=2),
    MoneyStep("repayment_settle_subsidised", _settle_subsidised),
    MoneyStep("repayment_close_paid", _close_paid),
    MoneyStep("repayment_close", _close, (), 0),
    MoneyStep("repayment_send_back", _send_back, ("POST /v1/refunds$",), entries=2),
)
