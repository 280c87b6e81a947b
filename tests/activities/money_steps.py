"""Every step that moves money, brought to the moment before it, for tests that disturb it."""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final

from activities.purchase_requests import AskForAll
from activities.requests import (
    AskPayment,
    CareForPayment,
    DecideAmount,
    DecideFraud,
    LabelStep,
    PayoutStep,
    PayoutWord,
    SchedulePickup,
    Step,
)
from adapters.errors import Unavailable
from domain.order.moves import called_off
from domain.order.paying import AmountDecision
from domain.order.state import FulfilmentEvent, Outcome
from domain.payout import state as moves
from domain.payout.state import Parked, PayoutState
from domain.purchase.money import capture_key
from tests.support.bundles import bundle
from tests.support.shop import CARD, SLIP, Deal, Shop, after, attempted


@dataclass(frozen=True)
class Ready:
    """One step about to be taken: `bars` are the keys of the entries that it will post."""

    order: str
    seller: str
    step: Callable[[Any], Coroutine[Any, Any, Any]]
    asked: Any
    bars: tuple[str, ...]

    async def run(self, attempt: int = 1) -> object:
        return await attempted(self.step, self.asked, attempt)


@dataclass(frozen=True)
class MoneyStep:
    """How to come to a step.

    `effects` are the requests by which it has its effects at the provider, `entries` is how many
    times it can be held up at the database.
    """

    name: str
    ready: Callable[[Shop], Awaitable[Ready]]
    effects: tuple[str, ...] = ()
    entries: int = 1

    def __str__(self) -> str:
        return self.name


async def _take(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    asked = AskPayment(deal.state, after(minutes=1), CARD)

    async def take(request: AskPayment) -> object:
        # An intent that is captured at once is settled in the next step, as its process does.
        deal.state = await shop.payments.ask(request)
        return await shop.payments.settle(Step(deal.state, after(minutes=2)))

    return Ready(deal.order, deal.seller, take, asked, ())


async def _capture(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent)
    key = f"order/{deal.order}/capture/{deal.state.intent}"
    step = Step(deal.state, after(minutes=2))
    return Ready(deal.order, deal.seller, shop.payments.settle, step, (key,))


async def _refund(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    key = f"order/{deal.order}/refund/1"
    asked = deal.refunding(4_000)
    bars = (f"{key}/reserved", f"{key}/settled")
    return Ready(deal.order, deal.seller, shop.refunds.refund, asked, bars)


async def _refund_by_hand(shop: Shop) -> Ready:
    ready = await _refund(shop)
    return replace(ready, asked=replace(ready.asked, by_hand="by wire, case 4711"))


async def _purchase_take(shop: Shop) -> Ready:
    bought = await bundle(shop, 6_000, 4_000)
    asked = AskForAll(bought.state, after(minutes=1), CARD)

    async def take(request: AskForAll) -> object:
        bought.state = await shop.purchase_payments.ask(request)
        return await shop.purchase_payments.settle(bought.settling())

    return Ready(bought.purchase, bought.deals[0].seller, take, asked, ())


async def _purchase_capture(shop: Shop) -> Ready:
    bought = await bundle(shop, 6_000, 4_000)
    await bought.asked()
    await shop.world.pay(bought.state.intent)
    intent = bought.state.intent
    bars = tuple(capture_key(bought.purchase, intent, deal.order) for deal in bought.deals)
    step = shop.purchase_payments.settle
    return Ready(bought.purchase, bought.deals[0].seller, step, bought.settling(), bars)


async def _refund_of_a_part(shop: Shop) -> Ready:
    bought = await bundle(shop, 6_000, 4_000)
    deal = (await bought.paid())[0]
    key = f"order/{deal.order}/refund/1"
    bars = (f"{key}/reserved", f"{key}/settled")
    return Ready(bought.purchase, deal.seller, shop.refunds.refund, deal.refunding(2_000), bars)


async def _return_to_a_part(shop: Shop) -> Ready:
    await shop.world.change(auto_refunds=False)
    bought = await bundle(shop, 6_000, 4_000)
    deal = (await bought.paid())[0]
    await deal.refunded(2_000)
    await shop.world.fail_refund(await deal.at_refund())
    key = f"order/{deal.order}/refund/1/returned"
    step = Step(deal.state, after(days=9))
    return Ready(bought.purchase, deal.seller, shop.refunds.follow, step, (key,))


async def _purchase_decided(shop: Shop) -> Ready:
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid_otherwise(12_000)
    intent = bought.state.intent
    back = f"purchase/{bought.purchase}/amount-refund/{intent}"
    accepted = (capture_key(bought.purchase, intent, deal.order) for deal in bought.deals)
    bars = (f"{back}/reserved", f"{back}/settled", *(f"{key}/accepted" for key in accepted))
    asked = bought.deciding(AmountDecision.ACCEPT)
    decide = shop.purchase_amounts.decide
    return Ready(bought.purchase, bought.deals[0].seller, decide, asked, bars)


async def _late_purchase(shop: Shop) -> Ready:
    bought = await bundle(shop, 6_000, 4_000)
    await bought.asked()
    await shop.world.pay(bought.state.intent, SLIP)
    await bought.closed()
    await shop.world.arrive(bought.state.intent)
    key = f"purchase/{bought.purchase}/late-refund/1"
    bars = (f"{key}/reserved", f"{key}/settled")
    care = shop.purchase_care.care
    return Ready(bought.purchase, bought.deals[0].seller, care, bought.caring(), bars)


async def _late_refund(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent, SLIP)
    await deal.closed()
    await shop.world.arrive(deal.state.intent)
    key = f"order/{deal.order}/late-refund/1"
    asked = CareForPayment(deal.order, after(days=20))
    bars = (f"{key}/reserved", f"{key}/settled")
    return Ready(deal.order, deal.seller, shop.aftercare.payment, asked, bars)


async def _refund_return(shop: Shop) -> Ready:
    await shop.world.change(auto_refunds=False)
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.refunded(4_000)
    await shop.world.fail_refund(await deal.at_refund())
    key = f"order/{deal.order}/refund/1/returned"
    step = Step(deal.state, after(days=9))
    return Ready(deal.order, deal.seller, shop.refunds.follow, step, (key,))


async def _release(shop: Shop, level: str = "standard") -> Ready:
    deal = await shop.order(await shop.seller(level))
    await deal.paid()
    await deal.shipped()
    if level == "standard":
        await deal.received()
    key = f"order/{deal.order}/release/{deal.state.version}"
    return Ready(deal.order, deal.seller, shop.escrow.release, deal.releasing(), (key,))


async def _early_release(shop: Shop) -> Ready:
    return await _release(shop, "early")


async def _reserve(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller("early"))
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    await deal.received(after(days=7))
    key = f"order/{deal.order}/reserve-release/{deal.state.version}"
    step = Step(deal.state, after(days=70))
    return Ready(deal.order, deal.seller, shop.escrow.release_reserve, step, (key,))


async def _abroad(shop: Shop, level: str = "standard") -> Deal:
    """A paid order in euros whose seller settles in yuan."""
    await shop.world.change(fx_at=after(hours=6).isoformat())
    deal = await shop.order(await shop.seller(level, settles_in="CNY"))
    await deal.paid()
    await deal.shipped()
    return deal


async def _release_abroad(shop: Shop) -> Ready:
    deal = await _abroad(shop)
    await deal.received()
    key = f"order/{deal.order}/release/{deal.state.version}"
    bars = (key, f"{key}/exchange")
    return Ready(deal.order, deal.seller, shop.escrow.release, deal.releasing(), bars)


async def _early_release_abroad(shop: Shop) -> Ready:
    deal = await _abroad(shop, "early")
    key = f"order/{deal.order}/release/{deal.state.version}"
    bars = (key, f"{key}/exchange")
    return Ready(deal.order, deal.seller, shop.escrow.release, deal.releasing(), bars)


async def _reserve_abroad(shop: Shop) -> Ready:
    deal = await _abroad(shop, "early")
    await deal.released(after(days=6))
    await deal.received(after(days=7))
    key = f"order/{deal.order}/reserve-release/{deal.state.version}"
    step = Step(deal.state, after(days=70))
    return Ready(deal.order, deal.seller, shop.escrow.release_reserve, step, (key,))


async def _refund_abroad(shop: Shop) -> Ready:
    """More than the seller has: payable and reserve are used up, and the rest is a debt."""
    deal = await _abroad(shop, "early")
    await deal.released(after(days=6))
    out = shop.payout(deal.seller, after(days=8), currency="CNY")
    await shop.world.top_up(1_000_000, "CNY")
    await out.sent(after(days=8))
    key = f"order/{deal.order}/refund/1"
    asked = deal.refunding(9_000, after(days=9))
    bars = (f"{key}/reserved", f"{key}/reserved/exchange", f"{key}/settled")
    return Ready(deal.order, deal.seller, shop.refunds.refund, asked, bars)


async def _refund_return_abroad(shop: Shop) -> Ready:
    await shop.world.change(auto_refunds=False)
    deal = await _abroad(shop, "early")
    await deal.released(after(days=6))
    await deal.refunded(4_000, after(days=7))
    await shop.world.fail_refund(await deal.at_refund())
    key = f"order/{deal.order}/refund/1/returned"
    step = Step(deal.state, after(days=9))
    bars = (key, f"{key}/exchange")
    return Ready(deal.order, deal.seller, shop.refunds.follow, step, bars)


async def _hold(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    asked = deal.holding("claim-1", 3_000)
    return Ready(deal.order, deal.seller, shop.escrow.hold, asked, ())


async def _lift(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.held("claim-1", 3_000)
    return Ready(deal.order, deal.seller, shop.escrow.lift, deal.holding("claim-1"), ())


async def earned(shop: Shop, total: int = 20_000) -> Ready:
    """A seller with one released order, and the payout of what came of it."""
    deal = await shop.order(await shop.seller(), total)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    out = shop.payout(deal.seller, after(days=25))
    subject = f"payout/{out.state.payout}"
    bars = tuple(f"{subject}/{step}" for step in ("reserved", "transferred", "paid"))
    step = PayoutStep(out.state, after(days=30))
    return Ready(deal.order, deal.seller, shop.payouts.send, step, bars)


async def _payout_return(shop: Shop) -> Ready:
    ready = await earned(shop)
    sent = await ready.run()
    assert isinstance(sent, PayoutState)
    await shop.world.fail_payout(sent.reference, "account_closed")
    bars = tuple(f"payout/{sent.payout}/{step}" for step in ("returned", "taken_back"))
    step = PayoutStep(sent, after(days=33))
    return Ready(ready.order, ready.seller, shop.payouts.watch, step, bars)


async def _payout_undone(shop: Shop) -> Ready:
    """Reserved and transferred, then the seller's details changed: it must all come back."""
    ready = await earned(shop)
    name = ready.asked.state.payout
    await shop.world.fault("error", "POST /v1/payouts$", key=name, times=1, status=503)
    with contextlib.suppress(Unavailable):
        await ready.run()
    await shop.world.clear_faults()
    await shop.renamed(ready.seller)
    bars = tuple(f"payout/{name}/{step}" for step in ("taken_back", "reversed"))
    return replace(ready, bars=bars)


async def _stuck(shop: Shop) -> PayoutState:
    """A payout that the provider's outage has parked after its transfer."""
    ready = await earned(shop)
    name = ready.asked.state.payout
    await shop.world.fault("error", "POST /v1/payouts$", key=name, times=1, status=503)
    with contextlib.suppress(Unavailable):
        await ready.run()
    await shop.world.clear_faults()
    why = Parked("payout.send", "away", after(days=31))
    return moves.parked(ready.asked.state, why)


async def _payout_void(shop: Shop) -> Ready:
    state = await _stuck(shop)
    word = PayoutWord(state, after(days=31), "operator:op-1", "paid in cash")
    bars = tuple(f"payout/{state.payout}/{step}" for step in ("taken_back", "reversed"))
    order = await shop.order_of(state.seller)
    return Ready(order, state.seller, shop.payout_operator.void, word, bars)


async def _payout_by_hand(shop: Shop) -> Ready:
    state = await _stuck(shop)
    word = PayoutWord(state, after(days=31), "operator:op-1", "wire 4711")
    bars = tuple(f"payout/{state.payout}/{step}" for step in ("taken_back", "by_hand"))
    order = await shop.order_of(state.seller)
    return Ready(order, state.seller, shop.payout_operator.settle_by_hand, word, bars)


async def _label(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.addressed()
    key = f"order/{deal.order}/label/1"
    bars = (f"{key}/charged", f"{key}/paid")
    return Ready(deal.order, deal.seller, shop.labels.buy, deal.labelling(), bars)


async def _label_void(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    label = await deal.labelled()

    async def void(step: LabelStep) -> object:
        # The carrier's word comes later, in a step of its own.
        await shop.labels.void(step)
        return await shop.labels.void(step)

    step = LabelStep(label.key, after(days=2))
    return Ready(deal.order, deal.seller, void, step, (f"{label.key}/given-back",))


async def _pickup(shop: Shop) -> Ready:
    await shop.world.change(pickup_fee=400)
    deal = await shop.order(await shop.seller())
    await deal.paid()
    label = await deal.labelled()
    key = f"{label.key}/pickup/1"
    asked = SchedulePickup(label.key, after(days=1), 1, after(days=2), after(days=2, hours=4))
    bars = (f"{key}/charged", f"{key}/paid")
    return Ready(deal.order, deal.seller, shop.pickups.schedule, asked, bars)


async def _call_off(shop: Shop) -> Ready:
    ready = await _pickup(shop)
    await ready.run()
    step = LabelStep(ready.asked.label, after(days=1, hours=2))
    bars = (f"{step.label}/pickup/1/given-back",)
    return Ready(ready.order, ready.seller, shop.pickups.call_off, step, bars)


_REVERSED: Final = r"POST /v1/transfers/\w+/reversals$"


async def _subsidised_capture(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller(), subsidy=1_500)
    await deal.asked()
    await shop.world.pay(deal.state.intent)
    key = f"order/{deal.order}/capture/{deal.state.intent}"
    step = Step(deal.state, after(minutes=2))
    return Ready(deal.order, deal.seller, shop.payments.settle, step, (key,))


async def _subsidised_refund(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller(), subsidy=1_500)
    await deal.paid()
    key = f"order/{deal.order}/refund/1"
    bars = (f"{key}/reserved", f"{key}/settled")
    return Ready(deal.order, deal.seller, shop.refunds.refund, deal.refunding(3_333), bars)


async def _excess_refund(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.asked()
    debit = deal.state.intent
    await shop.world.pay(debit, SLIP)
    await deal.took(
        shop.attempts.ask_again, AskPayment(deal.state, after(hours=1), CARD, again=False)
    )
    await deal.settled()
    await shop.world.arrive(debit)
    key = f"order/{deal.order}/excess-refund/{debit}"
    bars = (f"order/{deal.order}/late/{debit}", f"{key}/settled")
    step = Step(deal.state, after(days=2))
    return Ready(deal.order, deal.seller, shop.attempts.close_others, step, bars)


async def _other_amount(shop: Shop, paid: int, decision: AmountDecision) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent, SLIP)
    await shop.world.arrive(deal.state.intent, amount=paid)
    await deal.settled()
    key = f"order/{deal.order}/amount-refund/{deal.state.intent}"
    asked = DecideAmount(deal.state, after(days=2), decision, "support_agent:a-1", "a fee")
    accepted = f"order/{deal.order}/capture/{deal.state.intent}/accepted"
    bars = {
        AmountDecision.ACCEPT: (accepted,),
        AmountDecision.REFUND_AND_WAIT: (f"{key}/reserved", f"{key}/settled"),
        AmountDecision.REFUND_AND_CLOSE: (f"{key}/reserved", f"{key}/settled"),
    }
    return Ready(deal.order, deal.seller, shop.amounts.decide, asked, bars[decision])


async def _amount_accepted(shop: Shop) -> Ready:
    return await _other_amount(shop, 9_000, AmountDecision.ACCEPT)


async def _excess_accepted(shop: Shop) -> Ready:
    return await _other_amount(shop, 12_000, AmountDecision.ACCEPT)


async def _amount_sent_back(shop: Shop) -> Ready:
    return await _other_amount(shop, 9_000, AmountDecision.REFUND_AND_WAIT)


async def _amount_refused(shop: Shop) -> Ready:
    return await _other_amount(shop, 9_000, AmountDecision.REFUND_AND_CLOSE)


async def _authorised(shop: Shop) -> Deal:
    await shop.policy("long", capture="on_shipment", ship_within="20d")
    deal = await shop.order(await shop.seller(policy="long"))
    await deal.asked(CARD)
    await deal.settled()
    assert deal.state.authorised
    return deal


async def _late_capture(shop: Shop) -> Ready:
    deal = await _authorised(shop)
    key = f"order/{deal.order}/capture/{deal.state.intent}"
    step = Step(deal.state, after(days=3))
    return Ready(deal.order, deal.seller, shop.captures.capture, step, (key,))


async def _void(shop: Shop) -> Ready:
    deal = await _authorised(shop)
    off = called_off(deal.state, FulfilmentEvent.NOT_SHIPPED, Outcome.NEVER_SHIPPED)
    step = Step(off, after(days=21))
    return Ready(deal.order, deal.seller, shop.captures.void, step, ())


async def _freeze(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    step = Step(deal.state, after(days=1), "compliance:c-1", "reported")
    return Ready(deal.order, deal.seller, shop.frauds.report, step, ())


async def _thaw(shop: Shop) -> Ready:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.took(shop.frauds.report, Step(deal.state, after(days=1), "compliance:c-1"))
    asked = DecideFraud(deal.state, after(days=2), is_fraud=True, actor="compliance:c-1")
    return Ready(deal.order, deal.seller, shop.frauds.decide, asked, ())


_REFUNDS: Final = ("POST /v1/refunds$",)
STEPS: Final = (
    MoneyStep("take", _take, ("POST /v1/payment_intents$",)),
    MoneyStep("capture", _capture),
    MoneyStep("refund", _refund, ("POST /v1/refunds$",), 2),
    MoneyStep("refund_by_hand", _refund_by_hand, (), 2),
    MoneyStep("late_refund", _late_refund, ("POST /v1/refunds$",), 2),
    MoneyStep("refund_return", _refund_return),
    MoneyStep("purchase_take", _purchase_take, ("POST /v1/payment_intents$",)),
    MoneyStep("purchase_capture", _purchase_capture, (), 2),
    MoneyStep("refund_of_a_part", _refund_of_a_part, ("POST /v1/refunds$",), 2),
    MoneyStep("return_to_a_part", _return_to_a_part),
    MoneyStep("purchase_decided", _purchase_decided, ("POST /v1/refunds$",), 4),
    MoneyStep("late_purchase", _late_purchase, ("POST /v1/refunds$",), 2),
    MoneyStep("release", _release),
    MoneyStep("early_release", _early_release),
    MoneyStep("reserve_release", _reserve),
    MoneyStep("release_abroad", _release_abroad, (), 2),
    MoneyStep("early_release_abroad", _early_release_abroad, (), 2),
    MoneyStep("reserve_release_abroad", _reserve_abroad),
    MoneyStep("refund_abroad", _refund_abroad, ("POST /v1/refunds$",), 3),
    MoneyStep("refund_return_abroad", _refund_return_abroad, (), 2),
    MoneyStep("hold", _hold),
    MoneyStep("lift", _lift),
    MoneyStep("subsidised_capture", _subsidised_capture),
    MoneyStep("subsidised_refund", _subsidised_refund, _REFUNDS, 2),
    MoneyStep("excess_refund", _excess_refund, _REFUNDS, 2),
    MoneyStep("amount_accepted", _amount_accepted),
    MoneyStep("excess_accepted", _excess_accepted, _REFUNDS),
    MoneyStep("amount_sent_back", _amount_sent_back, (*_REFUNDS, "POST /v1/payment_intents$"), 2),
    MoneyStep("amount_refused", _amount_refused, _REFUNDS, 2),
    MoneyStep("late_capture", _late_capture, (r"POST /v1/payment_intents/\w+/capture$",)),
    MoneyStep("void", _void, (), 0),
    MoneyStep("freeze", _freeze),
    MoneyStep("thaw", _thaw),
    MoneyStep("payout", earned, ("POST /v1/transfers$", "POST /v1/payouts$"), 3),
    MoneyStep("payout_return", _payout_return, (_REVERSED,), 2),
    MoneyStep("payout_undone", _payout_undone, (_REVERSED,), 2),
    MoneyStep("payout_void", _payout_void, (_REVERSED,), 2),
    MoneyStep("payout_by_hand", _payout_by_hand, (_REVERSED,), 2),
    MoneyStep("label", _label, (r"POST /easypost/v2/shipments/\w+/buy$",), 2),
    MoneyStep("label_void", _label_void, (r"POST /easypost/v2/shipments/\w+/refund$",)),
    MoneyStep("pickup", _pickup, (r"POST /easypost/v2/pickups/\w+/buy$",), 2),
    MoneyStep("call_off", _call_off, (r"POST /easypost/v2/pickups/\w+/cancel$",)),
)
