"""Two steps want the same money at once: one of them has it, whoever comes first."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from activities.requests import Move as To
from activities.requests import PayoutStep, Record, Ship, Step
from domain.errors import AmountExceeded, KeyReused, PendingRequest, TrackingInUse
from domain.order.money import OrderFunds
from domain.payout.state import Stage
from persistence import idempotency
from tests.activities.money_steps import earned
from tests.support.shop import Deal, Shop, after, attempted, dhl_number

either_first = pytest.mark.parametrize("first", [0, 1])


async def race(
    first: int, one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any]
) -> tuple[Any, Any]:
    """Run both at once, the one of that number with a head start; their answers or refusals."""
    runners = (one, other) if first == 0 else (other, one)
    ahead = asyncio.create_task(runners[0])
    await asyncio.sleep(0.01)
    behind = asyncio.create_task(runners[1])
    answers = await asyncio.gather(ahead, behind, return_exceptions=True)
    return (answers[0], answers[1]) if first == 0 else (answers[1], answers[0])


async def in_protection(shop: Shop) -> Deal:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.shipped()
    await deal.received()
    return deal


async def funds(shop: Shop, deal: Deal) -> OrderFunds:
    async with shop.database.transaction() as tx:
        return await tx.funds.locked(deal.order)


@pytest.mark.case(54)
@either_first
async def test_a_hold_and_a_release_take_the_same_money_once(shop: Shop, first: int) -> None:
    """A dispute that opens as the protection ends: its share is kept, or was the seller's."""
    deal = await in_protection(shop)
    held, released = await race(
        first,
        attempted(shop.escrow.hold, deal.holding("claim-1", 6_000), 1),
        attempted(shop.escrow.release, deal.releasing(), 1),
    )
    found = await funds(shop, deal)

    if isinstance(held, AmountExceeded):
        assert (found.held, found.released, released.released) == (0, 10_000, 10_000)
    else:
        assert (found.held, found.released, released.released) == (6_000, 4_000, 4_000)


@pytest.mark.case(54)
async def test_a_hold_that_was_first_keeps_its_share(shop: Shop) -> None:
    """Only the rest is released; what was held follows when the hold is lifted."""
    deal = await in_protection(shop)
    await deal.held("claim-1", 6_000)
    first = await deal.released()
    assert (first.released, first.held, first.ended_at) == (4_000, 6_000, None)

    await deal.lifted("claim-1")
    last = await deal.released(after(days=21))

    assert (last.released, last.held) == (10_000, 0)
    assert last.ended_at == after(days=21)


@pytest.mark.case(54)
async def test_a_release_that_was_first_leaves_nothing_to_hold(shop: Shop) -> None:
    """The refusal says how much there was, and leaves no hold behind."""
    deal = await in_protection(shop)
    await deal.released()
    with pytest.raises(AmountExceeded) as refused:
        await deal.held("claim-1", 1)

    assert refused.value.facts["available"] == 0
    async with shop.engine.connect() as db:
        assert (await db.execute(text("SELECT count(*) FROM holds"))).scalar_one() == 0


@pytest.mark.case(50)
@either_first
async def test_two_refunds_never_exceed_what_was_captured(shop: Shop, first: int) -> None:
    """Each alone would be right, both together would give away somebody else's money."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    one, other = deal.refunding(7_000), deal.refunding(6_000)
    answers = await race(
        first,
        attempted(shop.refunds.refund, one, 1),
        attempted(shop.refunds.refund, replace(other, number=2), 1),
    )
    refused = [answer for answer in answers if isinstance(answer, AmountExceeded)]
    sent = [answer for answer in answers if not isinstance(answer, Exception)]

    assert len(refused) == len(sent) == 1
    assert (await funds(shop, deal)).refunded == sent[0].refunded
    lines = (await shop.world.effects(deal.order))["lines"]
    assert [line["amount"] for line in lines if line["type"] == "refund"] == [-sent[0].refunded]


async def test_a_number_of_a_refund_means_one_amount(shop: Shop) -> None:
    """Another amount under a key that was used must not undo the refund that used it."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    stale = deal.refunding(1_000)
    await deal.refunded(4_000)
    with pytest.raises(KeyReused):
        await attempted(shop.refunds.refund, stale, 1)

    assert (await funds(shop, deal)).refunded == 4_000


@either_first
async def test_a_refund_and_a_release_share_the_escrow(shop: Shop, first: int) -> None:
    """The buyer has the whole refund, and the seller what is left of the order, either way."""
    deal = await in_protection(shop)
    refunded, released = await race(
        first,
        attempted(shop.refunds.refund, deal.refunding(4_000), 1),
        attempted(shop.escrow.release, deal.releasing(), 1),
    )
    found = await funds(shop, deal)

    assert refunded.refunded == found.refunded == 4_000
    assert released.released == found.released
    assert found.released - found.recovered == 6_000
    assert found.charged == 480
    assert await _payable(shop, deal) == 5_520


@either_first
async def test_two_payouts_of_one_balance_pay_it_once(shop: Shop, first: int) -> None:
    """A cycle started twice under two names must not send the same money to the bank twice."""
    ready = await earned(shop)
    other = shop.payout(ready.seller, after(days=25), "c2")
    one, two = await race(
        first, ready.run(), attempted(shop.payouts.send, PayoutStep(other.state, after(days=30)), 1)
    )

    assert sorted([one.stage, two.stage]) == [Stage.SENT, Stage.WITHHELD]
    assert {one.reason, two.reason} == {"", "below_minimum"}


@either_first
async def test_one_number_is_one_parcel(shop: Shop, first: int) -> None:
    """Two orders that are shipped with one number: at least one of them never left."""
    number = dhl_number()
    deals = [await shop.order(await shop.seller()) for _ in range(2)]
    for deal in deals:
        await deal.paid()
    answers = await race(
        first,
        *(
            attempted(
                shop.shipments.declare, Ship(deal.state, after(days=1), "DHLExpress", number), 1
            )
            for deal in deals
        ),
    )

    assert sum(isinstance(answer, TrackingInUse) for answer in answers) == 1
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1


@pytest.mark.parametrize("step", ["release", "reserve", "silence", "close"])
async def test_a_request_that_came_in_time_goes_first(shop: Shop, step: str) -> None:
    """What somebody asked before a deadline must be heard before the deadline's step is taken."""
    deal, taken = await _before_deadline(shop, step)
    await _ask(shop, deal)
    with pytest.raises(PendingRequest):
        await taken()

    await _answer(shop, deal)
    assert (await taken()).version > deal.state.version


@pytest.mark.case(32)
@pytest.mark.parametrize("step", ["release", "reserve", "silence", "close"])
async def test_a_request_that_is_parked_goes_first_until_somebody_gives_it_up(
    shop: Shop, step: str
) -> None:
    """Who asked in time must not lose by a fault of ours; and no deadline waits unseen for ever."""
    deal, taken = await _before_deadline(shop, step)
    await _ask(shop, deal)
    request = await _parked(shop, deal)
    with pytest.raises(PendingRequest):
        await taken()
    async with shop.engine.begin() as db:
        await db.execute(text("UPDATE alarms SET cleared_at = now() WHERE kind = 'request.parked'"))

    assert (await taken()).version > deal.state.version
    async with shop.engine.connect() as db:
        left = await idempotency.found(db, request)
    assert left is not None
    assert left.state == "parked"


async def test_a_request_that_came_too_late_stops_nothing(shop: Shop) -> None:
    """Received one second after the deadline: the release goes on."""
    deal = await in_protection(shop)
    await _ask(shop, deal, seconds=1)

    assert (await deal.released()).released == 10_000


async def test_a_release_that_was_posted_stands_whatever_is_asked_then(shop: Shop) -> None:
    """Its answer was lost and a request is on record by now: the money has gone all the same."""
    deal = await in_protection(shop)
    step = deal.releasing()
    first = await attempted(shop.escrow.release, step, 1)
    await _ask(shop, deal)

    assert await attempted(shop.escrow.release, step, 2) == first


async def _before_deadline(shop: Shop, step: str) -> tuple[Deal, Any]:
    deal = await shop.order(await shop.seller("early" if step == "reserve" else "standard"))
    if step == "close":
        await deal.asked()
        closing = deal.closing(after(days=20), by_deadline=True)
        return deal, lambda: attempted(shop.payments.close, closing, 1)
    await deal.paid()
    await deal.shipped()
    if step == "reserve":
        await deal.released(after(days=6))
    if step == "silence":
        asked = Record(deal.state, after(days=20), To.BUYER_ASKED, by_deadline=True)
        return deal, lambda: attempted(shop.orders.record, asked, 1)
    await deal.received()
    escrow = shop.escrow
    taken = escrow.release_reserve if step == "reserve" else escrow.release
    return deal, lambda: attempted(taken, Step(deal.state, after(days=20)), 1)


async def _ask(shop: Shop, deal: Deal, seconds: float = 0) -> None:
    """Put a request on record, received so long after the deadline that the tests use."""
    row = (
        "INSERT INTO requests (id, caller, route, object, key, body_hash, command, person, state,"
        " received_at, update_id, due_at, attempts, last_error) VALUES (:object, 'b', 'r', :object,"
        " 'k', '', 'c', '', 'waiting', :at, 'u', :at, 0, '')"
    )
    values = {"object": f"order/{deal.order}", "at": after(days=20, seconds=seconds)}
    async with shop.engine.begin() as db:
        await db.execute(text(row), values)


async def _parked(shop: Shop, deal: Deal) -> str:
    """Give what was asked up, as the desk does; the request's id."""
    request = f"order/{deal.order}"
    async with shop.engine.begin() as db:
        row = await idempotency.found(db, request)
        assert row is not None
        await idempotency.parked(db, row, "Defect")
    return request


async def _answer(shop: Shop, deal: Deal) -> None:
    row = "UPDATE requests SET state = 'answered' WHERE object = :object"
    async with shop.engine.begin() as db:
        await db.execute(text(row), {"object": f"order/{deal.order}"})


async def _payable(shop: Shop, deal: Deal) -> int:
    row = "SELECT -amount FROM balances WHERE kind = 'seller_payable' AND owner = :owner"
    async with shop.engine.connect() as db:
        return int((await db.execute(text(row), {"owner": deal.seller})).scalar_one())


async def test_one_declaration_that_runs_many_times_at_once_is_one_parcel(shop: Shop) -> None:
    """Its own name in the table must not turn a repeat into a defect."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    asked = deal.shipping()
    answers = await asyncio.gather(
        *(attempted(shop.shipments.declare, asked, number) for number in range(1, 9)),
        return_exceptions=True,
    )

    assert [one for one in answers if isinstance(one, BaseException)] == []
    async with shop.engine.connect() as db:
        rows = await db.execute(text("SELECT count(*) FROM parcels"))
        assert rows.scalar_one() == 1
