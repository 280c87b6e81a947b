"""The life of an order on real servers, in skipped time."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.order.state import Outcome, Payment, Release
from tests.support.marketplace import COMPLIANCE, SUPPORT, Marketplace, buyer, seller_of
from workflows.order import messages as said
from workflows.order.workflow import OrderWorkflow


def code_of(refused: pytest.ExceptionInfo[WorkflowUpdateFailedError]) -> str | None:
    """The public code of the refusal that an update ended with."""
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.type


async def test_an_order_becomes_a_payable_balance(market: Marketplace) -> None:
    """The main path: paid, shipped, delivered, confirmed, protected, released, completed."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    await order.delivered(days=9)
    await order.confirmed(days=10)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.COMPLETED
    assert ended.release is Release.FULL
    assert ended.ended_at == order.at(days=25)
    assert await market.balances() == {
        "commission/": 800,
        "provider_clearing/stripe": -9_680,
        "provider_fees/stripe": -320,
        "seller_payable/s-1": 9_200,
    }
    assert await market.kinds(order.order) == [
        "placed",
        "payment_asked",
        "paid",
        "ready_to_ship",
        "shipped",
        "scanned",
        "delivered",
        "received",
        "released",
        "ended",
    ]


async def test_a_silent_buyer_still_pays_the_seller(market: Marketplace) -> None:
    """Nobody must have to confirm for a seller to be paid for delivered goods."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=9)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.COMPLETED
    assert ended.confirmed_at == order.at(days=16)
    assert "confirmation_reminded" in await market.kinds(order.order)


async def test_an_unpaid_order_closes_and_its_payment_with_it(market: Marketplace) -> None:
    """After the window nothing may arrive any more, or a buyer pays for nothing."""
    order = await market.order()
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.NEVER_PAID
    assert ended.ended_at == order.at(days=3)
    assert (await market.gateway.look(ended.intent)).status == "cancelled"
    assert (await market.kinds(order.order)).count("payment_reminded") == 2


@pytest.mark.case(6)
async def test_money_on_its_way_keeps_the_order_open(market: Marketplace) -> None:
    """A bank slip that was paid in time must not lose its order to the clock."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent, "slow")
    await order.skip(days=4)
    await market.world.arrive(state.intent)
    await order.payment_news(days=4)
    state = await order.until(lambda state: state.captured > 0)

    assert state.payment is Payment.CAPTURED
    assert "payment_pending" in await market.kinds(order.order)


async def test_the_window_looks_at_the_provider_before_it_closes(market: Marketplace) -> None:
    """A payment whose news was lost is a payment all the same."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    await order.skip(days=3, minutes=1)
    state = await order.until(lambda state: state.captured > 0)

    assert state.payment is Payment.CAPTURED


@pytest.mark.case(1)
async def test_a_capture_that_is_reported_twice_is_posted_once(market: Marketplace) -> None:
    """Providers repeat their webhooks; books must not."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.payment_news("same", minutes=2)
    await order.payment_news("same", minutes=2)
    await order.payment_news(minutes=3)
    await order.shipped(days=1)

    captures = await market.rows("SELECT key FROM postings WHERE kind = 'capture'")
    assert len(captures) == 1


@pytest.mark.case(3)
async def test_news_that_overtakes_payment_is_not_lost(market: Marketplace) -> None:
    """Providers promise no order: the state comes from the truth, not from the news."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent, "slow")
    await order.payment_news(minutes=1)
    await market.world.arrive(state.intent)
    await order.payment_news(minutes=2)
    await order.payment_news(minutes=1)
    state = await order.until(lambda state: state.captured > 0)

    assert state.captured == state.total


async def test_goods_that_are_never_shipped_are_refunded(market: Marketplace) -> None:
    """The ship deadline is the buyer's, and the seller's record remembers."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.NEVER_SHIPPED
    assert ended.refunded == 10_000
    assert await market.balances() == {
        "provider_clearing/stripe": 320,
        "provider_fees/stripe": -320,
    }
    assert await market.rows("SELECT non_fulfilments FROM sellers") == [(1,)]


async def test_goods_that_never_arrive_are_refunded_after_the_buyer_was_asked(
    market: Marketplace,
) -> None:
    """Silence at the end of the promise is no proof of delivery."""
    order = await market.order(total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.NEVER_RECEIVED
    assert ended.ended_at == order.at(days=1 + 60 + 15)
    assert "buyer_asked" in await market.kinds(order.order)


async def test_a_denied_receipt_leaves_the_seller_time_to_prove_delivery(
    market: Marketplace,
) -> None:
    """The carrier's word in time beats the buyer's no."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    await order.skip(days=62)
    deny = said.DenyReceipt(buyer(order.order), order.at(days=62))
    await order.ask(deny)
    await order.delivered(days=65)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.COMPLETED


async def test_the_early_tier_is_paid_on_shipment_but_for_a_reserve(market: Marketplace) -> None:
    """A trusted seller has most of the money five days after shipment, the rest on time."""
    await market.seller("s-early", level="early")
    order = await market.order("s-early", total=10_000)
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.skip(days=7)
    await order.until(lambda state: state.release is Release.FULL)
    early = await market.balances()
    await order.delivered(days=9)
    ended = await order.skip_to_end()

    assert (early["seller_payable/s-early"], early["seller_reserve/s-early"]) == (7_360, 1_840)
    assert ended.ended_at == order.at(days=61)
    assert (await market.balances())["seller_payable/s-early"] == 9_200


async def test_a_closed_seller_waits_longer(market: Marketplace) -> None:
    """Whoever has left the marketplace cannot be asked for money back."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.delivered(days=9)
    async with market.engine.begin() as db:
        await db.exec_driver_sql("UPDATE sellers SET standing = 'closed'")
    ended = await order.skip_to_end()

    assert ended.ended_at == order.at(days=181)


async def test_a_large_payment_waits_for_compliance(market: Marketplace) -> None:
    """Nothing ships before a person has looked, and time alone never says ship."""
    order = await market.order(total=50_000_000)
    await order.paid(minutes=1)
    await order.skip(hours=30)
    ship = said.DeclareShipment(seller_of(), order.at(hours=30), "DHLExpress", "1234567891")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(ship)
    accept = said.DecideRisk(COMPLIANCE, order.at(hours=31), said.RiskVerdict.ACCEPT)
    state = await order.ask(accept)

    assert code_of(refused) == "illegal-transition"
    assert "risk_extended" in await market.kinds(order.order)
    assert state.payment is Payment.CAPTURED
    assert (await order.shipped(days=2)).parcels


@pytest.mark.case(7)
async def test_a_risk_check_that_nobody_decides_ends_in_a_refund(market: Marketplace) -> None:
    """Expiry never means ship: at 72 hours the money goes back."""
    order = await market.order(total=50_000_000)
    await order.paid(minutes=1)
    ended = await order.skip_to_end()

    assert ended.outcome is Outcome.REFUSED_BY_RISK
    assert ended.refunded == 50_000_000
    assert ended.paid_at is not None
    assert ended.ended_at == ended.paid_at + timedelta(hours=72)


async def test_a_buyer_may_change_their_mind_before_paying(market: Marketplace) -> None:
    """Cancelled means closed at the provider too."""
    order = await market.order()
    await order.until(lambda state: bool(state.intent))
    cancel = said.CancelOrder(buyer(order.order), order.at(hours=1))
    await order.ask(cancel)
    ended = await order.handle.result()

    assert ended.outcome is Outcome.CANCELLED_BY_BUYER
    assert (await market.gateway.look(ended.intent)).status == "cancelled"


async def test_a_cancellation_that_the_payment_beat_is_refused(market: Marketplace) -> None:
    """The provider's truth decides which came first."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    await market.world.pay(state.intent)
    cancel = said.CancelOrder(buyer(order.order), order.at(hours=1))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(cancel)

    assert code_of(refused) == "illegal-transition"
    assert (await order.state()).payment is Payment.CAPTURED


@pytest.mark.parametrize(
    ("number", "code"),
    [("1234567890", "tracking-number-invalid"), ("drop table", "tracking-number-invalid")],
)
async def test_a_number_that_no_carrier_gave_out_is_refused(
    market: Marketplace, number: str, code: str
) -> None:
    """A wrong digit is told at once, and the right number still works."""
    order = await market.order()
    await order.paid(minutes=1)
    ship = said.DeclareShipment(seller_of(), order.at(days=1), "DHLExpress", number)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await order.ask(ship)

    assert code_of(refused) == code
    assert (await order.shipped(days=1)).parcels


async def test_a_number_that_nobody_would_watch_makes_room_for_another(
    market: Marketplace,
) -> None:
    """The tracker was out while the seller tried one number; the next one must not be refused."""
    order = await market.order()
    await order.paid(minutes=1)
    async with market.engine.begin() as db:
        await db.exec_driver_sql(
            'INSERT INTO parcels (parcel, "order", carrier, number, tracker, milestone,'
            " is_watched, declared_at, looked_at)"
            " VALUES ($1, $2, 'DHLExpress', $2, '', 'declared', true, now(), now())",
            (f"{order.order}/1", order.order),
        )

    assert (await order.shipped(days=1)).parcels


async def test_a_number_serves_one_parcel_only(market: Marketplace) -> None:
    """The same delivery must not release two orders."""
    first, second = await market.order(), await market.order()
    await first.paid(minutes=1)
    await second.paid(minutes=1)
    shipped = await first.shipped(days=1)
    again = said.DeclareShipment(
        seller_of(), second.at(days=1), shipped.parcels[0].carrier, shipped.parcels[0].number
    )
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await second.ask(again)

    assert code_of(refused) == "tracking-number-in-use"


async def test_a_delivery_in_another_country_confirms_nothing(market: Marketplace) -> None:
    """An unverified delivery starts no clock; a person is told."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await market.record_scan(f"{order.order}/1", "delivered", order.at(days=5), country="FR")
    fact = said.ParcelMoved("evt-elsewhere", order.at(days=5), "delivered")
    await order.handle.signal(OrderWorkflow.parcel_moved, fact)
    await order.skip(days=30)

    assert (await order.state()).delivered_at is None
    assert await market.rows("SELECT kind FROM alarms") == [("delivered_elsewhere",)]


async def test_an_order_that_the_policy_cannot_price_is_not_accepted(market: Marketplace) -> None:
    """A currency without figures is refused; nothing was charged, nothing is left open."""
    order = await market.order(currency="XAF")
    ended = await order.handle.result()

    assert ended.outcome is Outcome.NOT_ACCEPTED
    assert ended.intent == ""
    assert await market.kinds(order.order) == ["not_accepted"]


async def test_a_sum_that_nobody_can_be_asked_for_is_not_accepted(market: Marketplace) -> None:
    """The provider never takes so much at once: no operator could ever let it go on."""
    order = await market.order(total=100_000_000)
    ended = await order.handle.result()
    told = await market.rows("SELECT template, audience FROM outbox ORDER BY seq")

    assert (ended.outcome, ended.payment) == (Outcome.NOT_ACCEPTED, Payment.NEVER_PAID)
    assert (ended.clocks, ended.parked) == ((), None)
    assert await market.kinds(order.order) == ["placed", "not_accepted"]
    assert told[-1] == ("order.not_accepted", "buyer")


async def test_only_those_concerned_may_ask(market: Marketplace) -> None:
    """Another buyer, another seller and the wrong role are refused by the same table."""
    order = await market.order()
    await order.paid(minutes=1)
    for who in (seller_of("s-2"), buyer(order.order), SUPPORT):
        ship = said.DeclareShipment(who, order.at(days=1), "DHLExpress", "1234567891")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await order.ask(ship)

        assert code_of(refused) == "not-allowed"
