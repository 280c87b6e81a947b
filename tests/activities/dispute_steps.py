"""The steps of a dispute's money, brought to the moment before each."""

from typing import Final

from activities.dispute_requests import Act, DisputeStep, OpenDispute, PayBuyer, Ring
from activities.requests import LabelStep
from domain.actors import Actor, Role
from domain.dispute.clocks import Due, clock_of
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.rules import Action, Asked
from domain.dispute.state import ClockName, DisputeState
from domain.shipment.labels import Box
from tests.activities.money_steps import MoneyStep, Ready
from tests.support.shop import Deal, Shop, after, attempted

_LEAD: Final = Actor(Role.SUPPORT_LEAD, "l-1")


def disputing(deal: Deal) -> OpenDispute:
    """A dispute about the order's first line, which came broken."""
    state = DisputeState(
        dispute=f"{deal.order}-d",
        order=deal.order,
        buyer=deal.state.buyer,
        seller=deal.seller,
        currency=deal.state.currency,
        category=Category.RECEIVED,
        reason=Reason.DAMAGED,
        opened_at=after(days=6),
    )
    return OpenDispute(state, ("1",), Remedy.REFUND, 4_000, deal.state.currency)


async def ruled(deal: Deal, asked: Asked) -> DisputeState:
    """A dispute that a lead has ruled on, after its round of evidence."""
    shop = deal.shop
    dispute = await attempted(shop.disputes.open, disputing(deal), 1)
    buyer = Actor(Role.BUYER, dispute.buyer)
    escalating = Act(dispute, after(days=7), Action.ESCALATE, buyer, Asked())
    state = await attempted(shop.disputes.act, escalating, 1)
    clock = clock_of(state, ClockName.EVIDENCE)
    assert clock is not None
    ringing = Ring(state, clock.due_at, Due(clock.name, clock.due_at))
    state = await attempted(shop.disputes.ring, ringing, 1)
    ruling = Act(state, after(days=11), Action.DECIDE, _LEAD, asked)
    return await attempted(shop.disputes.act, ruling, 1)


async def _received(shop: Shop, settles_in: str = "") -> Deal:
    """Most of the money has gone out early."""
    deal = await shop.order(await shop.seller("early", settles_in=settles_in), parts=2)
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    await deal.received(after(days=6))
    return deal


async def _open(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller(), parts=2)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    return Ready(deal.order, deal.seller, shop.disputes.open, disputing(deal), ())


async def _settle(shop: Shop, settles_in: str = "") -> Ready:
    """The platform, the carrier, and the seller from what they had already."""
    deal = await _received(shop, settles_in)
    asked = Asked(version=2, amount=4_000, platform=700, carrier=300)
    state = await ruled(deal, asked)
    key = f"dispute/{state.dispute}/verdict/{state.version}"
    bars = (key, f"{key}/exchange") if settles_in else (key,)
    step = DisputeStep(state, after(days=11))
    return Ready(deal.order, deal.seller, shop.dispute_money.settle, step, bars)


async def _settle_abroad(shop: Shop) -> Ready:
    await shop.world.change(fx_at=after(hours=6).isoformat())
    return await _settle(shop, "CNY")


async def _pay(shop: Shop) -> Ready:
    ready = await _settle(shop)
    settled = await attempted(shop.dispute_money.settle, ready.asked, 1)
    key = f"dispute/{settled.dispute}/refund/1"
    bars = (f"{key}/reserved", f"{key}/settled")
    asked = PayBuyer(settled, after(days=11))
    return Ready(ready.order, ready.seller, shop.dispute_money.pay, asked, bars)


async def _return(shop: Shop) -> Ready:
    await shop.world.change(auto_refunds=False)
    ready = await _pay(shop)
    sent = await attempted(shop.dispute_money.pay, ready.asked, 1)
    async with shop.database.transaction() as tx:
        effect = await tx.funds.found(sent.open_refund)
    assert effect is not None
    await shop.world.fail_refund(effect.reference)
    step = DisputeStep(sent, after(days=14))
    bars = (f"{effect.key}/returned",)
    return Ready(ready.order, ready.seller, shop.dispute_money.follow, step, bars)


async def labelling(shop: Shop, **box: int) -> tuple[Deal, Act]:
    """A return is due, and the buyer wants a label for it."""
    deal = await shop.order(await shop.seller(), parts=2)
    await deal.paid()
    await deal.addressed()
    await deal.shipped()
    await deal.received(after(days=6))
    wanted = Asked(version=2, amount=4_000, remedy=Remedy.RETURN_AND_REFUND)
    state = await ruled(deal, wanted)
    buyer = Actor(Role.BUYER, state.buyer)
    asked = Asked(box=Box(**({"grams": 900} | box)))
    return deal, Act(state, after(days=12), Action.RETURN_LABEL, buyer, asked)


async def _return_label(shop: Shop) -> Ready:
    deal, asked = await labelling(shop)
    key = f"dispute/{asked.state.dispute}/label/1"
    bars = (f"{key}/charged", f"{key}/paid")
    return Ready(deal.order, deal.seller, shop.return_labels.buy, asked, bars)


async def _return_label_back(shop: Shop) -> Ready:
    """The buyer never went to the carrier: time is over, and the label goes back."""
    ready = await _return_label(shop)
    state = await attempted(shop.return_labels.buy, ready.asked, 1)
    clock = clock_of(state, ClockName.RETURN_SHIPMENT)
    assert clock is not None
    ringing = Ring(state, clock.due_at, Due(clock.name, clock.due_at))
    missing = await attempted(shop.disputes.ring, ringing, 1)
    step = DisputeStep(missing, clock.due_at)

    async def give_back(asked: DisputeStep) -> DisputeState:
        after_all = await shop.return_labels.give_back(asked)
        # The carrier judges it later, as the schedule sees.
        await shop.labels.void(LabelStep(state.label, asked.at))
        return after_all

    return Ready(ready.order, ready.seller, give_back, step, (f"{state.label}/given-back",))


DISPUTE_STEPS: Final = (
    MoneyStep("dispute_open", _open),
    MoneyStep("dispute_settle", _settle),
    MoneyStep("dispute_settle_abroad", _settle_abroad, (), 2),
    MoneyStep("dispute_pay", _pay, ("POST /v1/refunds$",), 2),
    MoneyStep("dispute_return", _return),
    MoneyStep("return_label", _return_label, (r"POST /easypost/v2/shipments/\w+/buy$",), 2),
    MoneyStep(
        "return_label_back", _return_label_back, (r"POST /easypost/v2/shipments/\w+/refund$",)
    ),
)
