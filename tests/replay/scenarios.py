"""One life of a process for each way it can end: what recorded histories are made of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import text
from temporalio.client import WorkflowHandle

from domain.order.agreements import Topic
from domain.order.paying import AmountDecision
from domain.payout.rules import Standing
from domain.payout.state import Resolution
from domain.shipment.pickup import PickupStatus
from tests.replay import chargeback_scenarios as claimed
from tests.replay import dispute_scenarios as disputes
from tests.replay import purchase_scenarios as bundles
from tests.replay import repayment_scenarios as repayments
from tests.support.marketplace import (
    COMPLIANCE,
    LEAD,
    OPERATOR,
    SUPPORT,
    Marketplace,
    buyer,
    dhl_number,
    seller_of,
)
from tests.support.online import labelled
from tests.workflows.test_aftercare import unpaid_in_time
from tests.workflows.test_amounts import other_amount
from tests.workflows.test_attempts import paid_twice
from tests.workflows.test_authorisations import authorised
from tests.workflows.test_fraud import doubted, reported_before_shipment
from tests.workflows.test_labels import asked_to_cancel, fetching
from tests.workflows.test_parcels import in_two_parcels, on_its_way
from tests.workflows.test_parking import parked_refund
from tests.workflows.test_payout import earned, parked, payout, stage
from tests.workflows.test_payout import said as payout_said
from tests.workflows.test_slow_refunds import pending_refund
from workflows.aftercare.messages import LateFact
from workflows.aftercare.workflow import AftercareWorkflow
from workflows.order import messages as said
from workflows.payout.messages import PayoutChanged, StartCycle
from workflows.payout.workflow import PayoutCycleWorkflow, PayoutWorkflow

AnyHandle = WorkflowHandle[Any, Any]
Scenario = Callable[[Marketplace], Awaitable[AnyHandle]]
_LARGE: Final = 50_000_000
# Longer than a quick step may last (`workflows/_kit/options.py`).
_TOO_LONG: Final = 4
_COURIERS: Final = 3


async def completed(market: Marketplace) -> AnyHandle:
    """The main path, the buyer's word included."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    await order.delivered(days=9)
    await order.confirmed(days=10)
    await order.skip_to_end()
    return order.handle


async def completed_at_once(market: Marketplace) -> AnyHandle:
    """The main path again, as it is since quick steps are taken within the process's task."""
    return await completed(market)


async def in_edition_1(market: Marketplace) -> AnyHandle:
    """The main path without a patch, found by fewer phases."""
    return await completed(market)


async def lost_in_edition_1(market: Marketplace) -> AnyHandle:
    """An end other than the good one is a phase of its own."""
    return await lost(market)


async def completed_with_patience(market: Marketplace) -> AnyHandle:
    """A quick step is kept waiting too long, and is taken again as any other."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    async with market.engine.begin() as db:
        locked = text('SELECT 1 FROM order_views WHERE "order" = :order FOR UPDATE')
        await db.execute(locked, {"order": order.order})
        await market.record_scan(f"{order.order}/1", "in_transit", order.at(days=2), "DE", "")
        await order.parcel_news("in_transit", days=2)
        await asyncio.sleep(_TOO_LONG)
    await order.delivered(days=9)
    await order.confirmed(days=10)
    await order.skip_to_end()
    return order.handle


async def completed_in_silence(market: Marketplace) -> AnyHandle:
    """Reminders go out, a part is refunded, silence confirms."""
    order = await market.order(total=10_000)
    await order.skip(days=2, hours=1)
    await order.paid(days=2, hours=1)
    await order.skip(days=8)
    await order.shipped(days=8)
    part = said.RefundOrder(SUPPORT, order.at(days=9), 1_000)
    await order.ask(part)
    await order.delivered(days=12)
    await order.skip_to_end()
    return order.handle


async def completed_after_a_hold(market: Marketplace) -> AnyHandle:
    """A share waits until compliance is done with it."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    hold = said.PlaceHold(COMPLIANCE, order.at(days=2), "h-1", 4_000)
    await order.ask(hold)
    await order.delivered(days=9)
    await order.skip(days=40)
    lift = said.LiftHold(LEAD, order.at(days=40), "h-1")
    await order.ask(lift)
    await order.handle.result()
    return order.handle


async def completed_early(market: Marketplace) -> AnyHandle:
    """The early tier, with its reserve."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early", total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=9)
    await order.skip_to_end()
    return order.handle


async def abroad(market: Marketplace) -> AnyHandle:
    """Paid in euros, settled in yuan, with a reserve and a refund that the seller gives back."""
    await market.seller("s-abroad", level="early", settles_in="CNY")
    order = await market.order("s-abroad", total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.skip(days=7)
    await order.until(lambda state: state.released > 0)
    part = said.RefundOrder(SUPPORT, order.at(days=8), 2_500)
    await order.ask(part)
    await order.delivered(days=9)
    await order.skip_to_end()
    return order.handle


async def never_paid(market: Marketplace) -> AnyHandle:
    """Nobody pays, not even in the longer window of a debit that never arrives."""
    return (await unpaid_in_time(market)).handle


async def cancelled_by_buyer(market: Marketplace) -> AnyHandle:
    """The buyer changes their mind before paying."""
    order = await market.order()
    await order.until(lambda state: bool(state.intent))
    cancel = said.CancelOrder(buyer(order.order), order.at(hours=1))
    await order.ask(cancel)
    await order.handle.result()
    return order.handle


async def refused_by_risk(market: Marketplace) -> AnyHandle:
    """Compliance does not decide in the first window, then refuses."""
    order = await market.order(total=_LARGE)
    await order.paid(minutes=1)
    await order.skip(hours=30)
    refuse = said.DecideRisk(COMPLIANCE, order.at(hours=30), said.RiskVerdict.REFUSE)
    await order.ask(refuse)
    await order.handle.result()
    return order.handle


async def never_shipped(market: Marketplace) -> AnyHandle:
    """The seller lets the shipping time pass."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.skip_to_end()
    return order.handle


async def never_received(market: Marketplace) -> AnyHandle:
    """The promise passes, the buyer is asked and says no."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    await order.skip(days=62)
    deny = said.DenyReceipt(buyer(order.order), order.at(days=62))
    await order.ask(deny)
    await order.skip_to_end()
    return order.handle


async def refunded_by_hand(market: Marketplace) -> AnyHandle:
    """A refund is refused for good; an operator settles it outside."""
    order = await parked_refund(market)
    word = said.Resolve(OPERATOR, order.at(days=2), said.Resolution.SETTLE_BY_HAND, "case 1")
    await order.ask(word)
    await order.handle.result()
    return order.handle


async def not_accepted(market: Marketplace) -> AnyHandle:
    """The policy has no figures for the currency."""
    order = await market.order(currency="XAF")
    await order.handle.result()
    return order.handle


async def lost_in_part(market: Marketplace) -> AnyHandle:
    """Two parcels: one is lost and refunded, the other received."""
    order = await in_two_parcels(market)
    await order.scanned("lost", "2", days=9)
    await order.until(lambda state: state.refunded > 0)
    await order.scanned("delivered", "1", days=10)
    await order.skip_to_end()
    return order.handle


async def partly_shipped(market: Marketplace) -> AnyHandle:
    """One line is shipped, the other never is."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    await order.shipped("1", days=1)
    await order.scanned("in_transit", "1", days=2)
    await order.skip(days=8)
    await order.until(lambda state: state.refunded > 0)
    await order.delivered(days=9)
    await order.skip_to_end()
    return order.handle


async def lost(market: Marketplace) -> AnyHandle:
    """The only parcel is lost."""
    return await _ended_by_scans(market, "lost")


async def returned(market: Marketplace) -> AnyHandle:
    """The only parcel comes back."""
    return await _ended_by_scans(market, "returning", "returned")


async def refused_parcel(market: Marketplace) -> AnyHandle:
    """The addressee refuses it: the price goes back, its carriage stays the seller's."""
    return await _ended_by_scans(market, "refused", "returned")


async def _ended_by_scans(market: Marketplace, *milestones: str) -> AnyHandle:
    order = await on_its_way(market)
    for number, milestone in enumerate(milestones):
        await order.scanned(milestone, days=9 + number)
    await order.until(lambda state: state.refunded > 0)
    await order.skip_to_end()
    return order.handle


async def seized(market: Marketplace) -> AnyHandle:
    """Customs keep counterfeit goods."""
    order = await on_its_way(market)
    await order.scanned("held_at_customs", days=9)
    ruled = said.RuleOnCustoms(SUPPORT, order.at(days=12), said.CustomsRuling.COUNTERFEIT)
    await order.ask(ruled)
    await order.handle.result()
    return order.handle


async def false_shipment(market: Marketplace) -> AnyHandle:
    """No carrier ever scans it; the number was put right once before."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    right = said.EditShipment(seller_of(), order.at(days=1, hours=1), dhl_number())
    await order.ask(right)
    await order.skip_to_end()
    return order.handle


async def cancelled_by_agreement(market: Marketplace) -> AnyHandle:
    """More time is asked for and granted, then a cancellation, and silence agrees."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    more = said.AskConsent(seller_of(), order.at(days=1), Topic.EXTENSION, 5)
    await order.ask(more)
    yes = said.AnswerConsent(buyer(order.order), order.at(days=2), Topic.EXTENSION, is_agreed=True)
    await order.ask(yes)
    off = said.AskConsent(buyer(order.order), order.at(days=3), Topic.CANCELLATION)
    await order.ask(off)
    await order.skip_to_end()
    return order.handle


async def longer_protected(market: Marketplace) -> AnyHandle:
    """The promise runs longer by the platform's word; a question is taken back before."""
    order = await on_its_way(market)
    for at, answer in ((3, False), (4, True)):
        ask = said.AskConsent(buyer(order.order), order.at(days=at), Topic.PROTECTION)
        await order.ask(ask)
        if answer:
            forced = said.AnswerConsent(
                SUPPORT, order.at(days=at + 1), Topic.PROTECTION, is_agreed=True
            )
            await order.ask(forced)
        else:
            back = said.WithdrawQuestion(
                buyer(order.order), order.at(days=at, hours=1), Topic.PROTECTION
            )
            await order.ask(back)
    await order.delivered(days=70)
    await order.skip_to_end()
    return order.handle


async def seller_suspended(market: Marketplace) -> AnyHandle:
    """The seller is suspended before anything has left."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.seller_stands(Standing.SUSPENDED, days=1)
    await order.handle.result()
    return order.handle


async def frozen_for_a_while(market: Marketplace) -> AnyHandle:
    """The seller is suspended while the parcel is on its way, and let back in later."""
    order = await on_its_way(market)
    await order.seller_stands(Standing.SUSPENDED, days=3)
    await order.delivered(days=5)
    await order.skip(days=60)
    await order.seller_stands(Standing.ACTIVE, days=60)
    await order.handle.result()
    return order.handle


async def checked_again(market: Marketplace) -> AnyHandle:
    """The address of a large order changes: compliance looks once more."""
    order = await market.order(total=_LARGE)
    await order.paid(minutes=1)
    for day in (1, 3):
        accept = said.DecideRisk(COMPLIANCE, order.at(hours=20 * day), said.RiskVerdict.ACCEPT)
        await order.ask(accept)
        if day == 1:
            move = said.ChangeAddress(buyer(order.order), order.at(days=2), "DE", "no draft")
            await order.ask(move)
    await order.shipped(days=4)
    await order.delivered(days=9)
    await order.skip_to_end()
    return order.handle


async def paid_another_way(market: Marketplace) -> AnyHandle:
    """A card pays while a debit is out, the debit arrives as well, and goes back."""
    order = await paid_twice(market)
    await order.shipped(days=3)
    await order.delivered(days=5)
    await order.skip_to_end()
    return order.handle


async def amount_accepted(market: Marketplace) -> AnyHandle:
    """Short by a bank's fee; the platform makes it whole, and the order goes its way."""
    order = await other_amount(market)
    await order.ask(said.DecideAmount(SUPPORT, order.at(days=2), AmountDecision.ACCEPT, "a fee"))
    await order.shipped(days=3)
    await order.delivered(days=5)
    await order.skip_to_end()
    return order.handle


async def amount_refused(market: Marketplace) -> AnyHandle:
    """Sent back to be paid right, paid wrong again, and nobody decides."""
    order = await other_amount(market)
    wait = said.DecideAmount(SUPPORT, order.at(days=2), AmountDecision.REFUND_AND_WAIT, "mistyped")
    state = await order.ask(wait)
    await market.world.pay(state.intent, "slow")
    await market.world.arrive(state.intent, amount=8_000)
    await order.payment_news(days=3)
    await order.until(lambda state: state.received > 0)
    await order.skip_to_end()
    return order.handle


async def captured_at_shipment(market: Marketplace) -> AnyHandle:
    """The bank agrees, its word runs out, agrees again; the money is taken with the parcel."""
    order = await authorised(market)
    await market.world.expire_authorisation((await order.state()).intent)
    await order.payment_news(days=2)
    waiting = await order.until(lambda state: not state.authorised)
    await market.world.pay(waiting.intent)
    await order.payment_news(days=3)
    await order.until(lambda state: state.authorised > 0)
    await order.shipped(days=4)
    await order.delivered(days=6)
    await order.skip_to_end()
    return order.handle


async def authorisation_voided(market: Marketplace) -> AnyHandle:
    """Never shipped before the bank's word would run out: given back, nothing was taken."""
    order = await authorised(market, ship_within="3d")
    await order.skip_to_end()
    return order.handle


async def fraud_confirmed(market: Marketplace) -> AnyHandle:
    """Reported after shipment, frozen, and everything goes back."""
    order = await doubted(market)
    word = said.DecideFraud(COMPLIANCE, order.at(days=3), said.FraudVerdict.CONFIRMED)
    await order.ask(word)
    await order.handle.result()
    return order.handle


async def fraud_cleared(market: Marketplace) -> AnyHandle:
    """Reported before shipment, cleared, and goes its way; a late refund is watched."""
    order, _ = await reported_before_shipment(market)
    await order.ask(said.DecideFraud(COMPLIANCE, order.at(days=2), said.FraudVerdict.CLEARED))
    await order.shipped(days=3)
    await order.delivered(days=5)
    await order.skip_to_end()
    return order.handle


async def refund_not_final(market: Marketplace) -> AnyHandle:
    """A refund stays pending past its time, and arrives after all."""
    order, reference = await pending_refund(market)
    await order.skip(days=45)
    await order.until(lambda state: not state.clocks)
    await market.world.succeed_refund(reference)
    await order.payment_news(days=46)
    await order.handle.result()
    await market.world.change(auto_refunds=True)
    return order.handle


async def subsidised(market: Marketplace) -> AnyHandle:
    """The platform pays a part of the price; a refund divides by who paid."""
    order = await market.order(total=10_000, subsidy=1_500)
    await order.paid(minutes=1)
    await order.ask(said.RefundOrder(SUPPORT, order.at(days=1), 3_333))
    await order.shipped(days=2)
    await order.delivered(days=5)
    await order.skip_to_end()
    return order.handle


async def payout_settled(market: Marketplace) -> AnyHandle:
    """Sent, watched, settled."""
    handle = await payout(market, await earned(market))
    await market.skipper.fast_forward(handle)
    return handle


async def payout_withheld(market: Marketplace) -> AnyHandle:
    """Below the minimum."""
    handle = await payout(market, await earned(market, 1_000))
    await handle.result()
    return handle


async def payout_returned(market: Marketplace) -> AnyHandle:
    """The bank sends it back."""
    as_of = await earned(market)
    handle = await payout(market, as_of)
    sent = await stage(market, handle)
    await market.world.fail_payout(sent.reference, "account_closed")
    await handle.signal(PayoutWorkflow.payout_changed, PayoutChanged("evt-back", as_of))
    await handle.result()
    return handle


async def payout_tried_again(market: Marketplace) -> AnyHandle:
    """Parked, and told to try again by the signal that was there before the update."""
    handle = await parked(market)
    word = PayoutChanged("operator-1", datetime.now(UTC))
    await handle.signal(PayoutWorkflow.try_again, word)
    return await _settled(market, handle)


async def payout_retried(market: Marketplace) -> AnyHandle:
    """Parked twice: the first word comes while the provider is still away."""
    handle = await parked(market)
    await market.world.fault("error", "POST /v1/transfers", status=503)
    await payout_said(handle, Resolution.RETRY)
    await market.skipper.fast_forward(handle, timedelta(minutes=30))
    await market.world.clear_faults()
    await payout_said(handle, Resolution.RETRY)
    return await _settled(market, handle)


async def payout_voided(market: Marketplace) -> AnyHandle:
    """Parked, then given back at an operator's word."""
    handle = await parked(market, "POST /v1/payouts")
    await payout_said(handle, Resolution.VOID)
    return handle


async def payout_paid_by_hand(market: Marketplace) -> AnyHandle:
    """Parked, then paid outside."""
    handle = await parked(market)
    await payout_said(handle, Resolution.SETTLE_BY_HAND)
    return handle


async def _settled(market: Marketplace, handle: AnyHandle) -> AnyHandle:
    await stage(market, handle)
    await market.skipper.fast_forward(handle)
    await handle.result()
    return handle


async def payout_cycle(market: Marketplace) -> AnyHandle:
    """One seller is due."""
    as_of = await earned(market)
    handle = await market.skipper.client.start_workflow(
        PayoutCycleWorkflow.run,
        StartCycle(market.task_queue, as_of),
        id=f"payout-cycle/{market.task_queue}",
        task_queue=market.task_queue,
    )
    await handle.result()
    await market.client.get_workflow_handle(f"payout/s-1/{market.task_queue}-EUR").result()
    return handle


async def aftercare(market: Marketplace) -> AnyHandle:
    """Money arrives after the end, and goes back."""
    order = await unpaid_in_time(market)
    await market.world.arrive((await order.handle.result()).intent)
    subject = f"order/{order.order}"
    fact = LateFact("evt-1", "payment_intent.succeeded", subject, "", order.at(days=20))
    handle = await market.client.start_workflow(
        AftercareWorkflow.run,
        subject,
        id=f"aftercare/{subject}",
        task_queue=market.task_queue,
        start_signal="fact_arrived",
        start_signal_args=[fact],
    )
    await handle.result()
    return handle


async def sweep(market: Marketplace) -> AnyHandle:
    """Nothing is silent."""
    return await _run_once(market, "sweep")


async def books_check(market: Marketplace) -> AnyHandle:
    """One order's books, which agree with themselves and with the provider's."""
    await earned(market)
    return await _run_once(market, "books_check")


async def rates(market: Marketplace) -> AnyHandle:
    """What was published, learned by a new database."""
    return await _run_once(market, "fx_rates")


async def _run_once(market: Marketplace, kind: str) -> AnyHandle:
    handle = await market.client.start_workflow(
        kind, id=f"{kind}/{market.task_queue}", task_queue=market.task_queue
    )
    await handle.result()
    return handle


async def completed_online(market: Marketplace) -> AnyHandle:
    """A label, three couriers in vain, the seller brings it, the buyer is silent."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    opens, closes = order.at(days=2), order.at(days=2, hours=4)
    await labelled(order, days=1, fetch_from=opens, fetch_until=closes)
    for number in (1, 2, 3):
        await order.skip(days=number + 1, hours=5)
        await order.until(lambda now: now.labels[0].pickup is not PickupStatus.SCHEDULED)
        if number < _COURIERS:
            await fetching(order, number + 2, days=number + 1, hours=6)
    await order.scanned(days=5)
    await order.delivered(days=9)
    await order.skip_to_end()
    return order.handle


async def labelled_again(market: Marketplace) -> AnyHandle:
    """The money is taken with a label, which is given back; another one carries the goods."""
    order = await authorised(market)
    await labelled(order, days=1)
    await order.ask(said.VoidLabel(seller_of("s-long"), order.at(days=1, hours=2)))
    await labelled(order, days=2)
    await order.scanned(parcel="2", days=3)
    await order.scanned("delivered", "2", days=9)
    await order.skip_to_end()
    return order.handle


async def cancelled_with_a_label(market: Marketplace) -> AnyHandle:
    """Silence agrees to cancel although a label was bought: it is given back."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await asked_to_cancel(order, days=1)
    await labelled(order, days=2)
    await order.skip_to_end()
    return order.handle


async def carriage_check(market: Marketplace) -> AnyHandle:
    """Carriers are asked, and the wallet's books compared."""
    return await _run_once(market, "carriage_check")


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        f"{kind}-{scenario.__name__.removeprefix(f'{kind}_').replace('_', '-')}": scenario
        for kind, scenarios in {
            "order": (
                completed,
                completed_at_once,
                in_edition_1,
                lost_in_edition_1,
                completed_with_patience,
                completed_in_silence,
                completed_after_a_hold,
                completed_early,
                abroad,
                never_paid,
                cancelled_by_buyer,
                refused_by_risk,
                never_shipped,
                never_received,
                refunded_by_hand,
                not_accepted,
                lost_in_part,
                partly_shipped,
                lost,
                returned,
                refused_parcel,
                seized,
                false_shipment,
                cancelled_by_agreement,
                longer_protected,
                seller_suspended,
                frozen_for_a_while,
                checked_again,
                paid_another_way,
                amount_accepted,
                amount_refused,
                captured_at_shipment,
                authorisation_voided,
                fraud_confirmed,
                fraud_cleared,
                refund_not_final,
                subsidised,
                disputes.disputed,
                bundles.part_of_a_purchase,
                bundles.part_of_an_unpaid_purchase,
                completed_online,
                labelled_again,
                cancelled_with_a_label,
            ),
            "payout": (
                payout_settled,
                payout_withheld,
                payout_returned,
                payout_tried_again,
                payout_retried,
                payout_voided,
                payout_paid_by_hand,
                payout_cycle,
            ),
            "purchase": (
                bundles.paid,
                bundles.never_paid,
                bundles.cancelled,
                bundles.refused,
                bundles.refused_late,
                bundles.amount_accepted,
                bundles.amount_refused,
                bundles.paid_and_doubted,
            ),
            "dispute": (
                disputes.silent,
                disputes.refused,
                disputes.appealed,
                disputes.ruled_in_bulk,
                disputes.returned_by_label,
                disputes.label_left_unused,
                disputes.paid_by_hand,
                disputes.charged_back,
                disputes.netted,
            ),
            "chargeback": (
                claimed.won,
                claimed.lost,
                claimed.lost_in_part,
                claimed.conceded,
                claimed.asked_again,
            ),
            "repayment": (repayments.paid, repayments.lapsed),
            "aftercare": (aftercare, bundles.forwarded),
            "upkeep": (sweep, books_check, carriage_check),
            "fx": (rates,),
        }.items()
        for scenario in scenarios
    }
)
