"""The label of a return: what is bought, what is refused, and who has paid in the end."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from activities.dispute_requests import Act, DisputeStep, Hear, Ring
from activities.requests import LabelStep
from domain.dispute import settling
from domain.dispute.clocks import Due, clock_of
from domain.dispute.rules import Action, Asked
from domain.dispute.state import ClockName, DisputeEvent, DisputeState, Sent, Stage
from domain.errors import AddressMissing, IllegalTransition, LabelUnavailable
from domain.shipment.labels import LabelStatus
from tests.activities.dispute_steps import labelling
from tests.activities.test_labels import at_carriers
from tests.activities.test_returns import balances
from tests.support.shop import Shop, after, attempted

_WORD = text(
    "UPDATE disputes SET terms = terms || jsonb_build_object('return_label', cast(:word AS text))"
    " WHERE dispute = :dispute"
)


async def policy_says(shop: Shop, dispute: str, word: str) -> None:
    async with shop.engine.begin() as db:
        await db.execute(_WORD, {"word": word, "dispute": dispute})


async def bought(shop: Shop, asked: Act) -> DisputeState:
    return await attempted(shop.return_labels.buy, asked, 1)


async def row(shop: Shop, dispute: str) -> tuple[str, str]:
    """Status and bearer of the dispute's newest label."""
    async with shop.engine.connect() as db:
        query = text("SELECT status, bearer FROM labels WHERE key LIKE :key ORDER BY key DESC")
        found = (await db.execute(query, {"key": f"dispute/{dispute}/label/%"})).first()
    assert found is not None
    return found.status, found.bearer


async def test_the_seller_bears_the_way_back_and_the_buyer_has_the_print(shop: Shop) -> None:
    """Goods go from the buyer to the seller; the number is followed before anybody types it."""
    deal, asked = await labelling(shop)
    before = await balances(shop)
    state = await bought(shop, asked)
    found = await balances(shop)
    async with shop.engine.connect() as db:
        parcels = await db.execute(
            text('SELECT parcel, tracker FROM parcels WHERE "order" = :order AND parcel LIKE :own'),
            {"order": deal.order, "own": "dispute/%"},
        )

    assert state.sent is not None
    assert state.sent.url.startswith("https://")
    assert (state.stage, state.label) == (Stage.RETURN_DUE, f"dispute/{state.dispute}/label/1")
    assert await row(shop, state.dispute) == ("bought", "seller")
    assert found["seller_debt"] - before.get("seller_debt", 0) < 0
    assert [one.tracker for one in parcels.all()] == [state.sent.tracker]


async def test_the_platform_may_bear_it_or_buy_none(shop: Shop) -> None:
    """As the policy of the dispute says."""
    _, asked = await labelling(shop)
    await policy_says(shop, asked.state.dispute, "platform")
    state = await bought(shop, asked)
    assert await row(shop, state.dispute) == ("bought", "platform")
    assert "seller_debt" not in await balances(shop)

    _, other = await labelling(shop)
    await policy_says(shop, other.state.dispute, "refused")
    with pytest.raises(IllegalTransition, match="a carrier of your own"):
        await bought(shop, other)


@pytest.mark.case(45)
async def test_goods_that_are_worth_less_than_their_way_back_are_not_carried(shop: Shop) -> None:
    """Nothing is bought; the seller is the one who may do without them."""
    deal, asked = await labelling(shop)
    verdict = asked.state.verdict
    assert verdict is not None
    cheap = replace(asked, state=replace(asked.state, verdict=replace(verdict, amount=500)))
    with pytest.raises(LabelUnavailable, match="no less than what the goods are worth") as no:
        await bought(shop, cheap)

    assert int(no.value.facts["price"]) >= 500
    assert await at_carriers(shop, deal) == []


@pytest.mark.case(45)
async def test_a_bill_in_another_currency_is_compared_by_the_rate_of_the_day(shop: Shop) -> None:
    """A label for dollars, for goods that were paid in euros."""
    await shop.world.change(fx_at=after(days=11).isoformat(), postage_currency="usd")
    deal, asked = await labelling(shop)
    verdict = asked.state.verdict
    assert verdict is not None
    cheap = replace(asked, state=replace(asked.state, verdict=replace(verdict, amount=500)))
    with pytest.raises(LabelUnavailable) as no:
        await bought(shop, cheap)
    state = await bought(shop, asked)

    assert no.value.facts["currency"] == "EUR"
    assert state.label
    assert [kind for kind, _ in await at_carriers(shop, deal)] == ["postage"]


async def test_a_purchase_that_is_declined_lets_another_be_tried(shop: Shop) -> None:
    """The next one has a key of its own; nobody was charged for the first."""
    deal, asked = await labelling(shop)
    await shop.world.fault("error", "POST .*/buy$", key=deal.order, times=1, status=422)
    declined = await bought(shop, asked)
    found = await balances(shop)
    again = await bought(shop, replace(asked, state=declined))

    assert (declined.label, declined.labels) == ("", 1)
    assert "seller_debt" not in found
    assert again.label.endswith("/label/2")


@pytest.mark.case(44)
async def test_without_the_buyer_s_address_no_label_is_bought(shop: Shop) -> None:
    """They were forgotten, or never gave one: they send with a carrier of their own."""
    deal, asked = await labelling(shop)
    async with shop.engine.begin() as db:
        await db.execute(
            text("DELETE FROM particulars WHERE subject = :subject"),
            {"subject": f"order/{deal.order}"},
        )
    with pytest.raises(AddressMissing):
        await bought(shop, asked)


async def test_a_scan_uses_the_label_up(shop: Shop) -> None:
    """From then on it is paid for, and nothing of it is given back."""
    _, asked = await labelling(shop)
    state = await bought(shop, asked)
    hearing = Hear(state, after(days=13), DisputeEvent.RETURN_SCANNED)
    carried = await attempted(shop.disputes.hear, hearing, 1)

    assert (carried.stage, carried.label) == (Stage.RETURN_UNDER_WAY, "")
    assert await row(shop, state.dispute) == ("used", "seller")


async def test_a_label_beside_a_carrier_of_the_buyer_s_own_is_given_back(shop: Shop) -> None:
    """Its cost comes back to the seller once the carrier has judged it."""
    deal, asked = await labelling(shop)
    before = (await balances(shop)).get("seller_debt", 0)
    state = await bought(shop, asked)
    own = Asked(parcel=Sent("DHLExpress", "1234567891"))
    sending = Act(state, after(days=12), Action.SEND_BACK, asked.actor, own)
    sent = await attempted(shop.disputes.act, sending, 1)
    step = DisputeStep(sent, after(days=13))
    given = await attempted(shop.return_labels.give_back, step, 1)
    label = await attempted(shop.labels.void, LabelStep(state.label, after(days=20)), 1)

    assert settling.idle_label(sent) == state.label
    assert (given.label, given.stage) == ("", Stage.RETURN_DECLARED)
    assert label.status is LabelStatus.VOIDED
    assert (await balances(shop)).get("seller_debt", 0) == before
    assert [kind for kind, _ in await at_carriers(shop, deal)] == ["postage", "postage_refund"]


async def test_a_label_that_was_used_after_all_stays_paid(shop: Shop) -> None:
    """The scan came while time ran out: the dispute does not wait for a refund that is none."""
    _, asked = await labelling(shop)
    state = await bought(shop, asked)
    await attempted(shop.labels.used, LabelStep(state.label, after(days=13)), 1)
    clock = clock_of(state, ClockName.RETURN_SHIPMENT)
    assert clock is not None
    ringing = Ring(state, clock.due_at, Due(clock.name, clock.due_at))
    missing = await attempted(shop.disputes.ring, ringing, 1)
    step = DisputeStep(missing, clock.due_at)
    after_all = await attempted(shop.return_labels.give_back, step, 1)

    assert after_all.label == ""
    assert await row(shop, state.dispute) == ("used", "seller")


async def test_a_label_that_the_carrier_does_not_take_back_keeps_nobody_waiting(
    shop: Shop,
) -> None:
    """The daily check of the carriers asks on; the dispute goes on without it."""
    deal, asked = await labelling(shop)
    state = await bought(shop, asked)
    own = Asked(parcel=Sent("DHLExpress", "1234567891"))
    sending = Act(state, after(days=12), Action.SEND_BACK, asked.actor, own)
    sent = await attempted(shop.disputes.act, sending, 1)
    await shop.world.fault("error", "POST .*/refund$", key=deal.order, times=1, status=422)
    given = await attempted(shop.return_labels.give_back, DisputeStep(sent, after(days=13)), 1)

    assert given.label == ""
    assert await row(shop, state.dispute) == ("void_asked", "seller")
