"""Shipments, labels and pickups, through EasyPost's official client."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from easypost.errors.api.invalid_request_error import InvalidRequestError
from easypost.errors.api.not_found_error import NotFoundError
from easypost.errors.api.payment_error import PaymentError
from easypost.errors.general.easypost_error import EasyPostError

from domain.shipment.numbers import check
from tests.support.carriage import PARCEL, buy, create, new_reference
from tests.support.receiver import Receiver
from tests.support.sandbox import Carriers, SandboxProcess, SandboxWorld

WINDOW = {"min_datetime": "2026-11-02T09:00:00Z", "max_datetime": "2026-11-02T17:00:00Z"}


async def charges(world: SandboxWorld, reference: str) -> list[tuple[str, int]]:
    """What the wallet's own book says was charged and given back under a key."""
    lines = (await world.effects(reference.split(":")[1]))["lines"]
    return [(line["type"], line["amount"]) for line in lines]


async def test_rates_cost_nothing(carriers: Carriers, world: SandboxWorld) -> None:
    """A seller looks at prices as often as they like."""
    reference = new_reference()
    first, second = create(carriers, reference), create(carriers, reference)

    assert {(each.carrier, each.service) for each in first.rates} >= {("UPS", "Ground")}
    assert first.id != second.id
    assert await charges(world, reference) == []


async def test_heavier_and_farther_costs_more(carriers: Carriers) -> None:
    """Prices follow the parcel, so that a wrong weight shows."""

    def price(**asked: object) -> float:
        return float(create(carriers, None, **asked).rates[0].rate)

    light = price()

    assert price(parcel=PARCEL | {"weight": 160}) > light
    assert price(to_address={"city": "Bonn", "country": "DE"}) < light


async def test_a_label_is_paid_once(carriers: Carriers, world: SandboxWorld) -> None:
    """What was bought cannot be bought again: a retry finds it."""
    reference = new_reference()
    bought = buy(carriers, reference)
    with pytest.raises(InvalidRequestError) as again:
        carriers.shipment.buy(bought.id, rate={"id": bought.selected_rate.id})
    cost = round(float(bought.selected_rate.rate) * 100)

    assert again.value.code == "SHIPMENT.POSTAGE.EXISTS"
    assert await charges(world, reference) == [("postage", -cost)]
    assert carriers.shipment.retrieve(reference).id == bought.id
    assert bought.postage_label.label_pdf_url.endswith(".pdf")


@pytest.mark.parametrize("carrier", ["UPS", "FedEx", "DHLExpress"])
async def test_a_label_has_a_number_of_its_carrier(carriers: Carriers, carrier: str) -> None:
    """The number is followed like one that a seller declares: its check digit has to be right."""
    bought = buy(carriers, carrier=carrier)

    assert check(carrier, bought.tracking_code) == bought.tracking_code
    assert carriers.tracker.create(tracking_code=bought.tracking_code, carrier=carrier).id == (
        bought.tracker.id
    )


async def test_two_labels_under_one_key_are_told(own_sandbox: SandboxProcess) -> None:
    """The independent witness: whoever pays twice for one parcel is found out."""
    reference = new_reference()
    sources = sorted(buy(own_sandbox.place.easypost(), reference).id for _ in range(2))
    async with SandboxWorld(own_sandbox.place) as world:
        found = (await world.effects())["duplicates"]

    assert found == [{"key": reference, "sources": sources}]


async def test_an_empty_wallet_buys_nothing(carriers: Carriers, world: SandboxWorld) -> None:
    """It is for the operator to fill, and nothing was refused for ever."""
    await world.change(wallet=1)
    reference = new_reference()
    with pytest.raises(PaymentError):
        buy(carriers, reference)
    await world.change(wallet=100_000_000)

    assert await charges(world, reference) == []
    assert float(carriers.user.retrieve_me().balance) > 0


async def test_an_unused_label_comes_back(carriers: Carriers, world: SandboxWorld) -> None:
    """The postage returns in the very currency, once, and the refund is told by webhook."""
    reference = new_reference()
    async with Receiver() as receiver:
        await world.tell(easypost_url=f"{receiver.url}/hook")
        bought = buy(carriers, reference)
        asked = carriers.shipment.refund(bought.id)
        again = carriers.shipment.refund(bought.id)
        told = [json.loads(message.body) for message in await receiver.wait_for(2)]
        await world.change(easypost_webhook_url="")
    cost = round(float(bought.selected_rate.rate) * 100)

    assert (asked.refund_status, again.refund_status) == ("submitted", "refunded")
    assert await charges(world, reference) == [("postage", -cost), ("postage_refund", cost)]
    event = next(one for one in told if one["description"] == "refund.successful")
    assert event["result"]["shipment_id"] == bought.id


async def test_a_used_label_does_not(carriers: Carriers, world: SandboxWorld) -> None:
    """Carriers look whether the parcel has travelled; a rejected refund may be asked again."""
    bought = buy(carriers)
    await world.scan("UPS", bought.tracking_code, "in_transit")
    carriers.shipment.refund(bought.id)
    judged = carriers.shipment.retrieve(bought.id)
    again = carriers.shipment.refund(bought.id)

    assert (judged.refund_status, again.refund_status) == ("rejected", "submitted")
    assert judged.tracker.status == "in_transit"


async def test_a_carrier_may_take_its_time(carriers: Carriers, world: SandboxWorld) -> None:
    """Real refunds take weeks, and some come to nothing."""
    await world.change(auto_voids=False)
    bought = buy(carriers)
    carriers.shipment.refund(bought.id)
    waiting = carriers.shipment.retrieve(bought.id).refund_status
    await world.judge_void(bought.id, is_granted=False)

    assert waiting == "submitted"
    assert carriers.shipment.retrieve(bought.id).refund_status == "rejected"


def scheduled(carriers: Carriers, shipment: str, **asked: object) -> Any:  # noqa: ANN401 - the client has no types
    """A courier who is to come in the window."""
    told: dict[str, object] = {"shipment": {"id": shipment}} | WINDOW | asked
    pickup = carriers.pickup.create(**told)
    rate = pickup.pickup_rates[0]
    return carriers.pickup.buy(pickup.id, carrier=rate.carrier, service=rate.service)


async def test_a_courier_collects(carriers: Carriers, world: SandboxWorld) -> None:
    """What shows that the parcel was taken is the first scan of its number."""
    bought = buy(carriers)
    pickup = scheduled(carriers, bought.id)
    await world.collect(pickup.id, at="2026-11-02T11:00:00Z")
    tracker = carriers.tracker.retrieve(bought.tracker.id)

    assert (pickup.status, bool(pickup.confirmation)) == ("scheduled", True)
    assert tracker.tracking_details[-1].datetime == "2026-11-02T11:00:00Z"


async def test_a_courier_may_find_nobody(carriers: Carriers, world: SandboxWorld) -> None:
    """No webhook tells of it: whoever wants to know has to look."""
    bought = buy(carriers)
    pickup = scheduled(carriers, bought.id)
    await world.miss(pickup.id)
    seen = carriers.pickup.retrieve(pickup.id)

    assert (seen.status, seen.messages[0].type) == ("unknown", "pickup_error")
    assert carriers.tracker.retrieve(bought.tracker.id).tracking_details == []


async def test_a_pickup_is_paid_once_and_may_be_called_off(
    carriers: Carriers, world: SandboxWorld
) -> None:
    """Some carriers come for money."""
    await world.change(pickup_fee=400)
    reference = new_reference()
    bought = buy(carriers, reference)
    pickup = scheduled(carriers, bought.id, reference=f"{reference}:pickup:1")
    with pytest.raises(InvalidRequestError):
        carriers.pickup.buy(pickup.id, carrier="UPS", service=pickup.pickup_rates[0].service)
    called_off = carriers.pickup.cancel(pickup.id)

    assert called_off.status == "canceled"
    assert (await charges(world, reference))[1:] == [("pickup", -400), ("pickup_refund", 400)]


async def test_bought_shipments_are_listed(carriers: Carriers) -> None:
    """Whoever reconciles asks for what was paid, page by page."""
    bought = [buy(carriers).id for _ in range(3)]
    unpaid = create(carriers).id
    first = carriers.shipment.all(purchased=True, page_size=2)
    second = carriers.shipment.get_next_page(first, page_size=2)

    assert [each.id for each in first["shipments"]] == bought[:0:-1]
    assert second["shipments"][0].id == bought[0]
    assert unpaid not in {each.id for page in (first, second) for each in page["shipments"]}


@pytest.mark.parametrize(
    "asked",
    [
        {"parcel": None},
        {"parcel": {"weight": "heavy"}},
        {"to_address": {"city": "nowhere"}},
        {"from_address": None},
    ],
)
async def test_what_cannot_be_carried_is_refused(carriers: Carriers, asked: Any) -> None:  # noqa: ANN401 - whatever is wrong
    """In the provider's envelope, so that the official client raises what the adapter expects."""
    with pytest.raises(InvalidRequestError):
        create(carriers, **asked)


async def test_what_does_not_exist_is_not_found(carriers: Carriers) -> None:
    """Nor can a strange rate be bought, or a label that nobody paid be returned."""
    shipment = create(carriers)
    with pytest.raises(NotFoundError):
        carriers.shipment.retrieve("shp_nothing")
    with pytest.raises(NotFoundError):
        carriers.pickup.retrieve("pickup_nothing")

    calls: list[Callable[[], Any]] = [
        lambda: carriers.shipment.buy(shipment.id, rate={"id": "rate_nothing"}),
        lambda: carriers.shipment.refund(shipment.id),
        lambda: scheduled(carriers, shipment.id),
    ]
    for call in calls:
        with pytest.raises(EasyPostError):
            call()
