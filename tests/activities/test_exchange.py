"""An order in one currency, its seller in another: the rate it keeps, and where the money goes."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.fx import FetchRates, FxActivities
from adapters.errors import Unavailable
from domain.fx.rates import Publication
from domain.order.state import Outcome
from runtime.policies import publish, shipped
from tests.support.sandbox import SandboxWorld
from tests.support.shop import BEGAN, Deal, Shop, after, attempted

FRIDAY = date(2026, 2, 27)  # What is known at BEGAN, a Monday's noon.
pytestmark = pytest.mark.case(9)


@pytest.fixture(autouse=True)
async def rates(world: SandboxWorld) -> AsyncGenerator[None]:
    """The world's rates are those of the evening of BEGAN, and one euro buys 8.20 yuan."""
    await world.change(fx_at=after(hours=6).isoformat())
    await world.quote("2026-02-27", CNY="8.2000", USD="1.1000", JPY="170.00")
    yield
    await world.change(fx_at="", fx_missing="", fx_answer="")


async def abroad(shop: Shop, level: str = "standard", settles_in: str = "CNY") -> Deal:
    return await shop.order(await shop.seller(level, settles_in))


async def balances(shop: Shop) -> dict[str, int]:
    """What stands on each account, credit positive, by kind and currency."""
    query = "SELECT kind, currency, -sum(amount) FROM legs GROUP BY kind, currency"
    async with shop.engine.connect() as db:
        rows = (await db.execute(text(query))).all()
    return {f"{kind} {currency}": int(amount) for kind, currency, amount in rows if amount}


async def under(shop: Shop, **fx: object) -> None:
    """Let the policy say this about foreign exchange from now on."""
    document: dict[str, Any] = next(one for one in shipped() if one["name"] == "standard")
    async with shop.engine.begin() as db:
        await publish(db, document | {"fx": fx}, "op-1", BEGAN)


async def known(shop: Shop, day: date, **quotes: str) -> None:
    async with shop.database.transaction() as tx:
        await tx.rates.publish(Publication(day, quotes))


async def test_the_seller_is_paid_in_their_currency_at_the_rate_of_the_order(shop: Shop) -> None:
    """EUR 100.00 less 8 % at 8.20 are CNY 754.40, whatever the euro has become by then."""
    deal = await abroad(shop)
    await known(shop, date(2026, 3, 20), CNY="9.9999")
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()

    kept = deal.state.exchange
    assert kept is not None
    assert (kept.bought_per_euro, kept.published_on, kept.estimate) == ("8.2000", FRIDAY, 75_440)
    assert await balances(shop) == {
        "provider_clearing EUR": -9_680,
        "provider_fees EUR": -320,
        "commission EUR": 800,
        "fx_result EUR": 9_200,
        "fx_result CNY": -75_440,
        "seller_payable CNY": 75_440,
    }
    assert deal.state.outcome is Outcome.COMPLETED


async def test_a_refund_before_the_release_knows_no_exchange(shop: Shop) -> None:
    """The buyer's money is still the buyer's, in the buyer's currency, to the cent."""
    deal = await abroad(shop)
    await deal.paid()
    await deal.refunded(10_000)

    assert await balances(shop) == {"provider_clearing EUR": 320, "provider_fees EUR": -320}


async def test_a_refund_after_the_release_takes_back_what_was_given(shop: Shop) -> None:
    """The buyer has EUR 100.00 again and the seller nothing more or less; no rate is in between."""
    deal = await abroad(shop, "early")
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    await deal.refunded(3_333, after(days=7))
    await deal.refunded(6_667, after(days=8))

    assert await balances(shop) == {"provider_clearing EUR": 320, "provider_fees EUR": -320}
    assert deal.state.outcome is Outcome.REFUNDED


@pytest.mark.case(55)
async def test_what_was_paid_out_already_becomes_a_debt_in_the_sellers_currency(shop: Shop) -> None:
    """The recovery order holds over currencies: what the seller has spent is owed in yuan."""
    deal = await abroad(shop, "early")
    await shop.world.top_up(10_000_000, "CNY")
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    out = await shop.payout(deal.seller, after(days=8), currency="CNY").sent(after(days=8))
    await deal.refunded(10_000, after(days=9))

    found = await balances(shop)
    assert out.gross == 60_352
    assert found["seller_debt CNY"] == -60_352
    assert "seller_reserve CNY" not in found
    assert "seller_payable CNY" not in found


async def test_early_release_keeps_its_reserve_in_the_sellers_currency(shop: Shop) -> None:
    """A fifth of CNY 754.40 waits, and becomes payable to the last fen."""
    deal = await abroad(shop, "early")
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    at_first = await balances(shop)
    reserved = deal.state.reserved
    await deal.received(after(days=7))
    await deal.reserve_released(after(days=70))

    assert (at_first["seller_payable CNY"], at_first["seller_reserve CNY"]) == (60_352, 15_088)
    assert reserved == 15_088
    assert (await balances(shop))["seller_payable CNY"] == 75_440


async def test_a_payout_is_judged_by_the_figures_of_the_sellers_currency(shop: Shop) -> None:
    """Minimum and fee are tables per currency: CNY 110.00 here, not EUR 14.00."""
    await shop.world.top_up(10_000_000, "CNY")
    deal = await abroad(shop)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    out = await shop.payout(deal.seller, after(days=25), currency="CNY").sent()

    assert (out.gross, out.fee, out.currency) == (75_440, 11_000, "CNY")


async def test_two_foreign_currencies_cross_over_the_euro(shop: Shop) -> None:
    """USD 100.00 less 8 % at 170 / 1.10 are JPY 14,218: yen have no cents, and it rounds down."""
    deal = await shop.order(await shop.seller(settles_in="JPY"), currency="USD")
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()

    assert (await balances(shop))["seller_payable JPY"] == 14_218


async def test_the_margin_is_the_platforms(shop: Shop) -> None:
    """One percent of the exchange stays open with the platform, beside the published rate."""
    await under(shop, margin_bp=100)
    deal = await abroad(shop)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()

    assert (await balances(shop))["seller_payable CNY"] == 74_685


@pytest.mark.parametrize(
    ("fix", "day", "payable"),
    [("captured", date(2026, 3, 3), 82_800), ("released", date(2026, 3, 20), 92_000)],
)
async def test_the_policy_says_whose_moments_rate_counts(
    shop: Shop, fix: str, day: date, payable: int
) -> None:
    """At the capture or at the release: the newest rate that was published by then."""
    await under(shop, fix=fix)
    deal = await abroad(shop)
    placed = deal.state
    await known(shop, date(2026, 3, 3), CNY="9.0000")
    await known(shop, date(2026, 3, 20), CNY="10.0000")
    await deal.asked("pm_card_visa")
    await deal.settled(after(days=2))
    await deal.shipped()
    await deal.received()
    await deal.released(after(days=20))

    assert (placed.settles_in, placed.exchange) == ("CNY", None)
    assert deal.state.exchange is not None
    assert deal.state.exchange.published_on == day
    assert (await balances(shop))["seller_payable CNY"] == payable


async def test_a_release_without_a_usable_rate_waits(shop: Shop) -> None:
    """The publisher was away for weeks: the money stays in escrow, and the step is tried again."""
    await under(shop, fix="released", max_age="4d")
    deal = await abroad(shop)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    with pytest.raises(Unavailable):
        await deal.released(after(days=40))
    waiting = await balances(shop)
    await known(shop, date(2026, 4, 10), CNY="8.5000")
    await deal.released(after(days=40))

    assert waiting["escrow EUR"] == 10_000
    assert (await balances(shop))["seller_payable CNY"] == 78_200


async def test_a_capture_does_not_wait_for_a_rate(shop: Shop) -> None:
    """The money is there, and the buyer must see it; its rate is found when it is needed."""
    await under(shop, fix="captured", max_age="4d")
    deal = await abroad(shop)
    await deal.asked("pm_card_visa")
    paid = await deal.settled(after(days=6))
    await known(shop, date(2026, 3, 6), CNY="8.3000")
    await deal.shipped()
    await deal.received()
    await deal.released()

    assert (paid.captured, paid.exchange) == (10_000, None)
    assert deal.state.exchange is not None
    assert deal.state.exchange.published_on == date(2026, 3, 6)


async def test_what_lacks_is_asked_for_when_an_order_needs_it(shop: Shop) -> None:
    """A new database sells abroad at once: the file of ninety days fills it, once."""
    deal = await abroad(shop)
    async with shop.database.transaction() as tx:
        days = [await tx.rates.knows(FRIDAY), await tx.rates.knows(date(2026, 1, 5))]

    assert deal.state.exchange is not None
    assert days == [True, True]


async def test_what_is_known_is_not_asked_for_again(shop: Shop, world: SandboxWorld) -> None:
    """The ECB is away, and nobody at the checkout notices as long as the rates are fresh."""
    await known(shop, FRIDAY, CNY="8.1000")
    await world.fault("error", "eurofxref", status=503)
    deal = await abroad(shop)

    assert deal.state.exchange is not None
    assert deal.state.exchange.bought_per_euro == "8.1000"


@pytest.mark.parametrize("why", ["outage", "too old", "not quoted", "nonsense"])
async def test_without_a_rate_an_order_is_not_accepted(
    shop: Shop, world: SandboxWorld, why: str
) -> None:
    """Refused with its reason before anything is charged: no rate is made up at a checkout."""
    match why:
        case "outage":
            await world.fault("error", "eurofxref", status=503)
        case "too old":
            await world.change(fx_at="2026-02-20T12:00:00+01:00")
        case "not quoted":
            await world.change(fx_missing="CNY")
        case _:
            await world.change(fx_answer="bomb")
    deal = await abroad(shop)
    async with shop.engine.connect() as db:
        query = "SELECT facts ->> 'reason' FROM timeline WHERE subject = :subject"
        reason = await db.execute(text(query), {"subject": f"order/{deal.order}"})
        owed = (await db.execute(text("SELECT count(*) FROM order_money"))).scalar_one()

    assert deal.state.outcome is Outcome.NOT_ACCEPTED
    assert reason.scalars().all() == ["fx-rate-unknown"]
    assert owed == 0


async def test_a_day_is_learned_once_and_stands(shop: Shop, world: SandboxWorld) -> None:
    """Sellers were promised what was published: another figure later is a person's business."""
    rates = FxActivities(shop.database, shop.rates)
    at = after(hours=6)
    first = await attempted(rates.fetch, FetchRates(at), 1)
    again = await attempted(rates.fetch, FetchRates(at), 1)
    await world.quote("2026-03-02", CNY="7.0000")
    await attempted(rates.fetch, FetchRates(at), 1)
    async with shop.engine.connect() as db:
        raised = await db.execute(text("SELECT kind, subject, facts ->> 'currencies' FROM alarms"))
        kept = await db.execute(
            text("SELECT quote FROM fx_rates WHERE day = '2026-03-02' AND currency = 'CNY'")
        )

    assert first.new > 50
    assert (again.new, again.newest, again.is_late) == (0, "2026-03-02", False)
    assert raised.all() == [("fx_rates_differ", "fx_rates/2026-03-02", "CNY")]
    assert kept.scalar_one() != "7.0000"


async def test_the_newest_day_does_not_wait_for_the_file_of_the_others(
    shop: Shop, world: SandboxWorld
) -> None:
    """The larger file fails for a while: today's orders need today's rate, not last month's."""
    rates = FxActivities(shop.database, shop.rates)
    await world.fault("error", "eurofxref-hist-90d", status=503)
    await world.change(fx_at="2026-02-27T18:00:00+01:00")
    deal = await abroad(shop)
    await world.change(fx_at=after(hours=6).isoformat())
    with pytest.raises(Unavailable):
        await attempted(rates.fetch, FetchRates(after(hours=6)), 1)
    async with shop.database.transaction() as tx:
        is_known = await tx.rates.knows(date(2026, 3, 2))
    await world.clear_faults()
    filled = await attempted(rates.fetch, FetchRates(after(hours=6)), 2)

    assert deal.state.exchange is not None
    assert is_known
    assert filled.new > 50


async def test_a_late_day_raises_an_alarm_and_clears_it(shop: Shop, world: SandboxWorld) -> None:
    """Rates that stop coming end in refused orders a week later: somebody must know before."""
    rates = FxActivities(shop.database, shop.rates)
    await world.change(fx_at="2026-03-02T12:00:00+01:00")
    late = await attempted(rates.fetch, FetchRates(after(hours=10)), 1)
    await world.change(fx_at="2026-03-02T23:00:00+01:00")
    there = await attempted(rates.fetch, FetchRates(after(hours=11)), 1)
    async with shop.engine.connect() as db:
        query = "SELECT kind, facts ->> 'day', cleared_at IS NOT NULL FROM alarms"
        raised = (await db.execute(text(query))).all()

    assert (late.is_late, there.is_late) == (True, False)
    assert raised == [("fx_rates_late", "2026-03-02", True)]


async def test_an_outage_is_late_too_once_it_lasts(shop: Shop, world: SandboxWorld) -> None:
    """Nobody answers at the source: the step fails and is tried again, and the alarm stands."""
    rates = FxActivities(shop.database, shop.rates)
    await world.fault("error", "eurofxref", status=503)
    with pytest.raises(Unavailable):
        await attempted(rates.fetch, FetchRates(after(hours=10)), 1)
    async with shop.engine.connect() as db:
        raised = (await db.execute(text("SELECT kind, cleared_at FROM alarms"))).all()

    assert raised == [("fx_rates_late", None)]


async def test_the_weekend_is_not_late(shop: Shop, world: SandboxWorld) -> None:
    """An alarm each Saturday is an alarm that nobody reads."""
    await world.change(fx_at="2026-03-01T20:00:00+01:00")
    rates = FxActivities(shop.database, shop.rates)
    sunday = datetime(2026, 3, 1, 20, tzinfo=UTC)
    fetched = await attempted(rates.fetch, FetchRates(sunday), 1)

    assert (fetched.newest, fetched.is_late) == ("2026-02-27", False)


async def test_a_seller_who_changes_currency_changes_nothing_that_was_placed(shop: Shop) -> None:
    """An order's terms are fixed when it is placed; so is where its money goes."""
    deal = await abroad(shop)
    async with shop.engine.begin() as db:
        change = text("UPDATE sellers SET settles_in = 'JPY' WHERE seller = :seller")
        await db.execute(change, {"seller": deal.seller})
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()

    assert (await balances(shop))["seller_payable CNY"] == 75_440


async def test_opening_twice_keeps_the_first_rate(shop: Shop) -> None:
    """The answer of the opening was lost, and a new rate was published before it came again."""
    deal = await abroad(shop)
    first = deal.state.exchange
    async with shop.database.transaction() as tx:
        found = (
            await tx.rates.fix(
                deal.order,
                replace(first, bought_per_euro="1.0", fixed_at=BEGAN + timedelta(days=1)),
            )
            if first
            else None
        )

    assert found == first
