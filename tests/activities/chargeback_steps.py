"""The steps of a chargeback, brought to the moment before each."""

from typing import Final

from activities.chargeback_requests import ChargebackStep, Heard
from domain.chargeback.state import ChargebackState
from tests.activities.dispute_steps import disputing
from tests.activities.money_steps import MoneyStep, Ready
from tests.support.bundles import bundle
from tests.support.shop import Deal, Shop, after, attempted


async def claimed(
    shop: Shop, intent: str, amount: int | None = None, *, is_inquiry: bool = False
) -> ChargebackState:
    """The bank has claimed a payment back; nobody of ours has heard of it."""
    at = after(days=10).isoformat()
    dispute = await shop.world.dispute(intent, amount=amount, inquiry=is_inquiry, at=at)
    return ChargebackState(str(dispute["id"]), opened_at=after(days=10))


async def opened(
    shop: Shop, intent: str, amount: int | None = None, *, is_inquiry: bool = False
) -> ChargebackState:
    """It is on record, and each share frozen."""
    state = await claimed(shop, intent, amount, is_inquiry=is_inquiry)
    heard: Heard = await attempted(shop.chargebacks.open, ChargebackStep(state, after(days=10)), 1)
    return heard.state


async def received(shop: Shop, level: str = "standard", settles_in: str = "") -> Deal:
    """An order that was received; of an "early" seller most of the money has gone out."""
    if settles_in:
        await shop.world.change(fx_at=after(hours=6).isoformat())
    deal = await shop.order(await shop.seller(level, settles_in=settles_in), parts=2)
    await deal.paid()
    await deal.shipped()
    if level == "early":
        await deal.released(after(days=6))
    await deal.received(after(days=7))
    return deal


async def _open(shop: Shop) -> Ready:
    deal = await received(shop)
    state = await claimed(shop, deal.state.intent)
    step = ChargebackStep(state, after(days=10))
    key = f"chargeback/{state.chargeback}/taken"
    return Ready(deal.order, deal.seller, shop.chargebacks.open, step, (key,))


async def _contest(shop: Shop) -> Ready:
    deal = await received(shop)
    state = await opened(shop, deal.state.intent)
    step = ChargebackStep(state, after(days=12))
    return Ready(deal.order, deal.seller, shop.chargebacks.contest, step, ())


async def _concede(shop: Shop) -> Ready:
    deal = await received(shop)
    state = await opened(shop, deal.state.intent)
    step = ChargebackStep(state, after(days=12), "support-lead:l-1", "the buyer is right")
    key = f"chargeback/{state.chargeback}/lost/{deal.order}"
    return Ready(deal.order, deal.seller, shop.chargebacks.concede, step, (key,))


async def _decided(shop: Shop, deal: Deal, verdict: str, *bars: str) -> Ready:
    state = await opened(shop, deal.state.intent)
    await shop.world.decide(state.chargeback, verdict)
    step = ChargebackStep(state, after(days=30))
    name = f"chargeback/{state.chargeback}"
    keys = tuple(bar.format(name=name, order=deal.order) for bar in bars)
    return Ready(deal.order, deal.seller, shop.chargebacks.follow, step, keys)


async def _won(shop: Shop) -> Ready:
    return await _decided(shop, await received(shop), "won", "{name}/given_back")


async def _lost(shop: Shop) -> Ready:
    return await _decided(shop, await received(shop), "lost", "{name}/lost/{order}")


async def _lost_early(shop: Shop) -> Ready:
    """Most of it is the seller's already: payable and reserve give it back."""
    return await _decided(shop, await received(shop, "early"), "lost", "{name}/lost/{order}")


async def _lost_abroad(shop: Shop) -> Ready:
    deal = await received(shop, "early", "CNY")
    bars = ("{name}/lost/{order}", "{name}/lost/{order}/exchange")
    return await _decided(shop, deal, "lost", *bars)


async def _lost_of_a_purchase(shop: Shop) -> Ready:
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid()
    state = await opened(shop, bought.state.intent, 5_000)
    await shop.world.decide(state.chargeback, "lost")
    step = ChargebackStep(state, after(days=30))
    keys = tuple(f"chargeback/{state.chargeback}/lost/{deal.order}" for deal in bought.deals)
    first = bought.deals[0]
    return Ready(bought.purchase, first.seller, shop.chargebacks.follow, step, keys)


async def _lost_in_part(shop: Shop) -> Ready:
    """A wallet leaves the buyer more than they had from us, and a dispute still holds most."""
    deal = await received(shop)
    await attempted(shop.disputes.open, disputing(deal), 1)
    state = await opened(shop, deal.state.intent)
    await shop.world.decide(state.chargeback, "lost", kept=7_000)
    step = ChargebackStep(state, after(days=30))
    subject = f"chargeback/{state.chargeback}"
    bars = (f"{subject}/lost/{deal.order}", f"{subject}/given_back")
    return Ready(deal.order, deal.seller, shop.chargebacks.follow, step, bars)


CHARGEBACK_STEPS: Final = (
    MoneyStep("chargeback_open", _open),
    MoneyStep("chargeback_contest", _contest, (), 0),
    MoneyStep("chargeback_concede", _concede),
    MoneyStep("chargeback_won", _won),
    MoneyStep("chargeback_lost", _lost),
    MoneyStep("chargeback_lost_early", _lost_early),
    MoneyStep("chargeback_lost_in_part", _lost_in_part, entries=2),
    MoneyStep("chargeback_lost_abroad", _lost_abroad, entries=2),
    MoneyStep("chargeback_lost_of_a_purchase", _lost_of_a_purchase, entries=2),
)
