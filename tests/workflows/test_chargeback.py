"""The life of a chargeback beside its order's and its disputes'."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.chargeback.rules import Action
from domain.chargeback.state import Stage
from domain.dispute.rules import Action as DisputeAction
from domain.dispute.rules import Asked
from domain.dispute.state import Outcome, Pause
from domain.order.state import Fulfilment
from domain.order.state import Outcome as OrderOutcome
from persistence.books import SqlBooks
from tests.support.claims import Claim, claims
from tests.support.disputing import Disputed, asking, opens
from tests.support.marketplace import Marketplace, Placed


async def delivered(market: Marketplace) -> Placed:
    """An order whose goods are with the buyer."""
    order = await market.order(lines=(7_000, 3_000))
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    await order.delivered(days=1)
    return order


async def disputed_and_claimed(market: Marketplace) -> tuple[Placed, Disputed, Claim]:
    """A dispute about an order's first line, and a claim of its whole payment."""
    order = await delivered(market)
    dispute = await opens(asking(order, 7_000), order)
    await order.until(lambda state: state.held == 7_000)
    return order, dispute, await claims(market, (await order.state()).intent)


async def sound(market: Marketplace, order: Placed) -> None:
    """Whatever happened, the books hold."""
    assert await SqlBooks(market.engine).breaches(order.at(days=90)) == []


async def test_the_evidence_goes_out_by_itself_two_days_before_the_last_moment(
    market: Marketplace,
) -> None:
    """Nobody has to think of it; the bank then decides for us, and the order goes on."""
    order = await delivered(market)
    claim = await claims(market, (await order.state()).intent)
    frozen = await order.until(lambda state: state.held == 10_000)
    opened = await claim.opened()
    await market.skipper.fast_forward(claim.handle, timedelta(days=6))
    sent = await claim.until(lambda state: state.stage is Stage.UNDER_REVIEW)
    won = await claim.decided("won")
    await order.until(lambda state: state.held == 0)
    done = await order.skip_to_end()

    assert opened.answer_by is not None
    assert opened.respond_by is not None
    assert (opened.respond_by - opened.answer_by).days == 2
    assert sent.contested_at == opened.answer_by
    assert frozen.charged_back == 0
    assert won.stage is Stage.WON
    assert (done.outcome, done.released) == (OrderOutcome.COMPLETED, 10_000)
    await sound(market, order)


async def test_a_lost_one_ends_an_order_that_nothing_is_left_of(market: Marketplace) -> None:
    """The seller need not ship what the bank has given back."""
    order = await market.order(total=10_000)
    state = await order.paid(minutes=1)
    claim = await claims(market, state.intent)
    lost = await claim.decided("lost")
    done = await order.until(lambda state: state.outcome is not OrderOutcome.OPEN)

    assert lost.stage is Stage.LOST
    assert (done.outcome, done.fulfilment) == (OrderOutcome.REFUNDED, Fulfilment.CANCELLED)
    assert (done.charged_back, done.refunded) == (10_000, 0)
    assert await market.provider_effects(order.order) == [("charge", 10_000)]
    await order.handle.result()
    await sound(market, order)


@pytest.mark.case(59)
async def test_one_that_comes_months_after_the_end_is_clawed_back(market: Marketplace) -> None:
    """The order ended long ago: payable first, then what is missing is a debt."""
    order = await delivered(market)
    await order.skip_to_end()
    claim = await claims(market, (await order.handle.result()).intent, 4_000)
    lost = await claim.decided("lost")
    balances = await market.balances()
    told = await market.kinds(order.order)

    assert lost.stage is Stage.LOST
    assert balances["seller_payable/s-1"] + balances["commission/"] == 6_000
    assert told[-2:] == ["chargeback_opened", "chargeback_lost"]
    letters = await market.rows(
        "SELECT template FROM outbox WHERE template LIKE 'order.chargeback%' ORDER BY seq"
    )
    assert letters == [("order.chargeback_opened",), ("order.chargeback_lost",)]
    await sound(market, order)


@pytest.mark.case(47)
async def test_a_dispute_stands_still_and_goes_on_when_it_is_won(market: Marketplace) -> None:
    """Its clocks stop while the bank decides; what it holds is not frozen twice."""
    order, dispute, claim = await disputed_and_claimed(market)
    paused = await dispute.until(lambda state: state.pause is not Pause.RUNNING)
    await claim.decided("won")
    again = await dispute.until(lambda state: state.pause is Pause.RUNNING)
    ended = await dispute.skip_to_end()
    done = await order.skip_to_end()

    assert paused.chargeback == claim.chargeback
    assert again.chargeback == claim.chargeback
    assert (ended.outcome, ended.awarded) == (Outcome.REFUNDED, 7_000)
    assert (done.refunded, done.released) == (7_000, 3_000)
    await sound(market, order)


@pytest.mark.case(47)
async def test_a_lost_one_ends_the_dispute_and_nothing_goes_back_twice(
    market: Marketplace,
) -> None:
    """The buyer has their money by the bank; what the dispute held pays for that."""
    order, dispute, claim = await disputed_and_claimed(market)
    await dispute.until(lambda state: state.pause is not Pause.RUNNING)
    await claim.decided("lost")
    ended = await dispute.handle.result()
    done = await order.handle.result()

    assert ended.awarded == 0
    assert done.charged_back == 10_000
    effects = await market.provider_effects(order.order)
    assert effects == [("charge", 10_000)]
    assert "seller_debt/s-1" not in await market.balances()
    await sound(market, order)


@pytest.mark.case(48)
@pytest.mark.parametrize(("kept", "ruled"), [(2_000, 5_000), (6_000, 5_000), (9_000, 7_000)])
async def test_a_wallet_and_a_dispute_that_decide_differently_net_to_one_refund(
    market: Marketplace, kept: int, ruled: int
) -> None:
    """The wallet is first: the dispute goes on, and gives what is missing to the larger."""
    order, dispute, claim = await disputed_and_claimed(market)
    await dispute.until(lambda state: state.pause is not Pause.RUNNING)
    lost = await claim.decided("lost", kept)
    going_on = await dispute.until(lambda state: state.pause is Pause.RUNNING)
    await dispute.asks(dispute.seller, DisputeAction.PROPOSE, Asked(amount=ruled), days=3)
    version = (await dispute.state()).revision
    await dispute.asks(dispute.buyer, DisputeAction.ACCEPT, Asked(version=version), days=4)
    ended = await dispute.handle.result()
    done = await order.skip_to_end()

    assert lost.is_partly_lost
    assert going_on.netted == min(kept, 7_000)
    assert ended.awarded == max(0, ruled - going_on.netted)
    assert (done.charged_back, done.refunded) == (kept, ended.awarded)
    assert done.released == 10_000 - kept - ended.awarded
    await sound(market, order)


@pytest.mark.case(48)
async def test_a_dispute_that_was_first_counts_when_the_wallet_decides(
    market: Marketplace,
) -> None:
    """The seller pays the larger of both once; what was given twice, the platform bears."""
    order = await delivered(market)
    dispute = await opens(asking(order, 5_000), order)
    await dispute.asks(dispute.seller, DisputeAction.ACCEPT, Asked(version=1), days=3)
    await dispute.handle.result()
    claim = await claims(market, (await order.state()).intent)
    await claim.decided("lost", 6_000)
    done = await order.skip_to_end()
    balances = await market.balances()

    assert (done.refunded, done.charged_back, done.released) == (5_000, 1_000, 4_000)
    assert balances["platform_loss/"] == -5_000
    await sound(market, order)


async def test_a_lead_may_give_it_up_or_send_the_evidence_now(market: Marketplace) -> None:
    """The bank's word of it is posted as any other; after that it hears no more of us."""
    first, second = await delivered(market), await delivered(market)
    given_up = await claims(market, (await first.state()).intent)
    answered = await claims(market, (await second.state()).intent)
    lost = await given_up.answer(Action.CONCEDE, "the goods never left")
    sent = await answered.answer(Action.CONTEST)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await answered.answer(Action.CONCEDE)

    assert (lost.stage, lost.conceded_by) == (Stage.LOST, "support-lead:l-1")
    assert sent.stage is Stage.UNDER_REVIEW
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "illegal-transition"
    await answered.decided("won")
    await sound(market, first)


async def test_an_inquiry_that_becomes_more_is_answered_again(market: Marketplace) -> None:
    """Nothing is taken while the bank only asks; then it is, and evidence goes out anew."""
    order = await delivered(market)
    claim = await claims(market, (await order.state()).intent, is_inquiry=True)
    await claim.answer(Action.CONTEST)
    await market.world.decide(claim.chargeback, "escalate")
    await claim.news()
    again = await claim.until(lambda state: state.stage is Stage.NEEDS_RESPONSE)
    await claim.answer(Action.CONTEST)
    lost = await claim.decided("lost")

    assert (again.is_inquiry, again.taken) == (False, True)
    assert lost.stage is Stage.LOST
    await order.skip_to_end()
    await sound(market, order)
