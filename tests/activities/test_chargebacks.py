"""What a cardholder's bank takes back: frozen at once, answered once, posted as it decides."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from activities.chargeback_requests import ChargebackStep, Heard
from activities.dispute_requests import DisputeStep, HearBank
from adapters.errors import Unavailable
from domain.chargeback.state import ChargebackState, Stage
from domain.dispute.reasons import Remedy
from domain.dispute.state import Basis, DisputeState, PauseEvent, Verdict
from domain.dispute.state import Stage as Disputed
from domain.errors import AmountExceeded
from tests.activities.chargeback_steps import claimed, opened, received
from tests.activities.dispute_steps import disputing
from tests.activities.test_returns import balances
from tests.support.bundles import bundle
from tests.support.shop import Deal, Shop, after, attempted

DUE = after(days=15)


async def followed(shop: Shop, state: ChargebackState, day: int = 30) -> ChargebackState:
    heard: Heard = await attempted(
        shop.chargebacks.follow, ChargebackStep(state, after(days=day)), 1
    )
    return heard.state


async def decided(
    shop: Shop, state: ChargebackState, verdict: str, kept: int | None = None
) -> ChargebackState:
    await shop.world.decide(state.chargeback, verdict, kept=kept)
    return await followed(shop, state)


async def contested(shop: Shop, state: ChargebackState) -> ChargebackState:
    heard: Heard = await attempted(shop.chargebacks.contest, ChargebackStep(state, DUE), 1)
    return heard.state


async def column(shop: Shop, query: str) -> list[object]:
    async with shop.engine.connect() as db:
        return list((await db.execute(text(query))).scalars())


async def test_what_is_claimed_is_frozen_at_once(shop: Shop) -> None:
    """Neither released nor refunded until the bank has decided."""
    deal = await received(shop)
    state = await opened(shop, deal.state.intent, 4_000)
    found = await balances(shop)

    assert (state.stage, state.amount, state.fee) == (Stage.NEEDS_RESPONSE, 4_000, 1_500)
    assert [(one.held, one.carried) for one in state.slices] == [(4_000, 0)]
    assert (found["escrow"], found["chargebacks_pending"]) == (10_000, -4_000)
    await deal.released()
    assert deal.state.released == 6_000
    with pytest.raises(AmountExceeded):
        await deal.took(shop.refunds.refund, deal.refunding(6_001))


@pytest.mark.case(59)
async def test_a_claim_on_what_the_seller_has_takes_nothing_before_the_verdict(shop: Shop) -> None:
    """The platform stands in for it; lost, it is recovered as a refund would be, to the debt."""
    deal = await received(shop)
    await deal.released()
    out = shop.payout(deal.seller, after(days=25))
    await out.sent()
    state = await opened(shop, deal.state.intent)
    waiting = await balances(shop)
    lost = await decided(shop, state, "lost")
    found = await balances(shop)

    assert [(one.held, one.carried) for one in state.slices] == [(0, 10_000)]
    assert "seller_debt" not in waiting
    assert lost.stage is Stage.LOST
    assert found["seller_debt"] == -9_200
    assert "commission" not in found
    assert "chargebacks_pending" not in found
    with pytest.raises(AmountExceeded):
        await deal.took(shop.refunds.refund, deal.refunding(1))


async def test_a_verdict_for_us_gives_everything_back_but_the_fee(shop: Shop) -> None:
    """The provider keeps its fee whoever is right; the seller is released what was frozen."""
    deal = await received(shop)
    state = await contested(shop, await opened(shop, deal.state.intent))
    won = await decided(shop, state, "won")
    await deal.released(after(days=31))
    found = await balances(shop)

    assert (state.stage, won.stage) == (Stage.UNDER_REVIEW, Stage.WON)
    assert deal.state.released == 10_000
    assert found["provider_fees"] == -320 - 1_500
    assert "chargebacks_pending" not in found


async def test_what_was_refunded_already_is_nobody_s_share(shop: Shop) -> None:
    """The bank claims the whole all the same: no seller pays twice, the platform bears the rest."""
    deal = await received(shop)
    await deal.took(shop.refunds.refund, deal.refunding(4_000, after(days=8)))
    state = await opened(shop, deal.state.intent)
    lost = await decided(shop, state, "lost")
    found = await balances(shop)

    assert [one.amount for one in state.slices] == [6_000]
    assert lost.stage is Stage.LOST
    assert found["platform_loss"] == -4_000
    assert "escrow" not in found


async def test_a_shared_payment_is_claimed_of_every_order(shop: Shop) -> None:
    """Pro rata to what each has left; refunds of any of them leave what is claimed alone."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid()
    state = await opened(shop, bought.state.intent, 5_000)
    first, second = (deal.order for deal in bought.deals)
    with pytest.raises(AmountExceeded):
        await bought.deals[0].took(shop.refunds.refund, bought.deals[0].refunding(4_000))
    won = await decided(shop, state, "won")
    await bought.deals[0].took(shop.refunds.refund, bought.deals[0].refunding(4_000))

    assert {one.order: one.amount for one in state.slices} == {first: 3_000, second: 2_000}
    assert won.stage is Stage.WON
    assert await column(shop, "SELECT charged_back FROM purchases") == [0]


async def test_an_inquiry_takes_nothing_and_may_become_more(shop: Shop) -> None:
    """The share is frozen while the bank asks; answered, asked again, and taken after all."""
    deal = await received(shop)
    state = await opened(shop, deal.state.intent, is_inquiry=True)
    asked = await balances(shop)
    answered = await contested(shop, state)
    await shop.world.decide(state.chargeback, "escalate")
    again = await followed(shop, answered, 20)
    taken = await balances(shop)
    lost = await decided(shop, await contested(shop, again), "lost")

    assert (state.is_inquiry, again.is_inquiry) == (True, False)
    assert "chargebacks_pending" not in asked
    assert (answered.stage, again.stage) == (Stage.UNDER_REVIEW, Stage.NEEDS_RESPONSE)
    assert (taken["chargebacks_pending"], lost.stage) == (-10_000, Stage.LOST)


async def test_an_inquiry_that_rests_leaves_everything_as_it_was(shop: Shop) -> None:
    """Nothing was taken, and nothing stays frozen."""
    deal = await received(shop)
    before = await balances(shop)
    state = await opened(shop, deal.state.intent, is_inquiry=True)
    closed = await decided(shop, await contested(shop, state), "won")

    assert closed.stage is Stage.CLOSED
    assert await balances(shop) == before
    assert await column(shop, "SELECT held FROM order_money") == [0]


async def test_the_bank_is_shown_what_is_on_record(shop: Shop) -> None:
    """Goods, address, number and date by the provider's names for them, and all of it as a PDF."""
    deal = await received(shop)
    await deal.addressed()
    state = await contested(shop, await opened(shop, deal.state.intent))
    stripe = shop.world.place.stripe()
    seen = stripe.v1.disputes.retrieve(state.chargeback)
    file = stripe.v1.files.retrieve(str(seen.evidence.uncategorized_file))

    assert seen.status == "under_review"
    assert seen.evidence.shipping_carrier == "DHLExpress"
    assert seen.evidence.shipping_tracking_number == deal.state.parcels[0].number
    assert "Bonn" in str(seen.evidence.shipping_address)
    assert "1 x p-1" in str(seen.evidence.product_description)
    assert (file.type, file.size > 1_000) == ("pdf", True)


async def test_evidence_is_submitted_once(shop: Shop) -> None:
    """Its answer was lost: the second run finds it with the bank, and adds nothing."""
    deal = await received(shop)
    state = await opened(shop, deal.state.intent)
    await contested(shop, state)
    again = await contested(shop, state)
    seen = shop.world.place.stripe().v1.disputes.retrieve(state.chargeback)

    assert again.stage is Stage.UNDER_REVIEW
    assert seen.evidence_details.submission_count == 1


@pytest.mark.parametrize(
    ("step", "route"),
    [("contest", "POST /v1/files$"), ("concede", "POST /v1/disputes/.*/close$")],
)
async def test_an_outage_while_the_bank_is_answered_loses_nothing(
    shop: Shop, step: str, route: str
) -> None:
    """The provider is away, also after it has done what was asked: the next try finds it."""
    deal = await received(shop)
    state = await opened(shop, deal.state.intent)
    asked = ChargebackStep(state, DUE, "compliance:c-1")
    taken = getattr(shop.chargebacks, step)
    await shop.world.fault("error_after_effect", route, times=1, status=503)
    with pytest.raises(Unavailable):
        await attempted(taken, asked, 1)
    heard: Heard = await attempted(taken, asked, 2)

    assert heard.state.stage is (Stage.UNDER_REVIEW if step == "contest" else Stage.LOST)


async def test_a_claim_on_no_order_of_ours_is_shown_to_a_person(shop: Shop) -> None:
    """A payment that no order has: kept in the books, and the platform's loss if lost."""
    other = await shop.order(await shop.seller())
    await other.asked("pm_card_visa")
    async with shop.engine.begin() as db:
        await db.execute(text("UPDATE order_views SET intent = 'pi_gone'"))
    state = await opened(shop, other.state.intent)
    raised = await column(shop, "SELECT kind FROM alarms WHERE cleared_at IS NULL")
    lost = await decided(shop, state, "lost")
    async with shop.engine.begin() as db:
        await db.execute(
            text("UPDATE order_views SET intent = :intent"), {"intent": other.state.intent}
        )
    await other.settled()
    found = await balances(shop)

    assert (state.payment, state.slices) == ("", ())
    assert raised == ["chargeback_of_no_order"]
    assert (lost.stage, found["platform_loss"]) == (Stage.LOST, -10_000)


async def test_a_claim_that_is_heard_of_late_is_decided_all_the_same(shop: Shop) -> None:
    """The first message arrives after the verdict: frozen and charged in one go."""
    deal = await received(shop)
    state = await claimed(shop, deal.state.intent)
    await shop.world.decide(state.chargeback, "lost")
    heard: Heard = await attempted(shop.chargebacks.open, ChargebackStep(state, after(days=30)), 1)
    lost = await followed(shop, heard.state)

    assert (heard.state.stage, lost.stage) == (Stage.NEEDS_RESPONSE, Stage.LOST)
    assert "escrow" not in await balances(shop)


@pytest.mark.case(48)
async def test_a_wallet_may_leave_the_buyer_a_part_and_give_the_rest_back(shop: Shop) -> None:
    """What comes back is released like any other money of the order."""
    deal = await received(shop)
    state = await opened(shop, deal.state.intent)
    lost = await decided(shop, state, "lost", kept=3_000)
    await deal.released(after(days=31))
    found = await balances(shop)

    assert (lost.stage, lost.lost, lost.is_partly_lost) == (Stage.LOST, 3_000, True)
    assert deal.state.released == 7_000
    assert "chargebacks_pending" not in found
    assert "escrow" not in found


@pytest.mark.case(48)
@pytest.mark.parametrize(("kept", "seller", "platform"), [(2_000, 0, 2_000), (7_000, 3_000, 4_000)])
async def test_what_the_buyer_had_from_us_comes_first(
    shop: Shop, kept: int, seller: int, platform: int
) -> None:
    """Refund and claim are for the same goods: the seller bears the larger of them, once."""
    deal = await received(shop)
    await deal.took(shop.refunds.refund, deal.refunding(4_000, after(days=8)))
    state = await opened(shop, deal.state.intent)
    await decided(shop, state, "lost", kept=kept)
    await deal.released(after(days=31))
    found = await balances(shop)

    assert deal.state.released == 6_000 - seller
    assert found["platform_loss"] == -platform
    assert await column(shop, "SELECT kind FROM alarms WHERE cleared_at IS NULL") == [
        "claim_beyond_payment"
    ]


@pytest.mark.case(48)
async def test_of_a_shared_payment_each_order_bears_its_part_of_what_is_kept(shop: Shop) -> None:
    """To the cent, and what came back may be refunded again."""
    bought = await bundle(shop, 6_000, 4_000)
    await bought.paid()
    state = await opened(shop, bought.state.intent)
    await decided(shop, state, "lost", kept=3_333)

    assert await column(shop, "SELECT charged_back FROM purchases") == [3_333]
    query = "SELECT charged_back FROM order_money ORDER BY charged_back"
    assert await column(shop, query) == [1_333, 2_000]


@pytest.mark.case(48)
async def test_the_wallet_is_told_what_the_buyer_has_had(shop: Shop) -> None:
    """Who decides about the same goods has to know, so that both net to one refund."""
    deal = await received(shop)
    await deal.took(shop.refunds.refund, deal.refunding(4_000, after(days=8)))
    state = await opened(shop, deal.state.intent)
    await contested(shop, state)
    dispute = await asyncio.to_thread(
        shop.world.place.stripe().v1.disputes.retrieve, state.chargeback
    )

    assert state.had_before == 4_000
    assert "EUR 40.00 has gone back" in str(dispute.evidence.uncategorized_text)


@pytest.mark.case(48)
async def test_a_claim_at_a_wallet_is_told_apart_from_a_bank_s(shop: Shop) -> None:
    """Paid at the wallet's own page, and claimed back there."""
    deal = await shop.order(await shop.seller())
    await deal.asked("pm_paypal")
    await shop.world.arrive(deal.state.intent)
    await deal.settled()
    state = await opened(shop, deal.state.intent)

    assert (state.source, state.amount) == ("paypal", 10_000)


async def disputed_in_part(shop: Shop) -> tuple[Deal, DisputeState]:
    """A claim of the whole of which the buyer keeps most, and a dispute that goes on."""
    deal = await received(shop)
    dispute = await attempted(shop.disputes.open, disputing(deal), 1)
    state = await opened(shop, deal.state.intent)
    await decided(shop, state, "lost", kept=7_000)
    news = HearBank(dispute, DUE, PauseEvent.CHARGEBACK_OPENED, state.chargeback)
    paused = await attempted(shop.disputes.hear_bank, news, 1)
    after_all = HearBank(paused, DUE, PauseEvent.CHARGEBACK_PARTLY, state.chargeback, 2_000)
    return deal, await attempted(shop.disputes.hear_bank, after_all, 1)


@pytest.mark.case(48)
@pytest.mark.parametrize("chargeback", ["", "du_later"])
async def test_every_hold_of_a_dispute_ends_with_it(shop: Shop, chargeback: str) -> None:
    """Also what was held for it again, and whichever bank it has waited for since."""
    deal, dispute = await disputed_in_part(shop)
    standing = await column(shop, "SELECT amount FROM holds WHERE lifted_at IS NULL")
    verdict = Verdict(Basis.AGREEMENT, Remedy.REFUND, 4_000, 1)
    settling = replace(
        dispute,
        stage=Disputed.SETTLING,
        verdict=verdict,
        chargeback=chargeback or dispute.chargeback,
    )
    settled = await attempted(shop.dispute_money.settle, DisputeStep(settling, after(days=20)), 1)

    assert standing == [3_000]
    assert settled.awarded == 2_000
    assert await column(shop, "SELECT amount FROM holds WHERE lifted_at IS NULL") == []
    assert await column(shop, "SELECT held FROM order_money") == [0]
    assert deal.order


@pytest.mark.case(48, 53)
@pytest.mark.parametrize(("ruled", "back"), [(3_500, 500), (2_500, 1_500), (0, 2_000)])
async def test_an_appeal_counts_what_the_wallet_has_given(
    shop: Shop, ruled: int, back: int
) -> None:
    """The seller has paid both, and gets back what is theirs: never what the wallet gave."""
    _, dispute = await disputed_in_part(shop)
    verdict = Verdict(Basis.RULING, Remedy.REFUND, 4_000, 1)
    settling = replace(dispute, stage=Disputed.SETTLING, verdict=verdict)
    first = await attempted(shop.dispute_money.settle, DisputeStep(settling, after(days=20)), 1)
    appeal = replace(verdict, basis=Basis.APPEAL, amount=ruled)
    again = replace(first, stage=Disputed.SETTLING, verdict=appeal)
    before = (await balances(shop)).get("platform_loss", 0)
    await attempted(shop.dispute_money.settle, DisputeStep(again, after(days=25)), 1)

    assert (first.awarded, first.netted) == (2_000, 2_000)
    assert (await balances(shop)).get("platform_loss", 0) == before - back


@pytest.mark.case(47)
async def test_a_dispute_that_was_settled_before_it_heard_is_told_of_the_verdict(
    shop: Shop,
) -> None:
    """Its lines are nobody's dispute any more; it waits for the bank all the same."""
    deal = await received(shop)
    dispute = await attempted(shop.disputes.open, disputing(deal), 1)
    claim = await opened(shop, deal.state.intent)
    verdict = Verdict(Basis.RULING, Remedy.REFUND, 0, 1)
    settling = replace(dispute, stage=Disputed.SETTLING, verdict=verdict)
    closed = await attempted(shop.dispute_money.settle, DisputeStep(settling, DUE), 1)
    news = HearBank(closed, DUE, PauseEvent.CHARGEBACK_OPENED, claim.chargeback)
    await attempted(shop.disputes.hear_bank, news, 1)
    await shop.world.decide(claim.chargeback, "won")
    heard: Heard = await attempted(
        shop.chargebacks.follow, ChargebackStep(claim, after(days=30)), 1
    )

    assert closed.stage is Disputed.APPEALABLE
    assert (heard.disputes, heard.netted) == ((dispute.dispute,), (0,))
