"""The life of a dispute beside its order's: what is held, what time does, who is paid."""

from typing import Final

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.actors import Actor, Role
from domain.dispute.reasons import Category, Remedy
from domain.dispute.rules import Action, Asked
from domain.dispute.state import Outcome, PauseEvent, Stage
from domain.order.state import ClockName
from domain.order.state import Outcome as OrderOutcome
from domain.shipment.labels import Box
from persistence.books import SqlBooks
from tests.support.disputing import Disputed, asking, opens
from tests.support.marketplace import LEAD, OPERATOR, Marketplace, Placed
from tests.support.online import addressed
from workflows.order.messages import Resolution

OTHER_LEAD: Final = Actor(Role.SUPPORT_LEAD, "l-2")


async def delivered(market: Marketplace, *lines: int) -> Placed:
    """An order whose goods are with the buyer."""
    order = await market.order(lines=lines or (7_000, 3_000))
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    await order.delivered(days=1)
    return order


def _code(failed: WorkflowUpdateFailedError) -> str | None:
    """The code of the refusal that an update ended with."""
    assert isinstance(failed.cause, ApplicationError)
    return failed.cause.type


async def money(market: Marketplace, order: str) -> dict[str, int]:
    """The figures of the order's locked row that a dispute moves."""
    ((held, refunded, released, contributed),) = await market.rows(
        'SELECT held, refunded, released, contributed FROM order_money WHERE "order" = :order',
        order=order,
    )
    return {
        "held": held,
        "refunded": refunded,
        "released": released,
        "contributed": contributed,
    }


@pytest.mark.case(37)
async def test_a_silent_seller_is_refunded_for_and_the_rest_of_the_order_goes_on(
    market: Marketplace,
) -> None:
    """One line of two: its share is held at once, its money goes back, the other is released."""
    order = await delivered(market)
    dispute = await opens(asking(order, 99_000), order)
    opened = await order.until(lambda state: state.held == 7_000)
    ended = await dispute.skip_to_end()
    heard = await order.until(lambda state: not state.disputes)
    done = await order.skip_to_end()

    assert (ended.outcome, ended.awarded) == (Outcome.REFUNDED, 7_000)
    assert ended.ended_at == order.at(days=7)
    assert [one.dispute for one in opened.disputes] == [dispute.dispute]
    assert (heard.held, heard.refunded) == (0, 7_000)
    assert (done.outcome, done.released) == (OrderOutcome.COMPLETED, 3_000)
    assert await money(market, order.order) == {
        "held": 0,
        "refunded": 7_000,
        "released": 3_000,
        "contributed": 0,
    }
    effects = await market.provider_effects(dispute.dispute)
    assert effects == [("refund", -7_000)]


async def test_what_a_rule_refuses_is_told_and_leaves_nothing_behind(market: Marketplace) -> None:
    """Goods that have not come cannot be broken: no hold, no row, a process that has ended."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    asked = asking(order)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await opens(asked, order)
    ended = await market.client.get_workflow_handle(f"dispute/{asked.dispute}").result()

    assert _code(refused.value) == "illegal-transition"
    assert ended["outcome"] == "not_opened"
    assert await market.rows("SELECT count(*) FROM disputes") == [(0,)]
    assert (await money(market, order.order))["held"] == 0


@pytest.mark.case(34)
async def test_one_line_has_one_open_dispute(market: Marketplace) -> None:
    """The second one is told so; another line is another dispute."""
    order = await delivered(market)
    await opens(asking(order, 100), order)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await opens(asking(order, 100), order)
    second = asking(order, 99_000, lines=("2",))
    other = await opens(second, order)
    # Now nothing is left that could be given back; the reason is still the dispute that has it.
    with pytest.raises(WorkflowUpdateFailedError) as taken:
        await opens(asking(order, 100, lines=("2",)), order)

    assert _code(refused.value) == _code(taken.value) == "already-exists"
    assert second.dispute in str(taken.value.cause)
    assert (await other.state()).cap == 3_000
    assert (await money(market, order.order))["held"] == 10_000


@pytest.mark.case(54)
async def test_the_order_s_clocks_stand_still_while_goods_are_called_missing(
    market: Marketplace,
) -> None:
    """The promise does not ask the buyer what they have said already; it goes on afterwards."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    dispute = await opens(asking(order, 5_000, Category.NOT_RECEIVED, days=20), order)
    stopped = await order.until(lambda state: bool(state.disputes))
    await dispute.asks(dispute.buyer, Action.WITHDRAW, days=24)
    ended = await dispute.handle.result()
    resumed = await order.until(lambda state: not state.disputes)

    (before,) = [one for one in stopped.clocks if one.name is ClockName.DELIVERY]
    (after,) = [one for one in resumed.clocks if one.name is ClockName.DELIVERY]
    assert (after.due_at - before.due_at).days == 4
    assert (ended.outcome, resumed.held) == (Outcome.WITHDRAWN, 0)


@pytest.mark.case(24)
async def test_a_delivery_while_goods_are_called_missing_ends_the_dispute_in_a_day(
    market: Marketplace,
) -> None:
    """The order tells it; the buyer has a day to say that nothing came."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(hours=1)
    dispute = await opens(asking(order, 5_000, Category.NOT_RECEIVED, days=20), order)
    await order.until(lambda state: bool(state.disputes))
    await order.delivered(days=21)
    await dispute.until(lambda state: any(one.name == "arrival" for one in state.clocks))
    ended = await dispute.skip_to_end()

    assert (ended.outcome, ended.ended_at) == (Outcome.ARRIVED, order.at(days=22))


@pytest.mark.case(53)
async def test_an_appeal_that_overturns_pays_the_seller_from_the_platform_s_account(
    market: Marketplace,
) -> None:
    """A lead rules for the buyer, another one against: the buyer keeps what they have."""
    order = await delivered(market)
    dispute = await opens(asking(order), order)
    await dispute.asks(dispute.buyer, Action.ESCALATE, days=3)
    await dispute.skip(days=6, hours=1)
    state = await dispute.reaches(Stage.IN_REVIEW)
    ruling = Asked(version=state.revision, amount=4_000, platform=1_000, why="photos")
    await dispute.asks(LEAD, Action.DECIDE, ruling, days=7)
    await dispute.reaches(Stage.APPEALABLE)
    ruled = await money(market, order.order)
    state = await dispute.asks(dispute.seller, Action.APPEAL, days=8)
    overturn = Asked(version=state.revision, amount=0, why="the parcel was whole")
    await dispute.asks(OTHER_LEAD, Action.DECIDE, overturn, days=9)
    ended = await dispute.handle.result()
    balances = await market.balances()

    assert ruled == {"held": 0, "refunded": 4_000, "released": 0, "contributed": 1_000}
    assert (ended.stage, ended.awarded) == (Stage.CLOSED, 4_000)
    assert balances["platform_loss/"] == -(1_000 + 4_000)
    assert balances["seller_payable/s-1"] == 4_000 - 320
    log = await market.rows("SELECT action, actor, why FROM audit_log ORDER BY seq")
    assert log == [
        ("escalate", str(dispute.buyer), ""),
        ("decide", "support-lead:l-1", "photos"),
        ("appeal", str(dispute.seller), ""),
        ("decide", "support-lead:l-2", "the parcel was whole"),
    ]


@pytest.mark.case(51)
async def test_a_refund_that_comes_back_is_the_buyer_s_still_and_goes_out_by_hand(
    market: Marketplace,
) -> None:
    """The verdict stands whatever the bank does: nothing of it is the seller's again."""
    await market.world.change(auto_refunds=False)
    order = await delivered(market)
    dispute = await opens(asking(order), order)
    await dispute.asks(dispute.seller, Action.ACCEPT, Asked(version=1), days=3)
    state = await dispute.until(lambda state: bool(state.open_refund))
    ((reference,),) = await market.rows("SELECT reference FROM effects")
    await market.world.fail_refund(reference)
    await dispute.payment_news(days=6)
    await dispute.until(lambda state: state.parked is not None)
    await dispute.resolved(OPERATOR, Resolution.SETTLE_BY_HAND, "by wire, case 4713")
    ended = await dispute.handle.result()

    assert state.open_refund == f"dispute/{dispute.dispute}/refund/1"
    assert (ended.to_pay, ended.refunds, ended.outcome) == (0, 2, Outcome.REFUNDED)
    assert (await money(market, order.order))["refunded"] == 7_000
    assert (await market.balances())["provider_clearing/by_hand"] == 7_000
    books = SqlBooks(market.engine)
    assert await books.breaches(dispute.at(days=41)) == []


@pytest.mark.case(47)
async def test_a_chargeback_stops_the_dispute_and_a_lost_one_gives_nothing_more(
    market: Marketplace,
) -> None:
    """Sixty days later nobody has been refunded twice."""
    order = await delivered(market)
    dispute = await opens(asking(order), order)
    await dispute.bank_says(PauseEvent.CHARGEBACK_OPENED, days=3)
    await dispute.until(lambda state: bool(state.chargeback))
    await dispute.skip(days=60)
    paused = await dispute.state()
    await dispute.bank_says(PauseEvent.CHARGEBACK_LOST, days=61)
    ended = await dispute.handle.result()

    assert (paused.stage, paused.held) == (Stage.AWAITING_SELLER, 7_000)
    assert (ended.outcome, ended.awarded) == (Outcome.CHARGED_BACK, 0)
    assert await market.rows("SELECT count(*) FROM effects WHERE kind = 'late_refund'") == [(0,)]


async def returning(market: Marketplace) -> Disputed:
    """Ruled: the goods go back, then the money."""
    await market.world.change(postage_currency="EUR")
    order = await delivered(market)
    await addressed(order)
    dispute = await opens(asking(order, 5_000), order)
    await dispute.asks(dispute.buyer, Action.ESCALATE, days=3)
    await dispute.skip(days=6, hours=1)
    state = await dispute.reaches(Stage.IN_REVIEW)
    back = Asked(version=state.revision, amount=5_000, remedy=Remedy.RETURN_AND_REFUND, why="x")
    await dispute.asks(LEAD, Action.DECIDE, back, days=7)
    return dispute


async def test_goods_go_back_by_a_label_whose_scans_are_all_that_is_needed(
    market: Marketplace,
) -> None:
    """The buyer types no number and declares nothing; the carrier's word moves the case."""
    dispute = await returning(market)
    labelled = await dispute.asks(
        dispute.buyer, Action.RETURN_LABEL, Asked(box=Box(900)), days=7, hours=1
    )
    await dispute.parcel_moved("in_transit", days=8)
    await dispute.reaches(Stage.RETURN_UNDER_WAY)
    await dispute.parcel_moved("delivered", days=10)
    await dispute.reaches(Stage.RETURN_CHECK)
    await dispute.asks(dispute.seller, Action.ACCEPT_RETURN, days=11)
    state = await dispute.reaches(Stage.APPEALABLE)
    rows = await market.rows(
        "SELECT status FROM labels WHERE key = :key", key=f"dispute/{dispute.dispute}/label/1"
    )

    assert labelled.sent is not None
    assert labelled.label
    assert (state.awarded, state.label) == (5_000, "")
    assert rows == [("used",)]


async def test_a_label_that_nobody_used_is_given_back_before_the_case_ends(
    market: Marketplace,
) -> None:
    """The buyer never sends anything: the seller keeps the money, and has the postage back."""
    dispute = await returning(market)
    await dispute.asks(dispute.buyer, Action.RETURN_LABEL, Asked(box=Box(900)), days=7, hours=1)
    ended = await dispute.skip_to_end()
    rows = await market.rows(
        "SELECT status FROM labels WHERE key = :key", key=f"dispute/{dispute.dispute}/label/1"
    )

    assert (ended.outcome, ended.label) == (Outcome.RETURN_MISSING, "")
    assert rows in ([("void_asked",)], [("voided",)])
