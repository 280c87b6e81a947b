"""Money that comes back, and money that comes late: reversing entries, and nothing is lost."""

import pytest
from sqlalchemy import text

from activities.requests import Step
from adapters.errors import Unavailable
from domain.order import rules
from domain.order.state import Outcome, Payment
from domain.payout.state import Stage
from tests.support.shop import CARD, SLIP, Deal, Shop, after, attempted


async def balances(shop: Shop) -> dict[str, int]:
    """What each account holds for its owner, by the kind of account."""
    async with shop.engine.connect() as db:
        query = text("SELECT kind, -sum(amount) FROM legs GROUP BY kind")
        found = await db.execute(query)
        return {kind: int(amount) for kind, amount in found.all() if amount}


async def early(shop: Shop, seller: str, total: int = 10_000) -> Deal:
    """An order whose money went out early, a fifth of it into reserve."""
    deal = await shop.order(seller, total)
    await deal.paid()
    await deal.shipped()
    await deal.released(after(days=6))
    return deal


@pytest.mark.case(57)
async def test_a_returned_payout_is_payable_again_without_its_fee(shop: Shop) -> None:
    """The bank has sent it back days after "paid": reversing entries, never an edit."""
    deal = await shop.order(await shop.seller(), 20_000)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    out = shop.payout(deal.seller, after(days=25))
    sent = await out.sent()
    before = await _entries(shop)
    await shop.world.fail_payout(sent.reference, "account_closed")
    back = await out.watched()

    assert (back.stage, back.reason) == (Stage.RETURNED, "account_closed")
    found = await balances(shop)
    assert (found["seller_payable"], found["fees"]) == (sent.net, sent.fee)
    assert (await _entries(shop))[: len(before)] == before
    await shop.renamed(deal.seller)
    again = await shop.payout(deal.seller, after(days=40), "c2").sent(after(days=45))
    assert (again.stage, again.gross) == (Stage.SENT, sent.net)


@pytest.mark.case(57)
async def test_a_payout_that_comes_back_after_its_watch_is_reversed(shop: Shop) -> None:
    """The process has ended; the news finds the payout all the same."""
    deal = await shop.order(await shop.seller(), 20_000)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    out = shop.payout(deal.seller, after(days=25))
    sent = await out.sent()
    assert (await out.watched(after(days=60))).stage is Stage.SETTLED
    await shop.world.fail_payout(sent.reference)

    assert (await out.watched(after(days=61))).stage is Stage.RETURNED
    assert (await balances(shop))["seller_payable"] == sent.net


@pytest.mark.parametrize("closed", ["transfers", "payouts"])
async def test_a_payout_that_is_refused_stays_refused(shop: Shop, closed: str) -> None:
    """Everything was given back; a repeat must not send it after all, although it could now."""
    deal = await shop.order(await shop.seller(), 20_000)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    account = shop.accounts[deal.seller]
    changed: dict[str, bool | str] = (
        {"transfers": "inactive"} if closed == "transfers" else {"payouts_enabled": False}
    )
    await shop.world.change_account(account, **changed)
    out = shop.payout(deal.seller, after(days=25))
    first = await out.sent()
    await shop.world.change_account(account, transfers="active", payouts_enabled=True)
    await shop.world.expire_keys()
    again = await shop.payout(deal.seller, after(days=25)).sent()

    assert first.stage is again.stage is Stage.WITHHELD
    assert (await balances(shop))["seller_payable"] == 18_400


@pytest.mark.case(4)
async def test_money_that_arrives_after_the_order_closed_goes_back(shop: Shop) -> None:
    """Kept apart from every order, and back with the buyer, once, however often it is told."""
    deal = await _paid_too_late(shop)
    for _ in range(2):
        assert await deal.cared_for() == "late_payment_refunded"

    lines = (await shop.world.effects(deal.order))["lines"]
    assert sorted(line["amount"] for line in lines) == [-10_000, 10_000]
    assert {"unapplied_receipts", "refunds_in_transit", "escrow"}.isdisjoint(await balances(shop))


@pytest.mark.case(4)
async def test_late_money_whose_refund_comes_back_is_kept_apart(shop: Shop) -> None:
    """The buyer's account is gone: the money is theirs, and a person finds another way."""
    deal = await _paid_too_late(shop)
    await deal.cared_for()
    lines = (await shop.world.effects(deal.order))["lines"]
    (refund,) = [line["source"] for line in lines if line["type"] == "refund"]
    await shop.world.fail_refund(refund)
    for _ in range(2):
        await deal.cared_for(after(days=35))

    assert (await balances(shop))["unapplied_receipts"] == 10_000
    assert await _alarms(shop) == ["refund_came_back"]


@pytest.mark.case(1)
async def test_a_capture_that_is_told_twice_is_posted_once(shop: Shop) -> None:
    """Two events, late and out of order, tell of one payment: the process lags behind."""
    deal = await shop.order(await shop.seller())
    await deal.asked(CARD)
    asked = deal.state
    await deal.settled()
    for attempt in (1, 2):
        await attempted(shop.payments.settle, Step(asked, after(hours=3)), attempt)

    assert (await balances(shop))["escrow"] == 10_000


@pytest.mark.case(3)
async def test_the_provider_s_truth_is_posted_whatever_the_news_was(shop: Shop) -> None:
    """News of a capture before there is one changes nothing; later news of anything finds it."""
    deal = await shop.order(await shop.seller())
    await deal.asked()
    assert (await deal.settled()).payment is Payment.AWAITING
    await shop.world.pay(deal.state.intent)

    assert (await deal.settled()).payment is Payment.CAPTURED


@pytest.mark.case(4)
async def test_a_payment_that_is_there_at_the_deadline_is_no_late_one(shop: Shop) -> None:
    """Its news has not come, and the provider's truth decides: the order is paid."""
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent)

    assert (await deal.closed()).payment is Payment.CAPTURED


async def test_a_refund_that_had_left_before_it_failed_is_returned(shop: Shop) -> None:
    """Our answer was lost; when the step is repeated the buyer's bank has sent it back."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    asked = deal.refunding(4_000)
    await attempted(shop.refunds.refund, asked, 1)
    await shop.world.fail_refund(await deal.at_refund())
    await deal.took(shop.refunds.refund, asked, 2)

    assert deal.state.parked is not None
    assert (await balances(shop))["escrow"] == 10_000


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_refund_s_end_is_told_again_when_the_answer_was_lost(
    shop: Shop,
    is_done: bool,  # noqa: FBT001 - pytest names it
) -> None:
    """The process must hear how it ended, or it waits for it for ever."""
    await shop.world.change(auto_refunds=False)
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.refunded(4_000)
    reference = await deal.at_refund()
    await (shop.world.succeed_refund if is_done else shop.world.fail_refund)(reference)
    step = Step(deal.state, after(days=9))
    await attempted(shop.refunds.follow, step, 1)
    told = await deal.took(shop.refunds.follow, step, 2)

    assert told.open_refunds == ()
    assert (told.refunded, told.parked is None) == ((4_000, True) if is_done else (0, False))


async def test_refunds_in_parts_return_the_whole_commission(shop: Shop) -> None:
    """Pro rata means that the last part brings back the last cent of it."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    for amount in (3_333, 3_333, 3_334):
        await deal.refunded(amount)

    found = await balances(shop)
    assert {"commission", "seller_payable", "seller_debt", "escrow"}.isdisjoint(found)


async def test_a_refund_leaves_what_is_held_in_escrow(shop: Shop) -> None:
    """A hold keeps its share also from a refund for another reason."""
    deal = await shop.order(await shop.seller("early"))
    await deal.paid()
    await deal.shipped()
    await deal.held("claim-1", 2_000)
    await deal.released(after(days=6))
    await deal.refunded(8_000)

    assert (await balances(shop))["escrow"] == 2_000


async def test_a_reserve_that_a_refund_has_used_is_not_released(shop: Shop) -> None:
    """A seller's reserve stands for all their orders: the refund of one uses that of another."""
    seller = await shop.seller("early")
    one, other = await early(shop, seller), await early(shop, seller)
    await shop.payout(seller, after(days=8)).sent(after(days=8))
    await one.refunded(10_000, after(days=9))
    used = await balances(shop)
    await other.received(after(days=10))
    await other.reserve_released()

    assert "seller_reserve" not in used
    assert "seller_payable" not in await balances(shop)
    assert other.state.ended_at is not None


async def test_an_order_refunded_after_its_early_release_can_end(shop: Shop) -> None:
    """Nobody waits for the goods any more, so nothing else would let its reserve go."""
    deal = await early(shop, await shop.seller("early"))
    await deal.refunded(10_000, after(days=9))
    due = rules.next_due(deal.state)
    assert due is not None
    await deal.reserve_released(due.at)

    assert deal.state.outcome is Outcome.REFUNDED
    assert deal.state.ended_at == after(days=9)


@pytest.mark.case(56)
async def test_a_payout_that_timed_out_is_looked_for_before_it_is_tried_again(shop: Shop) -> None:
    """The transfer took place and the provider forgot the key: the retry finds it by our name."""
    deal = await shop.order(await shop.seller(), 20_000)
    await deal.paid()
    await deal.shipped()
    await deal.received()
    await deal.released()
    out = shop.payout(deal.seller, after(days=25))
    whose = f"payout/{out.state.payout}"
    await shop.world.fault("reset_after_effect", "/transfers$", key=whose, times=1)
    await shop.world.fault("reset_after_effect", "/payouts$", key=whose, times=1)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await out.sent()
        await shop.world.expire_keys()
    sent = await out.sent()

    lines = (await shop.world.effects(sent.payout))["lines"]
    assert [(line["type"], line["amount"]) for line in lines] == [
        ("transfer", -sent.net),
        ("payout", -sent.net),
    ]


async def _paid_too_late(shop: Shop) -> Deal:
    deal = await shop.order(await shop.seller())
    await deal.asked()
    await shop.world.pay(deal.state.intent, SLIP)
    assert (await deal.closed()).outcome is Outcome.NEVER_PAID
    await shop.world.arrive(deal.state.intent)
    return deal


async def _entries(shop: Shop) -> list[tuple[object, ...]]:
    query = "SELECT key, amount, legs.kind FROM postings JOIN legs ON posting = postings.id"
    async with shop.engine.connect() as db:
        found = await db.exec_driver_sql(f"{query} ORDER BY legs.id")
        return [tuple(row) for row in found.all()]


async def _alarms(shop: Shop) -> list[str]:
    async with shop.engine.connect() as db:
        return list((await db.exec_driver_sql("SELECT kind FROM alarms")).scalars())
