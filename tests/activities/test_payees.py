"""Who is paid, and from what: details that change or are refused, debts, closed sellers."""

from datetime import datetime

import pytest
from sqlalchemy import text

from activities.requests import CareForPayment, HeedStanding, OpenOrder, PayoutWord
from adapters.errors import Unavailable
from domain.order.facts import clock_of
from domain.order.lines import OrderLine
from domain.order.state import ClockName, OrderState, Outcome
from domain.payout import state as moves
from domain.payout.rules import Standing
from domain.payout.state import Parked, PayoutState, Stage
from runtime.seller_money import Sum, deposit
from tests.activities.test_returns import balances, early
from tests.support.shop import Deal, Out, Shop, after, attempted


async def released(shop: Shop, seller: str, total: int = 20_000) -> Deal:
    """An order whose money the seller has."""
    deal = await shop.order(seller, total)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    return deal


async def cut_off(shop: Shop, out: Out, route: str) -> None:
    """Begin to send; the provider is away when it comes to *route*."""
    await shop.world.fault("error", route, key=out.state.payout, times=1, status=503)
    with pytest.raises(Unavailable):
        await out.sent()
    await shop.world.clear_faults()


async def effects_of(shop: Shop, out: Out) -> list[tuple[str, int]]:
    lines = (await shop.world.effects(out.state.payout))["lines"]
    return [(line["type"], line["amount"]) for line in lines]


async def stands(shop: Shop, seller: str, standing: str) -> None:
    row = "UPDATE sellers SET standing = :standing WHERE seller = :seller"
    async with shop.engine.begin() as db:
        await db.execute(text(row), {"standing": standing, "seller": seller})


async def test_what_was_opened_stays_so_whatever_becomes_of_its_seller(shop: Shop) -> None:
    """The first run of the step was cut off, the seller suspended, and the step taken again."""
    deal = await shop.order(await shop.seller())
    opened, line = deal.state, OrderLine("1", "p-1", "general", 1, 9_000, 1_000)
    first = OrderState(
        deal.order, opened.buyer, deal.seller, opened.currency, opened.total, opened.placed_at
    )
    await stands(shop, deal.seller, "suspended")
    again = await attempted(shop.orders.open, OpenOrder(first, (line,), "DE"), 2)

    told = "SELECT kind FROM timeline WHERE subject = :subject"
    async with shop.engine.connect() as db:
        kinds = (await db.execute(text(told), {"subject": f"order/{deal.order}"})).scalars().all()

    assert again == opened
    assert kinds == ["order.placed"]


@pytest.mark.case(58)
@pytest.mark.parametrize("route", ["POST /v1/transfers$", "POST /v1/payouts$"])
@pytest.mark.parametrize(
    ("change", "reason"), [("account", "bank_details_changed"), ("standing", "suspended")]
)
async def test_a_payee_who_changed_after_the_reservation_is_not_paid(
    shop: Shop, route: str, change: str, reason: str
) -> None:
    """Approved for one account: neither it nor the new one gets what was not sent yet."""
    deal = await released(shop, await shop.seller())
    out = shop.payout(deal.seller, after(days=25))
    await cut_off(shop, out, route)
    if change == "account":
        await shop.renamed(deal.seller)
    else:
        await stands(shop, deal.seller, "suspended")
    held = await out.sent()

    assert (held.stage, held.reason) == (Stage.WITHHELD, reason)
    assert (await balances(shop))["seller_payable"] == 18_400
    assert "fees" not in await balances(shop)
    assert sum(amount for _, amount in await effects_of(shop, out)) == 0


@pytest.mark.case(56, 58)
async def test_what_had_reached_the_bank_stays_sent_whatever_changed_since(shop: Shop) -> None:
    """Its answer was lost, and then the details changed: it was sent, and is not sent again."""
    deal = await released(shop, await shop.seller())
    out = shop.payout(deal.seller, after(days=25))
    name = out.state.payout
    await shop.world.fault("reset_after_effect", "/payouts$", key=name, times=1)
    with pytest.raises(Unavailable):
        await out.sent()
    await shop.world.expire_keys()
    await shop.renamed(deal.seller)
    sent = await out.sent()

    assert (sent.stage, sent.net) == (Stage.SENT, 17_000)
    assert await effects_of(shop, out) == [("transfer", -17_000), ("payout", -17_000)]


@pytest.mark.case(57, 58)
@pytest.mark.parametrize("remedy", ["new details", "an operator's word"])
async def test_a_dead_account_is_not_paid_again_before_somebody_has_looked(
    shop: Shop, remedy: str
) -> None:
    """Every cycle would send it, and each time the fee would be lost."""
    deal = await released(shop, await shop.seller())
    sent = await shop.payout(deal.seller, after(days=25)).sent()
    await shop.world.fail_payout(sent.reference, "account_closed")
    out = Out(shop, sent)
    await out.watched()
    held = await shop.payout(deal.seller, after(days=40), "c2").sent()
    if remedy == "new details":
        await shop.renamed(deal.seller)
    else:
        async with shop.engine.begin() as db:
            await db.execute(text("UPDATE sellers SET refused_account = ''"))
    again = await shop.payout(deal.seller, after(days=50), "c3").sent()

    assert (held.stage, held.reason) == (Stage.WITHHELD, "details_refused")
    assert (again.stage, again.gross) == (Stage.SENT, sent.net)


async def test_a_permanent_no_of_the_provider_asks_the_seller_for_new_details(shop: Shop) -> None:
    """Tried again it would fail again: the seller is written to, and nothing is sent meanwhile."""
    deal = await released(shop, await shop.seller())
    await shop.world.change_account(shop.accounts[deal.seller], transfers="inactive")
    first = await shop.payout(deal.seller, after(days=25)).sent()
    again = await shop.payout(deal.seller, after(days=32), "c2").sent()
    async with shop.engine.connect() as db:
        letters = (await db.execute(text("SELECT template, recipient FROM outbox"))).all()

    assert first.reason == "insufficient_capabilities_for_transfer"
    assert again.reason == "details_refused"
    assert ("payout.details_refused", deal.seller) in [tuple(letter) for letter in letters]


@pytest.mark.case(55)
async def test_a_later_refund_takes_balance_reserve_deposit_and_then_makes_a_debt(
    shop: Shop,
) -> None:
    """The policy's order of recovery, each source to its last cent before the next one."""
    seller = await shop.seller("early")
    deal = await early(shop, seller, 20_000)
    await _deposit(shop, seller, 1_000)
    await shop.payout(seller, after(days=8)).sent(after(days=8))
    await released(shop, seller, 500)
    before = await balances(shop)
    await deal.refunded(20_000, after(days=9))
    found = await balances(shop)

    # 1600 of commission come back; then balance, reserve and deposit are used up.
    assert (before["seller_payable"], before["seller_reserve"]) == (368, 3_772)
    assert {"seller_payable", "seller_reserve", "seller_deposit"}.isdisjoint(found)
    assert found["seller_debt"] == -(20_000 - 1_600 - 368 - 3_772 - 1_000)
    assert await told_of(shop, "order.refund_recovered") == [("seller", "18400", "13260")]


async def told_of(shop: Shop, template: str) -> list[tuple[str, str, str]]:
    """Who was written to about it: of how much, and how much of it is a debt."""
    query = (
        "SELECT audience, facts->>'amount', facts->>'debt' FROM outbox WHERE template = :template"
    )
    async with shop.engine.connect() as db:
        found = await db.execute(text(query), {"template": template})
        return [(row[0], row[1], row[2]) for row in found]


@pytest.mark.case(55)
async def test_a_debt_is_taken_off_the_next_release_before_anything_is_paid(shop: Shop) -> None:
    """Also when the rest is withheld: what is owed does not wait for the minimum."""
    seller = await shop.seller("early")
    deal = await early(shop, seller, 20_000)
    await shop.payout(seller, after(days=8)).sent(after(days=8))
    await deal.refunded(20_000, after(days=9))
    owed = -(await balances(shop))["seller_debt"]
    await released(shop, seller, 10_000)
    held = await shop.payout(seller, after(days=30), "c2").sent()
    part = await balances(shop)
    await released(shop, seller, 30_000)
    paid = await shop.payout(seller, after(days=40), "c3").sent(after(days=40))

    # Of 9200 and of 27600 80 % are payable, the rest is in reserve.
    assert (held.stage, held.reason, held.netted) == (Stage.WITHHELD, "below_minimum", 7_360)
    assert -part["seller_debt"] == owed - 7_360
    assert (paid.stage, paid.netted) == (Stage.SENT, owed - 7_360)
    assert paid.gross == 22_080 - paid.netted
    assert "seller_debt" not in await balances(shop)


@pytest.mark.case(55)
async def test_a_closed_seller_is_paid_after_half_a_year_and_the_reserve_with_it(
    shop: Shop,
) -> None:
    """Closing the store ends no claim: what is left is released late, netted, and paid out."""
    seller = await shop.seller("early")
    deal = await early(shop, seller, 20_000)
    other = await shop.order(seller, 40_000)
    await other.paid()
    await other.shipped()
    await other.received()
    await stands(shop, seller, "closed")
    put_off = await other.released(after(days=100))
    await deal.received(after(days=10))
    kept = await deal.reserve_released(after(days=70))
    first = await shop.payout(seller, after(days=71)).sent(after(days=71))
    late = await other.released(after(days=182))
    await deal.reserve_released(after(days=182))
    second = await shop.payout(seller, after(days=183), "c2").sent(after(days=183))

    assert put_off.released == 0
    assert (put_off_until(kept), kept.reserved) == (after(days=181), 3_680)
    assert (first.stage, first.gross) == (Stage.SENT, 14_720)
    assert late.released == 40_000
    assert late.reserved == 0, "what goes out after half a year needs no reserve"
    assert (second.stage, second.gross) == (Stage.SENT, 40_480)
    assert {"seller_payable", "seller_reserve", "escrow"}.isdisjoint(await balances(shop))


def put_off_until(state: OrderState) -> datetime | None:
    clock = clock_of(state, ClockName.RESERVE)
    return None if clock is None else clock.due_at


@pytest.mark.case(59, 60)
async def test_a_seller_who_is_suspended_and_then_closes_waits_as_one_who_closed(
    shop: Shop,
) -> None:
    """Leaving must not be the quicker way to a reserve than staying."""
    seller = await shop.seller("early")
    deal = await early(shop, seller, 20_000)
    await deal.received(after(days=10))
    await stands(shop, seller, "suspended")
    await heeds(deal, Standing.SUSPENDED, 20)
    await deal.reserve_released(after(days=61))
    await stands(shop, seller, "closed")
    due = await heeds(deal, Standing.CLOSED, 90)
    kept = await deal.reserve_released(after(days=90))
    ended = await deal.reserve_released(after(days=181))

    assert put_off_until(due) == after(days=90)
    assert (put_off_until(kept), kept.reserved) == (after(days=181), 3_680)
    assert (ended.reserved, ended.outcome) == (0, Outcome.COMPLETED)


async def heeds(deal: Deal, standing: Standing, day: int) -> OrderState:
    step = HeedStanding(deal.state, after(days=day), standing)
    return await deal.took(deal.shop.standing.heed_standing, step)


@pytest.mark.case(57)
async def test_news_after_the_watch_reverses_a_payout_once(shop: Shop) -> None:
    """The process has ended; aftercare hears of it, as often as the provider tells it."""
    deal = await released(shop, await shop.seller())
    out = shop.payout(deal.seller, after(days=25))
    sent = await out.sent()
    assert (await out.watched(after(days=60))).stage is Stage.SETTLED
    await shop.world.fail_payout(sent.reference)
    for day in (61, 62):
        await attempted(shop.payouts.care, care(out.state, day), day)

    assert (await balances(shop))["seller_payable"] == sent.net
    held = await shop.payout(deal.seller, after(days=70), "c2").sent()
    assert held.reason == "details_refused"


def care(state: PayoutState, day: int) -> CareForPayment:
    return CareForPayment(state.payout, after(days=day))


def word(state: PayoutState) -> PayoutWord:
    """An operator's word about a payout that has been parked."""
    parked = moves.parked(state, Parked("payout.send", "away", after(days=31)))
    return PayoutWord(parked, after(days=31), "operator:op-1", "case 4711")


@pytest.mark.parametrize("route", ["POST /v1/transfers$", "POST /v1/payouts$"])
async def test_a_voided_payout_gives_everything_back(shop: Shop, route: str) -> None:
    """Safe at either step, for the provider was asked first; and it is not sent afterwards."""
    deal = await released(shop, await shop.seller())
    out = shop.payout(deal.seller, after(days=25))
    begun = out.state
    await cut_off(shop, out, route)
    void = await attempted(shop.payout_operator.void, word(begun), 1)
    out.state = begun
    again = await out.sent()

    assert (void.stage, void.reason) == (Stage.WITHHELD, "voided")
    assert again.stage is Stage.WITHHELD
    assert (await balances(shop))["seller_payable"] == 18_400
    assert sum(amount for _, amount in await effects_of(shop, out)) == 0


@pytest.mark.parametrize("what", ["void", "settle_by_hand"])
async def test_an_operator_is_not_believed_before_the_provider(shop: Shop, what: str) -> None:
    """The bank has it, and only the answer was lost: by hand it would be paid twice."""
    deal = await released(shop, await shop.seller())
    out = shop.payout(deal.seller, after(days=25))
    begun, name = out.state, out.state.payout
    await shop.world.fault("reset_after_effect", "/payouts$", key=name, times=1)
    with pytest.raises(Unavailable):
        await out.sent()
    await shop.world.expire_keys()
    said = await attempted(getattr(shop.payout_operator, what), word(begun), 1)

    assert said.stage is Stage.SENT
    assert await effects_of(shop, out) == [("transfer", -17_000), ("payout", -17_000)]


async def test_a_payout_paid_by_hand_is_settled_on_its_own_account(shop: Shop) -> None:
    """The seller has the money; the comparison with the provider's books leaves it out."""
    deal = await released(shop, await shop.seller())
    out = shop.payout(deal.seller, after(days=25))
    begun = out.state
    await cut_off(shop, out, "POST /v1/transfers$")
    done = await attempted(shop.payout_operator.settle_by_hand, word(begun), 1)
    out.state = done
    watched = await out.watched(after(days=90))
    found = await balances(shop)

    assert (done.stage, done.reference) == (Stage.SETTLED, "by_hand: case 4711")
    assert watched == done
    assert {"seller_payable", "payouts_in_transit"}.isdisjoint(found)
    assert await effects_of(shop, out) == []


async def _deposit(shop: Shop, seller: str, amount: int) -> None:
    async with shop.engine.begin() as db:
        at = after(days=1)
        await deposit(db, Sum(seller, "EUR", amount, f"d-{seller}", "service:s", at))
