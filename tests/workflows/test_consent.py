"""What one side asks and the other answers, and what silence means for each question."""

import asyncio
import json

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.order.agreements import Topic
from domain.order.state import Fulfilment, Outcome, Payment
from persistence.idempotency import keep_particulars
from tests.support.marketplace import (
    COMPLIANCE,
    SUPPORT,
    Marketplace,
    Placed,
    buyer,
    dhl_number,
    seller_of,
)
from tests.workflows.test_parcels import on_its_way, refused
from workflows.order import messages as said


async def unsent(market: Marketplace, total: int = 10_000) -> Placed:
    order = await market.order(total=total)
    await order.paid(minutes=1)
    return order


def more_time(order: Placed, longer: int, **at: float) -> said.AskConsent:
    return said.AskConsent(seller_of(), order.at(**at), Topic.EXTENSION, longer)


def answer(order: Placed, topic: Topic, *, yes: bool, **at: float) -> said.AnswerConsent:
    return said.AnswerConsent(buyer(order.order), order.at(**at), topic, is_agreed=yes)


def call_off(order: Placed, **at: float) -> said.AskConsent:
    return said.AskConsent(buyer(order.order), order.at(**at), Topic.CANCELLATION)


@pytest.mark.case(16)
async def test_more_time_needs_the_buyer_s_yes_and_is_given_once(market: Marketplace) -> None:
    """At most ten days, however many are asked for; a second question is refused."""
    order = await unsent(market)
    asked = await order.ask(more_time(order, 30, days=1))
    granted = await order.ask(answer(order, Topic.EXTENSION, yes=True, days=2))
    (before,) = (clock for clock in asked.clocks if clock.name == "shipment")
    (after,) = (clock for clock in granted.clocks if clock.name == "shipment")

    assert (after.due_at - before.due_at).days == 10
    assert await refused(order, more_time(order, 3, days=3)) == "illegal-transition"
    assert (await order.shipped(days=16)).fulfilment is Fulfilment.DECLARED


@pytest.mark.case(16)
async def test_more_time_asked_for_after_the_end_is_refused(market: Marketplace) -> None:
    """The instant at the edge decides, even while the order has not ended yet."""
    order = await unsent(market)

    assert await refused(order, more_time(order, 3, days=7, minutes=2)) == "deadline-passed"


async def test_silence_about_more_time_leaves_things_as_they_are(market: Marketplace) -> None:
    """The buyer never has to answer."""
    order = await unsent(market)
    await order.ask(more_time(order, 5, days=1))
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.NEVER_SHIPPED
    assert ended.clocks == ()


async def test_only_the_side_that_was_asked_answers(market: Marketplace) -> None:
    """Nobody agrees with themselves."""
    order = await unsent(market)
    await order.ask(call_off(order, days=1))

    assert await refused(order, answer(order, Topic.CANCELLATION, yes=True, days=1)) == (
        "not-allowed"
    )
    assert await refused(order, call_off(order, days=1)) == "illegal-transition"
    nobody_asked = answer(order, Topic.EXTENSION, yes=True, days=1)
    assert await refused(order, nobody_asked) == "illegal-transition"


@pytest.mark.case(14)
async def test_silence_cancels(market: Marketplace) -> None:
    """Two days without a word of the seller, and the buyer has the money back."""
    order = await unsent(market)
    await order.ask(call_off(order, days=1))
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.refunded) == (Outcome.CANCELLED_BY_AGREEMENT, 10_000)
    assert ended.ended_at == order.at(days=3)


async def test_a_seller_who_calls_off_is_marked(market: Marketplace) -> None:
    """The buyer agrees; that the seller could not deliver is counted."""
    order = await unsent(market)
    off = said.AskConsent(seller_of(), order.at(days=1), Topic.CANCELLATION)
    await order.ask(off)
    await order.ask(answer(order, Topic.CANCELLATION, yes=True, days=1, hours=2))
    ended = await order.handle.result()

    assert ended.outcome is Outcome.CANCELLED_BY_AGREEMENT
    marks = await market.rows("SELECT non_fulfilments FROM sellers WHERE seller = 's-1'")
    assert marks == [(1,)]


async def test_a_refused_cancellation_lets_the_order_go_on(market: Marketplace) -> None:
    """The seller says no; the buyer may ask again."""
    order = await unsent(market)
    await order.ask(call_off(order, days=1))
    no = said.AnswerConsent(seller_of(), order.at(days=2), Topic.CANCELLATION, is_agreed=False)
    went_on = await order.ask(no)

    assert (went_on.outcome, went_on.agreements) == (Outcome.OPEN, ())
    assert (await order.ask(call_off(order, days=3))).agreements


@pytest.mark.case(15)
async def test_shipping_answers_a_request_to_cancel(market: Marketplace) -> None:
    """The declaration withdraws the request, and the buyer is told."""
    order = await unsent(market)
    await order.ask(call_off(order, days=1))
    shipped = await order.shipped(days=2)
    await order.delivered(days=5)
    ended = await order.skip_to_end()

    assert shipped.agreements == ()
    assert {clock.name for clock in shipped.clocks} == {"delivery", "first_scan"}
    assert ended.outcome is Outcome.COMPLETED
    letters = await market.rows(
        "SELECT audience FROM outbox WHERE template = 'order.cancellation_void' ORDER BY audience"
    )
    assert letters == [("buyer",), ("seller",)]


async def test_a_longer_promise_needs_a_yes_or_the_platform_s_word(market: Marketplace) -> None:
    """Twice fifteen days, no more; the seller's silence leaves it, support may force it."""
    order = await on_its_way(market)

    def ask(**at: float) -> said.AskConsent:
        return said.AskConsent(buyer(order.order), order.at(**at), Topic.PROTECTION)

    first = await order.ask(ask(days=3))
    forced = said.AnswerConsent(SUPPORT, order.at(days=4), Topic.PROTECTION, is_agreed=True)
    once = await order.ask(forced)
    await order.ask(ask(days=5))
    agreed = said.AnswerConsent(seller_of(), order.at(days=6), Topic.PROTECTION, is_agreed=True)
    twice = await order.ask(agreed)

    def promise(of: object) -> object:
        return next(clock.due_at for clock in of.clocks if clock.name == "delivery")  # type: ignore[attr-defined]  # a state

    assert [promise(state) for state in (first, once, twice)] == [
        order.at(days=61),
        order.at(days=76),
        order.at(days=91),
    ]
    assert await refused(order, ask(days=7)) == "illegal-transition"


async def test_a_question_is_taken_back_by_who_asked(market: Marketplace) -> None:
    """And by nobody else."""
    order = await unsent(market)
    await order.ask(call_off(order, days=1))
    others = said.WithdrawQuestion(seller_of(), order.at(days=1), Topic.CANCELLATION)
    assert await refused(order, others) == "not-allowed"
    back = said.WithdrawQuestion(buyer(order.order), order.at(days=1), Topic.CANCELLATION)
    state = await order.ask(back)

    assert (state.agreements, [clock.name for clock in state.clocks]) == ((), ["shipment"])


async def draft(market: Marketplace, order: Placed, city: str) -> said.ChangeAddress:
    """A new address, kept sealed as the edge does."""
    name, who = f"order/{order.order}/address/1", f"b-{order.order}"
    words = json.dumps({"country": "DE", "city": city}).encode()
    async with market.engine.begin() as db:
        await keep_particulars(db, name, who, await market.vault.seal(who, words))
    return said.ChangeAddress(buyer(order.order), order.at(days=1), "DE", name)


async def test_a_new_address_is_the_order_s_once_it_is_accepted(market: Marketplace) -> None:
    """What the seller reads afterwards is the new one, and the draft is gone."""
    order = await unsent(market)
    await order.ask(await draft(market, order, "Hamburg"))
    async with market.database.transaction() as tx:
        city = await tx.orders.city(order.order)

    assert city == "Hamburg"
    assert await market.rows("SELECT subject FROM particulars") == [(f"order/{order.order}",)]


async def test_another_country_is_another_order(market: Marketplace) -> None:
    """Its promise, its price and its checks would be others."""
    order = await unsent(market)
    abroad = said.ChangeAddress(buyer(order.order), order.at(days=1), "FR", "none")

    assert await refused(order, abroad) == "address-fixed"


async def test_a_large_order_is_checked_again_after_a_new_address(market: Marketplace) -> None:
    """A thief changes the address after the check; the shipping time begins when it has passed."""
    order = await unsent(market, total=50_000_000)
    accept = said.DecideRisk(COMPLIANCE, order.at(hours=1), said.RiskVerdict.ACCEPT)
    await order.ask(accept)
    again = await order.ask(await draft(market, order, "Hamburg"))
    ended = await order.skip_to_end()

    assert (again.payment, again.fulfilment) == (Payment.IN_RISK_CHECK, Fulfilment.NOT_STARTED)
    assert (ended.outcome, ended.refunded) == (Outcome.REFUSED_BY_RISK, 50_000_000)


@pytest.mark.case(15)
@pytest.mark.parametrize("ships_first", [True, False])
async def test_shipping_and_an_agreed_cancellation_have_one_winner(
    market: Marketplace, *, ships_first: bool
) -> None:
    """Both are asked at the same instant: goods that left are never refunded, nor the reverse."""
    order = await unsent(market)
    await order.ask(call_off(order, days=1))
    agreed = said.AnswerConsent(seller_of(), order.at(days=2), Topic.CANCELLATION, is_agreed=True)
    ship = said.DeclareShipment(seller_of(), order.at(days=2), "DHLExpress", dhl_number())
    requests: list[said.Request] = [ship, agreed] if ships_first else [agreed, ship]
    results = await asyncio.gather(
        *(order.ask(request) for request in requests), return_exceptions=True
    )
    state = await order.state()

    assert sum(isinstance(one, WorkflowUpdateFailedError) for one in results) == 1
    has_left = state.fulfilment is Fulfilment.DECLARED
    assert has_left == (state.outcome is Outcome.OPEN)
    assert state.refunded == (0 if has_left else 10_000)


async def test_the_longest_life_of_an_order_ends_by_itself(market: Marketplace) -> None:
    """Every window to its last day, every extension taken: still one history, and an end."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early")
    seller = seller_of("s-early")
    await order.skip(days=2, hours=23)
    await order.paid(days=2, hours=23)
    longer = said.AskConsent(seller, order.at(days=9), Topic.EXTENSION, 10)
    await order.ask(longer)
    await order.ask(answer(order, Topic.EXTENSION, yes=True, days=9))
    await order.skip(days=19)
    await order.shipped(days=19)
    await order.scanned(days=24)
    for day in (40, 60):
        protect = said.AskConsent(buyer(order.order), order.at(days=day), Topic.PROTECTION)
        await order.ask(protect)
        yes = said.AnswerConsent(seller, order.at(days=day), Topic.PROTECTION, is_agreed=True)
        await order.ask(yes)
    await order.skip(days=19 + 60 + 30 + 14)
    await order.delivered(days=19 + 60 + 30 + 14)
    ended = await order.skip_to_end()
    history = await order.handle.fetch_history()

    assert ended.outcome is Outcome.COMPLETED
    assert ended.confirmed_at == order.at(days=19 + 60 + 30 + 14 + 7)
    assert ended.ended_at == order.at(days=19 + 60 + 30 + 14 + 7 + 15)
    assert len(history.events) < 300
