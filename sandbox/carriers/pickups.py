"""Pickups at the door: a window, a rate, and a courier who comes or does not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.carriers import rates, shipments, trackers, wallet
from sandbox.carriers.errors import refused, unknown
from sandbox.carriers.trackers import Scan
from sandbox.carriers.wallet import Bill
from sandbox.store import Json, Page, is_table
from sandbox.world import PLATFORM, Desk, iso, new_id

_SERVICE = "Future-day Pickup"


def create(desk: Desk, asked: Mapping[str, Any]) -> Json:
    """A pickup of one shipment with postage, and what it would cost; nobody comes yet."""
    told = asked.get("shipment")
    shipment = shipments.load(desk, str(told.get("id")) if is_table(told) else str(told))
    if shipment["postage_label"] is None:
        raise refused("PICKUP.SHIPMENT.INVALID", "The shipment has no postage.")
    opens, closes = (_moment(asked, name) for name in ("min_datetime", "max_datetime"))
    if closes <= opens:
        raise refused("PICKUP.WINDOW.INVALID", "max_datetime must be later than min_datetime")
    pickup_id = new_id("pickup", 32).lower()
    carrier = shipment["selected_rate"]["carrier"]
    pickup: Json = {
        "id": pickup_id,
        "object": "Pickup",
        "mode": "test",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "reference": asked.get("reference"),
        "status": "unknown",
        "min_datetime": opens.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "max_datetime": closes.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "is_account_address": bool(asked.get("is_account_address")),
        "instructions": asked.get("instructions"),
        "messages": [],
        "confirmation": None,
        "address": asked.get("address") or shipment["from_address"],
        "shipment": {"id": shipment["id"], "object": "Shipment"},
        "carrier_accounts": [],
        "pickup_rates": [_rate(desk, pickup_id, carrier)],
    }
    return _kept(desk, pickup)


def _moment(asked: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(asked.get(name)))
    except ValueError:
        raise refused("PICKUP.WINDOW.INVALID", f"{name} must be a datetime") from None


def _rate(desk: Desk, pickup: str, carrier: str) -> Json:
    return {
        "id": new_id("pickuprate", 32).lower(),
        "object": "PickupRate",
        "mode": "test",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "service": _SERVICE,
        "carrier": carrier,
        "rate": rates.written(desk.rules.pickup_fee),
        "currency": desk.rules.postage_currency.upper(),
        "pickup_id": pickup,
    }


def load(desk: Desk, name: str) -> Json:
    """A pickup by its id, or by its reference: then the latest that has it."""
    found = desk.store.read("Pickup", name)
    if found is not None:
        return found
    listed, _ = desk.store.find("Pickup", PLATFORM, Page(1), {"reference": name})
    if not listed:
        raise unknown()
    return listed[0]


def buy(desk: Desk, name: str, asked: Mapping[str, Any]) -> Json:
    """Let the courier come."""
    pickup = load(desk, name)
    if pickup["confirmation"] is not None:
        raise refused("PICKUP.ALREADY_SCHEDULED", "The pickup has been scheduled already.")
    wanted = (asked.get("carrier"), asked.get("service"))
    rate = next(
        (each for each in pickup["pickup_rates"] if (each["carrier"], each["service"]) == wanted),
        None,
    )
    if rate is None:
        raise refused("PICKUP.RATE.INVALID", "No such rate of this pickup.")
    wallet.charge(desk, _bill(desk, pickup), "pickup", rates.minor(rate["rate"]))
    return _kept(
        desk, pickup | {"status": "scheduled", "confirmation": new_id("", 10).strip("_").upper()}
    )


def _bill(desk: Desk, pickup: Json) -> Bill:
    owner = shipments.owner(shipments.load(desk, pickup["shipment"]["id"]))
    return Bill(pickup["id"], pickup["reference"], owner, pickup["pickup_rates"][0]["currency"])


def cancel(desk: Desk, name: str) -> Json:
    """The courier need not come; what was paid comes back."""
    pickup = load(desk, name)
    if pickup["status"] != "scheduled":
        raise refused("PICKUP.CANCEL.INVALID", f"The pickup is {pickup['status']}.")
    cost = rates.minor(pickup["pickup_rates"][0]["rate"])
    wallet.give_back(desk, _bill(desk, pickup), "pickup_refund", cost)
    return _kept(desk, pickup | {"status": "canceled"})


def collected(desk: Desk, name: str) -> Json:
    """The courier was there and took the parcel: its tracker shows the first scan."""
    pickup = _open(desk, name)
    shipment = shipments.load(desk, pickup["shipment"]["id"])
    carrier, code = shipment["selected_rate"]["carrier"], shipment["tracking_code"]
    country = shipment["from_address"]["country"]
    trackers.scanned(desk, carrier, code, Scan("in_transit", desk.at, "Pickup scan", None, country))
    return pickup


def missed(desk: Desk, name: str) -> Json:
    """The courier did not get the parcel."""
    pickup = _open(desk, name)
    carrier = pickup["pickup_rates"][0]["carrier"]
    told = {"carrier": carrier, "type": "pickup_error", "message": "Nobody handed the parcel over."}
    return _kept(desk, pickup | {"status": "unknown", "messages": [*pickup["messages"], told]})


def _open(desk: Desk, name: str) -> Json:
    pickup = load(desk, name)
    if pickup["status"] != "scheduled":
        raise refused("PICKUP.NOT_SCHEDULED", f"The pickup is {pickup['status']}.")
    return pickup


def _kept(desk: Desk, pickup: Json) -> Json:
    changed = pickup | {"updated_at": iso(desk.at)}
    desk.store.write(changed, PLATFORM, created=desk.at)
    return changed
