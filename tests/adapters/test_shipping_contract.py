"""The contract of `ShippingProvider`: a label is paid once, and what was asked is found again."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.errors import Rejected, Unavailable
from adapters.logistics.port import (
    Coming,
    Consignment,
    Place,
    Quote,
    Rate,
    ShippingProvider,
    Visit,
    Void,
)
from domain.money import Money
from domain.shipment.labels import Box
from domain.shipment.numbers import check
from tests.support.sandbox import SandboxWorld

DOOR = Place("DE", "Hamburg", "Kaistrasse 4", "20457", "Shop")
BEGINS = datetime(2026, 11, 2, 9, tzinfo=UTC)
ENDS = datetime(2026, 11, 2, 17, tzinfo=UTC)


@pytest.fixture
def asked() -> Consignment:
    """A parcel from Hamburg to Recife under a key of its own."""
    order = f"o-{uuid.uuid4().hex[:12]}"
    return Consignment(
        key=f"order/{order}/label/1",
        order=order,
        sender=DOOR,
        recipient=Place("BR", "Recife", "Rua 7", "50030", "A. Buyer"),
        box=Box(900, 300, 200, 100),
        contents="toys",
        value=Money(10_000, "EUR"),
    )


def by(quote: Quote, carrier: str = "UPS") -> Rate:
    return next(rate for rate in quote.rates if rate.carrier == carrier)


async def paid(world: SandboxWorld, asked: Consignment) -> list[tuple[str, int]]:
    """What the wallet's own book says was charged and given back."""
    found = await world.effects(asked.order)
    assert found["duplicates"] == []
    return [(line["type"], line["amount"]) for line in found["lines"]]


async def test_carriers_say_what_it_costs(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """Looking at prices is free, in exact minor units."""
    quote = await shipping.quote(asked)

    assert quote.key == asked.key
    assert {rate.carrier for rate in quote.rates} >= {"UPS", "DHLExpress"}
    assert all(rate.price.minor > 0 and rate.price.currency == "USD" for rate in quote.rates)
    assert quote.label is None
    assert await paid(world, asked) == []


async def test_a_paid_label_can_be_followed(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """It has its carrier's own number, a tracker, and something to print."""
    quote = await shipping.quote(asked)
    label = await shipping.buy(quote.reference, by(quote).reference)

    assert check("UPS", label.number) == label.number
    assert label.tracker.endswith(f"/{label.number}")
    assert label.url.endswith(".pdf")
    assert label.rate == by(quote)
    assert await paid(world, asked) == [("postage", -label.rate.price.minor)]


async def test_buying_twice_pays_once(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """Never a second paid label: the repeat gets the first one, whatever rate it names."""
    quote = await shipping.quote(asked)
    first = await shipping.buy(quote.reference, by(quote).reference)
    again = await shipping.buy(quote.reference, by(quote, "DHLExpress").reference)

    assert again == first
    assert len(await paid(world, asked)) == 1


async def test_buying_at_once_pays_once(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """A step that was given up for lost may still be running when it is tried again."""
    quote = await shipping.quote(asked)
    both = await asyncio.gather(
        *(shipping.buy(quote.reference, by(quote).reference) for _ in range(4))
    )

    assert len({label.number for label in both}) == 1
    assert len(await paid(world, asked)) == 1


@pytest.mark.case(56)
@pytest.mark.parametrize("fault", ["reset_after_effect", "error_after_effect"])
async def test_a_lost_answer_is_found_again(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment, fault: str
) -> None:
    """The label was paid and nobody told us."""
    quote = await shipping.quote(asked)
    await world.fault(fault, "POST .*/buy$", times=1)
    with pytest.raises(Unavailable):
        await shipping.buy(quote.reference, by(quote).reference)
    label = await shipping.buy(quote.reference, by(quote).reference)
    found = await shipping.find(asked.key)

    assert found is not None
    assert found.label == label
    assert len(await paid(world, asked)) == 1


async def test_what_was_never_asked_is_not_found(
    shipping: ShippingProvider, asked: Consignment
) -> None:
    """Whoever finds nothing may ask."""
    assert await shipping.find(asked.key) is None
    assert await shipping.find_visit(f"{asked.key}/pickup/1") is None


async def test_an_empty_wallet_is_an_outage(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """An operator fills it; the seller's label was not refused."""
    quote = await shipping.quote(asked)
    await world.change(wallet=1)
    with pytest.raises(Unavailable, match="INSUFFICIENT_FUNDS"):
        await shipping.buy(quote.reference, by(quote).reference)
    await world.change(wallet=100_000_000)

    assert (await shipping.buy(quote.reference, by(quote).reference)).number


async def test_what_cannot_be_carried_is_a_final_no_without_an_address(
    shipping: ShippingProvider, asked: Consignment
) -> None:
    """Nor does the reason repeat what is personal."""
    with pytest.raises(Rejected) as refused:
        await shipping.quote(replace(asked, box=Box(0)))
    with pytest.raises(Rejected):
        await shipping.look("shp_nothing")

    assert refused.value.code == "PARCEL.WEIGHT.INVALID"
    assert "Recife" not in str(refused.value)


async def test_an_unused_label_comes_back_once(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """Voiding twice asks once, and the truth is read from the label itself."""
    await world.change(auto_voids=False)
    quote = await shipping.quote(asked)
    label = await shipping.buy(quote.reference, by(quote).reference)
    first, second = [await shipping.void(quote.reference) for _ in range(2)]
    await world.judge_void(quote.reference)
    cost = label.rate.price.minor

    assert (label.void, first, second) == (Void.NOT_ASKED, Void.ASKED, Void.ASKED)
    assert await shipping.void(quote.reference) is Void.GRANTED
    seen = (await shipping.look(quote.reference)).label
    assert seen is not None
    assert seen.void is Void.GRANTED
    assert await paid(world, asked) == [("postage", -cost), ("postage_refund", cost)]


async def test_a_used_label_is_refused_and_may_be_asked_again(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """A carrier that judged too early can be asked once more."""
    quote = await shipping.quote(asked)
    label = await shipping.buy(quote.reference, by(quote).reference)
    await world.scan("UPS", label.number, "in_transit")
    await shipping.void(quote.reference)
    seen = (await shipping.look(quote.reference)).label
    again = await shipping.void(quote.reference)

    assert seen is not None
    assert (seen.void, again) == (Void.REFUSED, Void.ASKED)


async def test_a_courier_is_ordered_once(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """A visit may cost money, and two couriers at one door help nobody."""
    await world.change(pickup_fee=400)
    quote = await shipping.quote(asked)
    await shipping.buy(quote.reference, by(quote).reference)
    key = f"order/{asked.order}/pickup/1"
    plan = await shipping.plan_visit(key, quote.reference, BEGINS, ENDS, DOOR)
    await world.fault("reset_after_effect", "POST .*/pickups/.*/buy$", times=1)
    visits = [await _ordered(shipping, plan.reference) for _ in range(2)]

    assert (plan.coming, plan.price) == (Coming.PLANNED, Money(400, "USD"))
    assert [visit.coming for visit in visits] == [Coming.ORDERED] * 2
    assert visits[0].confirmation == visits[1].confirmation != ""
    assert await shipping.find_visit(key) == visits[0]
    assert (await paid(world, asked))[1:] == [("pickup", -400)]


async def _ordered(shipping: ShippingProvider, reference: str) -> Visit:
    """Order it as a worker does: once more where the answer was lost."""
    try:
        return await shipping.order_visit(reference)
    except Unavailable:
        return await shipping.order_visit(reference)


async def test_a_visit_may_be_missed_or_called_off(
    shipping: ShippingProvider, world: SandboxWorld, asked: Consignment
) -> None:
    """Calling off what is over changes nothing."""
    quote = await shipping.quote(asked)
    await shipping.buy(quote.reference, by(quote).reference)

    async def visit(number: int) -> str:
        key = f"order/{asked.order}/pickup/{number}"
        plan = await shipping.plan_visit(key, quote.reference, BEGINS, ENDS, DOOR)
        return (await shipping.order_visit(plan.reference)).reference

    missed, spared = await visit(1), await visit(2)
    await world.miss(missed)
    called_off = [await shipping.cancel_visit(spared) for _ in range(2)]

    assert (await shipping.look_at_visit(missed)).coming is Coming.MISSED
    assert (await shipping.cancel_visit(missed)).coming is Coming.MISSED
    assert [each.coming for each in called_off] == [Coming.CANCELLED] * 2


async def test_the_providers_books_name_every_paid_label(
    shipping: ShippingProvider, asked: Consignment
) -> None:
    """Reconciliation compares them with ours, by our own keys."""
    quotes = [await shipping.quote(replace(asked, key=f"{asked.key}{n}")) for n in range(3)]
    for quote in quotes[:2]:
        await shipping.buy(quote.reference, by(quote).reference)
    await shipping.void(quotes[0].reference)

    charges = {one.key: one async for one in shipping.charges(None)}

    assert f"{asked.key}2" not in charges
    assert charges[f"{asked.key}0"].is_given_back
    assert charges[f"{asked.key}1"].price == by(quotes[1]).price


async def test_a_provider_that_is_gone_is_an_outage(
    unreachable_shipping: ShippingProvider, asked: Consignment
) -> None:
    """Only outages leave the adapter."""
    with pytest.raises(Unavailable):
        await unreachable_shipping.quote(asked)
    with pytest.raises(Unavailable):
        await unreachable_shipping.buy("shp_1", "rate_1")
