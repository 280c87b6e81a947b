"""Shipments: rates, the label that is bought of one, and its refund."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.carriers import events, rates, trackers, wallet
from sandbox.carriers.errors import refused, unknown
from sandbox.carriers.wallet import Bill
from sandbox.store import Json, Page, is_table
from sandbox.world import PLATFORM, Desk, iso, new_id

_ADDRESS: Final = ("name", "company", "street1", "street2", "city", "state", "zip", "country")
_CONTACT: Final = ("phone", "email")
_PARCEL: Final = ("length", "width", "height", "weight", "predefined_package")
_DEFAULTS: Final[Json] = {"currency": "USD", "payment": {"type": "SENDER"}}
_OPEN_REFUNDS: Final = ("submitted", "refunded")


def create(desk: Desk, asked: Mapping[str, Any]) -> Json:
    """A shipment with its rates. It costs nothing, and the same reference may be used again."""
    to, sender = (_address(desk, asked, name) for name in ("to_address", "from_address"))
    shipment: Json = {
        "id": new_id("shp", 32).lower(),
        "object": "Shipment",
        "mode": "test",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "reference": asked.get("reference"),
        "is_return": bool(asked.get("is_return")),
        "status": "unknown",
        "to_address": to,
        "from_address": sender,
        "return_address": sender,
        "buyer_address": to,
        "parcel": _parcel(desk, asked),
        "customs_info": asked.get("customs_info"),
        "options": {"currency": "USD", "payment": {"type": "SENDER"}}
        | (asked.get("options") or {}),
        "messages": [],
        "tracking_code": None,
        "tracker": None,
        "selected_rate": None,
        "postage_label": None,
        "refund_status": None,
        "insurance": None,
        "scan_form": None,
        "order_id": None,
        "usps_zone": None,
        "batch_id": None,
        "batch_status": None,
        "batch_message": None,
        "fees": [],
        "forms": [],
    }
    shipment["rates"] = rates.quoted(desk, shipment)
    return _kept(desk, shipment)


def _address(desk: Desk, asked: Mapping[str, Any], name: str) -> Json:
    told = asked.get(name)
    if not is_table(told) or not told.get("country"):
        raise refused("ADDRESS.COUNTRY.INVALID", f"{name}: a country is required")
    shape: Json = {
        "id": new_id("adr", 32).lower(),
        "object": "Address",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "mode": "test",
    }
    return shape | {field: told.get(field) for field in (*_ADDRESS, *_CONTACT)}


def _parcel(desk: Desk, asked: Mapping[str, Any]) -> Json:
    told = asked.get("parcel")
    if not is_table(told):
        raise refused("SHIPMENT.INVALID_PARAMS", "Unable to create shipment: parcel is required")
    shape: Json = {
        "id": new_id("prcl", 32).lower(),
        "object": "Parcel",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "mode": "test",
    }
    return shape | {field: told.get(field) for field in _PARCEL}


def load(desk: Desk, name: str) -> Json:
    """A shipment by its id, or by its reference: then the latest that has it."""
    found = desk.store.read("Shipment", name)
    if found is not None:
        return found
    listed, _ = desk.store.find("Shipment", PLATFORM, Page(1), {"reference": name})
    if not listed:
        raise unknown()
    return listed[0]


def shown(desk: Desk, name: str) -> Json:
    """A shipment as its maker sees it, with what its tracker says now."""
    shipment = load(desk, name)
    if shipment["tracker"] is None:
        return _told(shipment)
    now = desk.store.read("Tracker", shipment["tracker"]["id"]) or shipment["tracker"]
    return _told(shipment) | {"tracker": now, "status": now["status"]}


def bought(desk: Desk, page: Page, since: int | None) -> Json:
    """One page of the shipments that have postage, newest first."""
    wide = Page(page.limit, page.after, page.before, {"gte": since} if since is not None else None)
    found, more = desk.store.find("Shipment", PLATFORM, wide, {"is_bought": "1"})
    return {"shipments": [_told(each) for each in found], "has_more": more}


def buy(desk: Desk, name: str, asked: Mapping[str, Any]) -> Json:
    """Pay for one of its rates, once: a label, a number, and a tracker that follows it."""
    shipment = load(desk, name)
    if shipment["postage_label"] is not None:
        raise refused("SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
    told = asked.get("rate")
    wanted = told.get("id") if is_table(told) else None
    rate = next((each for each in shipment["rates"] if each["id"] == wanted), None)
    if rate is None:
        raise refused("RATE.NOT_FOUND", "The rate is not one of this shipment's.")
    cost = rates.minor(rate["rate"])
    wallet.charge(desk, _bill(shipment, rate), "postage", cost)
    code = rates.number(rate["carrier"])
    tracker = trackers.create(desk, code, rate["carrier"], shipment["id"])
    fee = {"object": "Fee", "type": "PostageFee", "amount": f"{cost / 100:.5f}"}
    return _kept(
        desk,
        shipment
        | {
            "selected_rate": rate,
            "tracking_code": code,
            "tracker": tracker,
            "postage_label": _label(desk, shipment["id"]),
            "fees": [fee | {"charged": True, "refunded": False}],
            "is_bought": "1",
        },
    )


def owner(shipment: Json) -> str | None:
    """Whose it is, as its maker had it printed on the label."""
    told = shipment["options"].get("invoice_number")
    return str(told) if told else None


def _bill(shipment: Json, rate: Json) -> Bill:
    return Bill(shipment["id"], shipment["reference"], owner(shipment), rate["currency"])


def _label(desk: Desk, shipment: str) -> Json:
    label_id = new_id("pl", 32).lower()
    url = f"https://easypost-files.example/files/postage_label/{shipment}/{label_id}"
    return {
        "id": label_id,
        "object": "PostageLabel",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "date_advance": 0,
        "integrated_form": "none",
        "label_date": iso(desk.at),
        "label_resolution": 300,
        "label_size": "4x6",
        "label_type": "default",
        "label_file_type": "application/pdf",
        "label_url": f"{url}.pdf",
        "label_pdf_url": f"{url}.pdf",
        "label_zpl_url": None,
        "label_epl2_url": None,
    }


def refund(desk: Desk, name: str) -> Json:
    """Ask for the postage back: submitted now, judged by the carrier afterwards."""
    shipment = load(desk, name)
    if shipment["postage_label"] is None:
        raise refused("SHIPMENT.REFUND.NOT_PURCHASED", "There is no postage to refund.")
    if shipment["refund_status"] in _OPEN_REFUNDS:
        return _told(shipment)
    submitted = _kept(desk, shipment | {"refund_status": "submitted"})
    if desk.rules.auto_voids:
        judged(desk, name, is_granted=not _is_scanned(desk, shipment))
    return submitted


def judged(desk: Desk, name: str, *, is_granted: bool) -> Json:
    """The carrier's word about a refund that was submitted; only a yes is told by webhook."""
    shipment = load(desk, name)
    if shipment["refund_status"] != "submitted":
        raise refused("SHIPMENT.REFUND.NOT_SUBMITTED", "No refund of this shipment is waiting.")
    if not is_granted:
        return _kept(desk, shipment | {"refund_status": "rejected"})
    rate = shipment["selected_rate"]
    wallet.give_back(desk, _bill(shipment, rate), "postage_refund", rates.minor(rate["rate"]))
    fees = [fee | {"refunded": True} for fee in shipment["fees"]]
    done = _kept(desk, shipment | {"refund_status": "refunded", "fees": fees})
    events.tell(
        desk,
        "refund.successful",
        _refund(desk, shipment),
        {"status": "submitted"},
        {shipment["id"], shipment["tracking_code"]},
    )
    return done


def _refund(desk: Desk, shipment: Json) -> Json:
    return {
        "id": new_id("rfnd", 32).lower(),
        "object": "Refund",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "tracking_code": shipment["tracking_code"],
        "confirmation_number": None,
        "status": "refunded",
        "carrier": shipment["selected_rate"]["carrier"],
        "shipment_id": shipment["id"],
    }


def _is_scanned(desk: Desk, shipment: Json) -> bool:
    carrier, code = shipment["selected_rate"]["carrier"], shipment["tracking_code"]
    return trackers.is_moving(desk, carrier, code)


def _kept(desk: Desk, shipment: Json) -> Json:
    changed = shipment | {"updated_at": iso(desk.at)}
    desk.store.write(changed, PLATFORM, created=desk.at)
    return _told(changed)


def _told(shipment: Json) -> Json:
    """As a caller sees it: without the mark that lists are made by."""
    return {name: value for name, value in shipment.items() if name != "is_bought"}
