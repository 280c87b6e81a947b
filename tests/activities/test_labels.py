"""Labels bought online: who pays for them, what is refused, what comes back."""

import pytest
from sqlalchemy import text

from activities.requests import LabelStep
from adapters.errors import Unavailable
from domain.errors import (
    AddressMissing,
    FxRateUnknown,
    IllegalTransition,
    LabelUnavailable,
    NotKnown,
)
from domain.shipment.labels import Label, LabelStatus
from tests.activities.test_returns import balances
from tests.support.shop import Deal, Shop, after, attempted

_BORNE_BY = text(
    "UPDATE orders SET terms = terms || jsonb_build_object('online_cost', cast(:bearer AS text))"
    ' WHERE "order" = :order'
)


async def a_deal(shop: Shop, bearer: str = "seller") -> Deal:
    """A paid order whose terms say who bears its labels."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    await deal.addressed()
    async with shop.engine.begin() as db:
        await db.execute(_BORNE_BY, {"bearer": bearer, "order": deal.order})
    return deal


async def bought(shop: Shop, deal: Deal, number: int = 1) -> Label:
    return await attempted(shop.labels.buy, deal.labelling(number), 1)


async def stepped(shop: Shop, label: Label, **at: float) -> Label:
    """Give the label back, or see how that stands."""
    return await attempted(shop.labels.void, LabelStep(label.key, after(**at)), 1)


async def at_carriers(shop: Shop, deal: Deal) -> list[tuple[str, int]]:
    """What the wallet's own book says."""
    lines = (await shop.world.effects(deal.order))["lines"]
    return [(line["type"], line["amount"]) for line in lines if line["account"] == "easypost"]


async def test_a_seller_bears_what_is_payable_and_owes_the_rest(shop: Shop) -> None:
    """Nobody ships on credit without being told: the debt stands in the books at once."""
    deal = await a_deal(shop)
    label = await bought(shop, deal)
    found = await balances(shop)

    assert label.status is LabelStatus.BOUGHT
    assert found["seller_debt"] == -label.cost
    assert found["provider_clearing"] == label.cost - (10_000 - 320)
    assert "carrier_costs" not in found


async def test_a_seller_with_earnings_pays_from_them(shop: Shop) -> None:
    """What is payable is locked and taken, so that no payout can take it as well."""
    earned = await a_deal(shop)
    await earned.shipped()
    await earned.received()
    await earned.released()
    before = (await balances(shop))["seller_payable"]
    deal = await shop.order(earned.seller)
    await deal.paid()
    await deal.addressed()
    label = await bought(shop, deal)
    found = await balances(shop)

    assert found["seller_payable"] == before - label.cost
    assert "seller_debt" not in found


async def test_the_platform_may_bear_it(shop: Shop) -> None:
    """Then nothing is taken from the seller, and the cost stands where it belongs."""
    deal = await a_deal(shop, "platform")
    label = await bought(shop, deal)
    found = await balances(shop)

    assert found["carrier_costs"] == -label.cost
    assert "seller_debt" not in found


async def test_a_dearer_label_is_not_bought(shop: Shop) -> None:
    """The seller agreed to the price that was shown, not to whatever it is now."""
    deal = await a_deal(shop)
    for asked in (
        deal.labelling(most=100),
        deal.labelling(currency="USD"),
        deal.labelling(service="Rocket"),
    ):
        with pytest.raises(LabelUnavailable):
            await attempted(shop.labels.buy, asked, 1)

    assert await at_carriers(shop, deal) == []
    assert "seller_debt" not in await balances(shop)


async def test_a_parcel_that_no_carrier_takes_is_refused(shop: Shop) -> None:
    """With the carriers' reason, and without an effect."""
    deal = await a_deal(shop)
    with pytest.raises(LabelUnavailable) as refused:
        await attempted(shop.labels.buy, deal.labelling(grams=0), 1)

    assert refused.value.facts["reason"] == "PARCEL.WEIGHT.INVALID"


async def test_without_an_address_nothing_is_asked(shop: Shop) -> None:
    """Nobody guesses where a courier should go."""
    deal = await shop.order(await shop.seller())
    await deal.paid()
    with pytest.raises(AddressMissing):
        await attempted(shop.labels.buy, deal.labelling(), 1)


async def test_a_purchase_that_is_declined_charges_nobody(shop: Shop) -> None:
    """The reservation goes back whole, the refusal stays, and another number may try again."""
    deal = await a_deal(shop)
    await shop.world.fault("error", "POST .*/buy$", key=deal.order, times=1, status=422)
    with pytest.raises(LabelUnavailable):
        await bought(shop, deal)
    with pytest.raises(LabelUnavailable):
        await bought(shop, deal)
    found = await balances(shop)
    second = await bought(shop, deal, 2)

    assert "seller_debt" not in found
    assert second.status is LabelStatus.BOUGHT
    assert await at_carriers(shop, deal) == [("postage", -second.cost)]


async def test_an_empty_wallet_is_waited_for(shop: Shop) -> None:
    """It is for an operator to fill; the seller's step is tried again under the same key."""
    deal = await a_deal(shop)
    await shop.world.change(wallet=1)
    with pytest.raises(Unavailable):
        await bought(shop, deal)
    await shop.world.change(wallet=100_000_000)

    label = await attempted(shop.labels.buy, deal.labelling(), 2)
    assert await at_carriers(shop, deal) == [("postage", -label.cost)]


@pytest.mark.case(14)
@pytest.mark.parametrize("bearer", ["seller", "platform"])
async def test_an_unused_label_is_voided_and_its_cost_comes_back(shop: Shop, bearer: str) -> None:
    """An order that is cancelled after its label was bought costs nobody anything."""
    await shop.world.change(auto_voids=False)
    deal = await a_deal(shop, bearer)
    label = await bought(shop, deal)
    asked = [await stepped(shop, label, days=2) for _ in range(2)]
    await shop.world.judge_void(label.shipment)
    voided = [await stepped(shop, label, days=20) for _ in range(2)]
    found = await balances(shop)

    assert [one.status for one in asked] == [LabelStatus.VOID_ASKED] * 2
    assert [one.status for one in voided] == [LabelStatus.VOIDED] * 2
    assert found["provider_clearing"] == -(10_000 - 320)
    assert not found.keys() & {"seller_debt", "carrier_costs", "seller_payable"}
    assert await at_carriers(shop, deal) == [
        ("postage", -label.cost),
        ("postage_refund", label.cost),
    ]


async def test_money_back_pays_debts_first(shop: Shop) -> None:
    """A debt that a payout has netted meanwhile is not paid twice: the rest is payable."""
    deal = await a_deal(shop)
    label = await bought(shop, deal)
    await deal.shipped()
    await deal.received()
    await deal.released()
    await shop.payout(deal.seller, after(days=25)).sent()
    await stepped(shop, label, days=31)
    await stepped(shop, label, days=31)
    found = await balances(shop)

    assert found["seller_payable"] == label.cost
    assert "seller_debt" not in found


@pytest.mark.case(14)
async def test_a_label_that_was_used_is_not_given_back(shop: Shop) -> None:
    """The carrier has the parcel: it has to come back, its label is spent."""
    deal = await a_deal(shop)
    label = await bought(shop, deal)
    await shop.world.scan("UPS", label.number, "in_transit")
    step = LabelStep(label.key, after(days=2))
    used = [await attempted(shop.labels.used, step, 1) for _ in range(2)]
    with pytest.raises(IllegalTransition):
        await stepped(shop, label, days=3)

    assert [one.status for one in used] == [LabelStatus.USED] * 2
    assert await at_carriers(shop, deal) == [("postage", -label.cost)]


async def test_a_void_that_is_refused_leaves_the_cost_and_may_be_asked_again(shop: Shop) -> None:
    """Carriers that judge too early may change their mind."""
    await shop.world.change(auto_voids=False)
    deal = await a_deal(shop)
    label = await bought(shop, deal)
    await stepped(shop, label, days=2)
    await shop.world.judge_void(label.shipment, is_granted=False)
    refused = await stepped(shop, label, days=9)
    costs = (await balances(shop))["seller_debt"]
    again = await stepped(shop, label, days=10)
    await shop.world.judge_void(label.shipment)

    assert (refused.status, again.status) == (LabelStatus.VOID_REFUSED, LabelStatus.VOID_ASKED)
    assert costs == -label.cost
    assert (await stepped(shop, label, days=20)).status is LabelStatus.VOIDED


async def test_a_label_that_nobody_bought_is_not_known(shop: Shop) -> None:
    """A wrong key is told, not invented."""
    with pytest.raises(NotKnown):
        await attempted(shop.labels.void, LabelStep("order/o-0/label/1", after()), 1)


async def abroad(shop: Shop) -> tuple[Deal, Label]:
    """A label that its carrier bills in dollars, of a seller who is paid in euros."""
    await shop.world.change(postage_currency="USD", fx_at=after(hours=6).isoformat())
    deal = await a_deal(shop)
    label = await attempted(shop.labels.buy, deal.labelling(currency="USD"), 1)
    return deal, label


async def in_each(shop: Shop) -> dict[tuple[str, str], int]:
    """What each kind of account holds, by currency; empty ones are left out."""
    rows = "SELECT kind, currency, -sum(amount) FROM legs GROUP BY 1, 2 HAVING sum(amount) <> 0"
    async with shop.engine.connect() as db:
        return {(row[0], row[1]): int(row[2]) for row in await db.execute(text(rows))}


@pytest.mark.case(9)
async def test_a_seller_owes_a_foreign_carrier_s_bill_in_their_own_currency(shop: Shop) -> None:
    """A debt in a currency that nothing is ever paid in would never be netted."""
    deal, label = await abroad(shop)
    found = await in_each(shop)
    await deal.shipped()
    await deal.received()
    await deal.released()
    sent = await shop.payout(deal.seller, after(days=25)).sent()

    debt = found["seller_debt", "EUR"]
    assert label.currency == "USD"
    assert ("seller_debt", "USD") not in found
    assert found["fx_result", "EUR"] == -debt > 0
    assert found["fx_result", "USD"] == -label.cost
    assert ("carrier_costs", "USD") not in found
    assert sent.netted == -debt


@pytest.mark.case(9)
async def test_what_a_foreign_carrier_gives_back_is_what_the_seller_gave(shop: Shop) -> None:
    """Whatever the rates are by then: nobody earns or loses by a label that was not used."""
    _, label = await abroad(shop)
    await stepped(shop, label, days=2)
    voided = await stepped(shop, label, days=20)
    found = await in_each(shop)

    assert voided.status is LabelStatus.VOIDED
    assert not {kind for kind, _ in found} & {"seller_debt", "seller_payable", "fx_result"}


@pytest.mark.case(9)
async def test_a_foreign_label_that_is_declined_charges_nobody(shop: Shop) -> None:
    """Both entries of the reservation go back."""
    await shop.world.fault("error", "POST .*/buy$", times=1, status=422)
    with pytest.raises(LabelUnavailable):
        await abroad(shop)

    assert not {kind for kind, _ in await in_each(shop)} & {"seller_debt", "fx_result"}


@pytest.mark.case(9)
async def test_without_a_rate_no_foreign_label_is_bought(shop: Shop) -> None:
    """Nobody guesses what it costs the seller; nothing is on record."""
    await shop.world.change(postage_currency="USD")
    deal = await a_deal(shop)
    asked = deal.labelling(currency="USD", at=after(days=4_000))
    with pytest.raises(FxRateUnknown):
        await attempted(shop.labels.buy, asked, 1)

    assert await at_carriers(shop, deal) == []
    async with shop.engine.connect() as db:
        assert (await db.execute(text("SELECT count(*) FROM labels"))).scalar_one() == 0
