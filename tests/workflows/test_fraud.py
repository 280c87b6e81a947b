"""Fraud suspected after the risk check: frozen, stopped, and decided by compliance."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.state import Fraud, Fulfilment, OrderState, Outcome
from tests.support.marketplace import COMPLIANCE, SUPPORT, Marketplace, Placed
from tests.workflows.test_order import code_of
from workflows.order import messages as said
from workflows.order.messages import FraudVerdict
from workflows.order.workflow import OrderWorkflow


async def warned(order: Placed, market: Marketplace, event: str = "evt-w", **after: float) -> None:
    """The cardholder's bank reports the payment, and the news of it arrives."""
    await market.world.warn((await order.state()).intent)
    fact = said.FraudWarned(event, order.at(**after))
    await order.handle.signal(OrderWorkflow.fraud_warned, fact)


async def doubted(market: Marketplace, seller: str = "s-1", **shipped: float) -> Placed:
    """An order that was shipped and then reported."""
    order = await market.order(seller, total=10_000)
    await order.paid(minutes=1)
    await order.shipped(**shipped or {"days": 1})
    await warned(order, market, days=2)
    await order.until(lambda state: state.fraud is Fraud.SUSPECTED)
    return order


def verdict(order: Placed, what: FraudVerdict, **after: float) -> said.DecideFraud:
    return said.DecideFraud(COMPLIANCE, order.at(**after), what, "looked into")


@pytest.mark.case(8)
async def test_a_warning_after_shipment_freezes_the_money_and_asks_the_parcel_back(
    market: Marketplace,
) -> None:
    """Everything that could be released is held, the seller is asked to stop the parcel."""
    order = await doubted(market)
    state = await order.state()

    assert state.held == 10_000
    assert await market.rows("SELECT reason, amount FROM holds") == [("fraud", 10_000)]
    kinds = await market.kinds(order.order)
    assert kinds[-2:] == ["fraud_suspected", "intercept_asked"]
    told = await market.rows("SELECT audience FROM outbox WHERE template LIKE '%intercept%'")
    assert told == [("seller",)]
    assert await market.rows("SELECT kind FROM alarms") == [("fraud_suspected",)]


@pytest.mark.case(8)
async def test_nothing_is_released_while_compliance_looks(market: Marketplace) -> None:
    """Delivered, confirmed, protection over: the money stays."""
    order = await doubted(market)
    await order.delivered(days=5)
    await order.confirmed(days=6)
    await order.skip(days=60)
    state = await order.state()

    assert (state.released, state.held, state.ended_at) == (0, 10_000, None)


@pytest.mark.case(8)
async def test_a_cleared_payment_is_released_as_usual(market: Marketplace) -> None:
    """A false alarm costs the seller time and nothing else."""
    order = await doubted(market)
    await order.delivered(days=5)
    await order.confirmed(days=6)
    await order.ask(verdict(order, FraudVerdict.CLEARED, days=7))
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.fraud) == (Outcome.COMPLETED, Fraud.CLEARED)
    assert ended.released == 10_000
    assert await market.rows("SELECT count(*) FROM alarms WHERE cleared_at IS NULL") == [(0,)]


@pytest.mark.case(8)
async def test_confirmed_fraud_gives_everything_back(market: Marketplace) -> None:
    """The card's holder has the money back; the seller has none of it."""
    order = await doubted(market)
    await order.ask(verdict(order, FraudVerdict.CONFIRMED, days=3))
    ended = await order.handle.result()

    assert (ended.outcome, ended.fraud) == (Outcome.FRAUD, Fraud.CONFIRMED)
    assert ended.refunded == 10_000
    assert ended.fulfilment is Fulfilment.CANCELLED
    assert await market.provider_effects(order.order) == [("charge", 10_000), ("refund", -10_000)]


@pytest.mark.case(8, 55)
async def test_what_was_released_early_is_taken_back(market: Marketplace) -> None:
    """An early-released order turns out to be fraud: payable, reserve, then debt."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early", total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.skip(days=7)
    await order.until(lambda state: state.released > 0)
    report = said.ReportFraud(COMPLIANCE, order.at(days=8), "the holder denies it")
    await order.ask(report)
    await order.ask(verdict(order, FraudVerdict.CONFIRMED, days=9))
    ended = await order.skip_to_end()
    balances = await market.balances()

    assert ended.outcome is Outcome.FRAUD
    assert (ended.refunded, ended.recovered) == (10_000, 10_000)
    assert "seller_payable/s-early" not in balances
    assert "seller_reserve/s-early" not in balances
    assert "commission/" not in balances


@pytest.mark.case(8)
async def test_confirmed_after_receipt_everything_goes_back_all_the_same(
    market: Marketplace,
) -> None:
    """The goods are with somebody, but not with the card's holder."""
    order = await doubted(market)
    await order.delivered(days=5)
    await order.confirmed(days=6)
    await order.ask(verdict(order, FraudVerdict.CONFIRMED, days=7))
    ended = await order.handle.result()

    assert (ended.outcome, ended.refunded) == (Outcome.FRAUD, 10_000)
    assert ended.fulfilment is Fulfilment.RECEIVED


async def reported_before_shipment(market: Marketplace) -> tuple[Placed, OrderState]:
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    state = await order.ask(said.ReportFraud(COMPLIANCE, order.at(days=1), "stolen card"))
    return order, state


@pytest.mark.case(8)
async def test_nothing_ships_while_it_is_doubted(market: Marketplace) -> None:
    """The seller is stopped, and is not punished for not shipping."""
    order, state = await reported_before_shipment(market)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.shipped(days=2)
    await order.skip(days=30)
    waiting = await order.state()
    cleared = await order.ask(verdict(order, FraudVerdict.CLEARED, days=30))

    assert code_of(refused) == "illegal-transition"
    assert (state.clocks, state.held) == ((), 10_000)
    assert waiting.outcome is Outcome.OPEN
    assert cleared.clocks[0].due_at == order.at(days=37)
    assert (await order.shipped(days=31)).fulfilment is Fulfilment.DECLARED


@pytest.mark.case(7, 8)
async def test_a_warning_in_the_risk_check_is_for_compliance_to_weigh(market: Marketplace) -> None:
    """The order waits for a person anyway: they are told, and nothing else moves."""
    order = await market.order(total=50_000_000)
    before = await order.paid(minutes=1)
    await warned(order, market, hours=1)
    await order.skip(hours=2)
    alarms = await market.rows("SELECT kind FROM alarms ORDER BY kind")

    assert (await order.state()).version == before.version
    assert alarms == [("fraud_suspected",), ("risk_review",)]


@pytest.mark.parametrize("decision", [said.RiskVerdict.ACCEPT, said.RiskVerdict.REFUSE])
async def test_once_it_is_decided_nobody_is_called_any_more(
    market: Marketplace, decision: said.RiskVerdict
) -> None:
    """An alarm that stays open after its case is over hides those that are not."""
    order = await market.order(total=50_000_000)
    await order.paid(minutes=1)
    await warned(order, market, hours=1)
    await order.skip(hours=30)
    await order.ask(said.DecideRisk(COMPLIANCE, order.at(hours=30), decision))
    raised = await market.rows("SELECT kind FROM alarms ORDER BY kind")

    assert raised == [("fraud_suspected",), ("risk_check_late",), ("risk_review",)]
    assert await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL") == []


async def test_the_same_warning_again_freezes_nothing_again(market: Marketplace) -> None:
    """Banks repeat themselves; a second report of a payment that is looked at changes nothing."""
    order = await doubted(market)
    before = await order.state()
    await warned(order, market, "evt-w2", days=3)
    await order.delivered(days=4)

    assert (await order.state()).held == before.held
    assert await market.rows("SELECT count(*) FROM holds") == [(1,)]


async def test_only_compliance_decides(market: Marketplace) -> None:
    """Support sees the case, and does not judge it."""
    order = await doubted(market)
    ask = said.DecideFraud(SUPPORT, order.at(days=3), FraudVerdict.CLEARED)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(ask)

    assert code_of(refused) == "not-allowed"
