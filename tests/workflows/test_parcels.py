"""Every way a parcel can end gives each side what is theirs, whatever becomes of the others."""

import json
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.order.parcels import ParcelStage
from domain.order.state import Fulfilment, OrderState, Outcome, Payment
from persistence.idempotency import keep_particulars
from tests.support.marketplace import SUPPORT, Marketplace, Placed, buyer, dhl_number, seller_of
from workflows.order import messages as said


async def refused(order: Placed, request: said.Request) -> str:
    """Ask for what is not possible; the code of the refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await order.ask(request)
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause.type or ""


async def on_its_way(market: Marketplace, *lines: int) -> Placed:
    """An order that is paid and wholly shipped in one parcel, and scanned."""
    order = await market.order(lines=lines or [10_000])
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.scanned(days=2)
    return order


async def in_two_parcels(market: Marketplace) -> Placed:
    """EUR 60 and EUR 40, each in a parcel of its own, both scanned."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    await order.shipped("1", days=1)
    await order.shipped("2", days=2)
    await order.scanned("in_transit", "1", days=3)
    await order.scanned("in_transit", "2", days=3)
    return order


async def money(market: Marketplace, order: Placed) -> tuple[int, int]:
    """What the buyer has back and what the seller may be paid, by the ledger."""
    found = await market.balances()
    state = await order.handle.result()
    return state.refunded, found.get("seller_payable/s-1", 0)


async def test_an_order_in_two_parcels_is_received_when_both_are(market: Marketplace) -> None:
    """Silence about the first parcel must not confirm the second, which is still on its way."""
    order = await in_two_parcels(market)
    await order.scanned("delivered", "1", days=5)
    first = await order.state()
    await order.skip(days=20)
    waiting = await order.state()
    await order.scanned("delivered", "2", days=20)
    both = await order.until(lambda state: state.delivered_at is not None)
    ended = await order.skip_to_end()

    assert (first.fulfilment, waiting.fulfilment) == (Fulfilment.IN_TRANSIT, Fulfilment.IN_TRANSIT)
    assert both.fulfilment is Fulfilment.DELIVERED
    assert ended.outcome is Outcome.COMPLETED
    assert await money(market, order) == (0, 9_200)


@pytest.mark.case(17)
async def test_what_is_never_shipped_is_refunded_and_the_rest_goes_on(market: Marketplace) -> None:
    """The seller sent half: the buyer gets the other half back, and the parcel keeps its clocks."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    part = await order.shipped("1", days=1)
    await order.scanned("in_transit", "1", days=2)
    await order.skip(days=8)
    rest = await order.until(lambda state: state.refunded > 0)
    await order.delivered(days=9)
    ended = await order.skip_to_end()

    assert (part.fulfilment, part.unshipped) == (Fulfilment.PARTLY_SHIPPED, ("2",))
    assert (rest.fulfilment, rest.refunded, rest.owed) == (Fulfilment.IN_TRANSIT, 4_000, ())
    assert {clock.parcel for clock in rest.clocks if clock.parcel} == {"1"}
    assert (ended.outcome, ended.payment) == (Outcome.COMPLETED, Payment.PARTLY_REFUNDED)
    assert await money(market, order) == (4_000, 5_520)
    marks = await market.rows("SELECT non_fulfilments FROM sellers WHERE seller = 's-1'")
    assert marks == [(1,)]


async def test_a_line_is_shipped_once(market: Marketplace) -> None:
    """A line in two parcels would be counted twice when one of them is lost."""
    order = await market.order(lines=[6_000, 4_000])
    await order.paid(minutes=1)
    await order.shipped("1", days=1)
    again = said.DeclareShipment(seller_of(), order.at(days=1), "DHLExpress", dhl_number(), ("1",))

    assert await refused(order, again) == "not-found"
    assert (await order.shipped(days=2)).parcels[1].lines == ("2",)


async def test_a_lost_parcel_is_refunded_at_once(market: Marketplace) -> None:
    """The carrier says so itself: nobody has to wait for the promise to pass."""
    order = await on_its_way(market)
    await order.scanned("lost", days=9)
    ended = await order.handle.result()

    assert (ended.outcome, ended.refunded) == (Outcome.LOST, 10_000)
    assert "lost" in await market.kinds(order.order)


async def test_one_of_two_parcels_lost_costs_only_its_own_lines(market: Marketplace) -> None:
    """The buyer keeps what came and has back what did not."""
    order = await in_two_parcels(market)
    await order.scanned("lost", "2", days=9)
    after = await order.until(lambda state: state.refunded > 0)
    await order.scanned("delivered", "1", days=10)
    ended = await order.skip_to_end()

    assert (after.refunded, after.outcome) == (4_000, Outcome.OPEN)
    assert ended.outcome is Outcome.COMPLETED
    assert await money(market, order) == (4_000, 5_520)


async def test_what_comes_back_is_refunded_when_it_is_there(market: Marketplace) -> None:
    """Not before: the seller must not stand without goods and without money."""
    order = await on_its_way(market)
    await order.scanned("returning", days=9)
    under_way = await order.state()
    await order.scanned("returned", days=15)
    ended = await order.handle.result()

    assert (under_way.parcels[0].stage, under_way.refunded) == (ParcelStage.RETURNING, 0)
    assert (ended.outcome, ended.refunded) == (Outcome.RETURNED, 10_000)


async def test_a_return_that_never_arrives_is_refunded_in_time(market: Marketplace) -> None:
    """Thirty days after it turned round, the buyer has waited long enough."""
    order = await on_its_way(market)
    await order.scanned("returning", days=9)
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.refunded) == (Outcome.RETURNED, 10_000)
    assert ended.ended_at == order.at(days=39)


async def test_whoever_refuses_a_parcel_bears_its_carriage(market: Marketplace) -> None:
    """The goods' price goes back; what carriage cost stays the seller's."""
    order = await on_its_way(market)
    await order.scanned("refused", days=9)
    await order.scanned("returned", days=15)
    back = await order.until(lambda state: state.refunded > 0)
    ended = await order.skip_to_end()

    assert (back.refunded, back.fulfilment) == (9_000, Fulfilment.RECEIVED)
    assert (ended.outcome, ended.released) == (Outcome.COMPLETED, 1_000)


@pytest.mark.case(30)
@pytest.mark.parametrize(
    ("ruling", "outcome", "refunded", "marks"),
    [
        (said.CustomsRuling.COUNTERFEIT, Outcome.SEIZED, 10_000, 1),
        (said.CustomsRuling.DUTY_UNPAID, Outcome.COMPLETED, 0, 0),
    ],
)
async def test_customs_end_by_whose_fault_it_is(
    market: Marketplace, ruling: said.CustomsRuling, outcome: Outcome, refunded: int, marks: int
) -> None:
    """The carrier's words are the same for both: a person finds out and rules."""
    order = await on_its_way(market)
    held = await order.scanned("held_at_customs", days=9)
    alarms = await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL")
    ruled = said.RuleOnCustoms(SUPPORT, order.at(days=12), ruling, reason="letter of customs")
    await order.ask(ruled)
    ended = await order.skip_to_end()

    assert held.parcels[0].stage is ParcelStage.AT_CUSTOMS
    assert alarms == [("at_customs",)]
    assert (ended.outcome, ended.refunded) == (outcome, refunded)
    found = await market.rows("SELECT non_fulfilments FROM sellers WHERE seller = 's-1'")
    assert found == [(marks,)]
    assert await market.rows("SELECT kind FROM alarms WHERE cleared_at IS NULL") == []


async def test_nobody_rules_on_what_customs_do_not_hold(market: Marketplace) -> None:
    """A ruling moves money; it needs a parcel at customs."""
    order = await on_its_way(market)
    ruling = said.RuleOnCustoms(SUPPORT, order.at(days=3), said.CustomsRuling.COUNTERFEIT)

    assert await refused(order, ruling) == "illegal-transition"


async def with_address(market: Marketplace, order: Placed, city: str) -> None:
    """Keep the buyer's address as the edge does: sealed."""
    who = f"b-{order.order}"
    words = json.dumps({"country": "DE", "city": city}).encode()
    async with market.engine.begin() as db:
        await keep_particulars(db, f"order/{order.order}", who, await market.vault.seal(who, words))


@pytest.mark.case(22)
@pytest.mark.parametrize(
    ("country", "city", "stage"),
    [
        ("FR", "", ParcelStage.ELSEWHERE),
        ("DE", "BERLIN", ParcelStage.ELSEWHERE),
        ("DE", "KOELN-DEUTZ", ParcelStage.ELSEWHERE),
        ("DE", "MÜNCHEN", ParcelStage.DELIVERED),
        ("DE", "Munchen (Schwabing)", ParcelStage.DELIVERED),
        ("DE", "", ParcelStage.DELIVERED),
    ],
)
async def test_a_delivery_counts_only_where_the_goods_belong(
    market: Marketplace, country: str, city: str, stage: ParcelStage
) -> None:
    """Auto-confirm must not start on a parcel that somebody else has."""
    order = await market.order()
    await with_address(market, order, "München")
    await order.paid(minutes=1)
    await order.shipped(days=1)
    state = await order.scanned("delivered", "1", country, city, days=5)

    assert state.parcels[0].stage is stage
    has_begun = {clock.name for clock in state.clocks} >= {"confirmation"}
    assert has_begun == (stage is ParcelStage.DELIVERED)


@pytest.mark.case(22)
async def test_what_went_elsewhere_is_refunded_unless_somebody_has_it(market: Marketplace) -> None:
    """The promise runs on; at its end the buyer is asked, and silence refunds."""
    order = await on_its_way(market)
    await order.scanned("delivered", "1", "FR", days=5)
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.refunded) == (Outcome.NEVER_RECEIVED, 10_000)


@pytest.mark.case(23)
async def test_a_delivery_that_is_taken_back_starts_the_clock_again(market: Marketplace) -> None:
    """Silence after a delivery that never was must not pay the seller."""
    order = await on_its_way(market)
    await order.delivered(days=9)
    await market.rows_changed(
        "UPDATE scans SET is_withdrawn = true WHERE parcel = :parcel AND milestone = 'delivered'",
        parcel=f"{order.order}/1",
    )
    await order.parcel_news(days=10)
    back = await order.until(lambda state: state.fulfilment is Fulfilment.IN_TRANSIT)
    await order.skip(days=30)
    still = await order.state()
    await order.scanned("delivered", days=31)
    ended = await order.skip_to_end()

    assert {clock.name for clock in back.clocks} == {"delivery"}
    assert still.fulfilment is Fulfilment.IN_TRANSIT
    assert ended.confirmed_at == order.at(days=38)


@pytest.mark.case(18)
async def test_a_scan_older_than_the_order_is_another_order_s(market: Marketplace) -> None:
    """A number that was on its way before the order was placed proves nothing."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await market.record_scan(f"{order.order}/1", "in_transit", order.began - timedelta(days=9))
    await order.scanned("delivered", days=2)
    doubted = await order.until(lambda state: state.parcels[0].stage is ParcelStage.DOUBTED)
    disown = said.DisownShipment(buyer(order.order), order.at(days=3))
    await order.ask(disown)
    ended = await order.handle.result()

    assert doubted.fulfilment is Fulfilment.DECLARED
    assert (ended.outcome, ended.refunded) == (Outcome.FALSE_SHIPMENT, 10_000)


async def test_a_shipment_that_nobody_scans_is_called_off_by_silence(market: Marketplace) -> None:
    """Five business days for the first scan, ten days for a proof; then the buyer has it back."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    ended = await order.skip_to_end()

    assert (ended.outcome, ended.refunded) == (Outcome.FALSE_SHIPMENT, 10_000)
    kinds = await market.kinds(order.order)
    assert kinds.index("shipment_doubted") < kinds.index("shipment_false")
    marks = await market.rows("SELECT non_fulfilments FROM sellers WHERE seller = 's-1'")
    assert marks == [(1,)]


async def test_a_late_scan_clears_the_doubt(market: Marketplace) -> None:
    """A carrier that was slow to scan must not cost an honest seller the order."""
    order = await market.order()
    await order.paid(minutes=1)
    await order.shipped(days=1)
    await order.skip(days=10)
    doubted = await order.state()
    await order.scanned(days=10)
    await order.delivered(days=12)
    ended = await order.skip_to_end()

    assert doubted.parcels[0].stage is ParcelStage.DOUBTED
    assert ended.outcome is Outcome.COMPLETED


async def test_only_a_doubted_shipment_is_called_off(market: Marketplace) -> None:
    """A buyer who has changed their mind cannot call back what is on its way."""
    order = await on_its_way(market)

    disown = said.DisownShipment(buyer(order.order), order.at(days=3))
    assert await refused(order, disown) == "illegal-transition"


@pytest.mark.case(28)
async def test_the_first_scan_is_due_by_the_calendar_of_the_order_s_policy(
    market: Marketplace,
) -> None:
    """A calendar that is published later moves no promise of an order that runs."""
    order = await market.order()
    await order.paid(minutes=1)
    await market.rows_changed(
        "INSERT INTO policies SELECT name, version + 1, document, "
        "(SELECT jsonb_agg(to_char(day, 'YYYY-MM-DD')) FROM "
        "generate_series(now() - interval '9 days', now() + interval '99 days', '1 day') day), "
        "published_by, published_at FROM policies WHERE name = 'standard'"
    )
    declared = await order.shipped(days=1)
    (first_scan,) = (clock for clock in declared.clocks if clock.name == "first_scan")

    assert first_scan.due_at - order.at(days=1) <= timedelta(days=10)


@pytest.mark.case(19)
async def test_a_number_is_put_right_before_the_first_scan_only(market: Marketplace) -> None:
    """Twice, within three days; once a carrier has it, the old number is kept."""
    order = await market.order()
    await order.paid(minutes=1)
    before = await order.shipped(days=1)

    def edit(**after: float) -> said.EditShipment:
        return said.EditShipment(seller_of(), order.at(**after), dhl_number())

    first = edit(days=1, hours=2)
    edited = await order.ask(first)
    assert edited.parcels[0].number == first.number != before.parcels[0].number
    assert await refused(order, edit(days=5)) == "shipment-fixed"
    await order.ask(edit(days=2))
    assert await refused(order, edit(days=2)) == "shipment-fixed"

    other = await market.order()
    await other.paid(minutes=1)
    kept = await other.shipped(days=1)
    await market.record_scan(f"{other.order}/1", "in_transit", other.at(days=1, hours=1))
    late = said.EditShipment(seller_of(), other.at(days=1, hours=2), dhl_number())

    assert await refused(other, late) == "shipment-fixed"
    assert (await other.state()).parcels[0].number == kept.parcels[0].number


@pytest.mark.case(18)
async def test_a_number_is_not_changed_to_another_parcel_s(market: Marketplace) -> None:
    """An edit is no way around the rule that a number belongs to one parcel."""
    first = await on_its_way(market)
    second = await market.order()
    await second.paid(minutes=1)
    await second.shipped(days=1)
    taken = (await first.state()).parcels[0].number
    edit = said.EditShipment(seller_of(), second.at(days=1), taken)

    assert await refused(second, edit) == "tracking-number-in-use"


@pytest.mark.case(25)
async def test_what_arrives_after_its_refund_is_asked_for_not_taken(market: Marketplace) -> None:
    """One parcel was given up and comes after all: the buyer is told, no money moves."""
    order = await in_two_parcels(market)
    await order.scanned("lost", "2", days=9)
    await order.until(lambda state: state.refunded > 0)
    await order.scanned("delivered", "2", days=30)
    after: OrderState = await order.state()

    assert (after.refunded, after.parcels[1].stage) == (4_000, ParcelStage.LOST)
    assert (await market.kinds(order.order)).count("arrived_after_refund") == 1
    letters = await market.rows(
        "SELECT audience FROM outbox WHERE template = 'order.arrived_after_refund'"
    )
    assert letters == [("buyer",)]
