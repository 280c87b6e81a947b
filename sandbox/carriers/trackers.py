"""Trackers and the parcels behind them: what the carriers scanned, as EasyPost tells it."""

import json
from dataclasses import dataclass
from typing import Final

from sandbox.carriers import events
from sandbox.store import Json
from sandbox.world import PLATFORM, Desk, iso, new_id

STATUSES: Final = (
    "unknown",
    "pre_transit",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "available_for_pickup",
    "return_to_sender",
    "failure",
    "cancelled",
    "error",
)
# The more exact words of a status that make a difference to anybody.
DETAILS: Final = ("status_update", "held", "lost", "refused", "return")
_MESSAGES: Final = {
    "pre_transit": "Shipping label created",
    "in_transit": "Arrived at facility",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
    "available_for_pickup": "Ready to be picked up",
    "return_to_sender": "Returned to sender",
    "failure": "Delivery failed",
    "cancelled": "Shipment cancelled",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """What a carrier saw: `at` in UTC seconds, `status` and `detail` in EasyPost's words.

    Some carriers tell no zone: then the same digits are told without one.
    """

    status: str
    at: int
    message: str = ""
    city: str | None = None
    country: str | None = None
    detail: str = "status_update"
    has_zone: bool = True


def scanned(desk: Desk, carrier: str, code: str, scan: Scan, promised: str | None = None) -> Json:
    """Add *scan* to a parcel, which need not have a tracker yet; tell those who track it."""
    parcel = _parcel(desk, carrier, code)
    scans = sorted([*parcel["scans"], _detail(scan, carrier)], key=lambda each: each["datetime"])
    return _changed(desk, parcel | {"scans": scans, "promised": promised or parcel["promised"]})


def withdrawn(desk: Desk, carrier: str, code: str) -> Json | None:
    """Take the last delivered scan back, the carrier's own correction; None if there is none."""
    parcel = _parcel(desk, carrier, code)
    delivered = [scan for scan in parcel["scans"] if scan["status"] == "delivered"]
    if not delivered:
        return None
    kept = [scan for scan in parcel["scans"] if scan is not delivered[-1]]
    return _changed(desk, parcel | {"scans": kept})


def _detail(scan: Scan, carrier: str) -> Json:
    message = scan.message or _MESSAGES.get(scan.status, scan.status)
    return {
        "object": "TrackingDetail",
        "message": message,
        "description": "",
        "status": scan.status,
        "status_detail": scan.detail,
        "datetime": iso(scan.at) if scan.has_zone else iso(scan.at).removesuffix("Z"),
        "source": carrier,
        "carrier_code": "",
        "tracking_location": {
            "object": "TrackingLocation",
            "city": scan.city,
            "state": None,
            "country": scan.country,
            "zip": None,
        },
    }


def _parcel(desk: Desk, carrier: str, code: str) -> Json:
    row = desk.store.row("SELECT * FROM parcels WHERE carrier = ? AND code = ?", carrier, code)
    if row is None:
        return {"carrier": carrier, "code": code, "tracker": None, "scans": [], "promised": None}
    kept = {name: row[name] for name in ("carrier", "code", "tracker", "promised")}
    return kept | {"scans": json.loads(row["scans"])}


def _keep(desk: Desk, parcel: Json) -> None:
    desk.store.run(
        "INSERT OR REPLACE INTO parcels (carrier, code, tracker, scans, promised)"
        " VALUES (?, ?, ?, ?, ?)",
        *(parcel["carrier"], parcel["code"], parcel["tracker"], json.dumps(parcel["scans"])),
        parcel["promised"],
    )


def _changed(desk: Desk, parcel: Json) -> Json:
    _keep(desk, parcel)
    tracker = desk.store.read("Tracker", parcel["tracker"]) if parcel["tracker"] else None
    if tracker is None:
        return parcel
    before = {"status": tracker["status"]}
    tracker |= _seen(parcel) | {"updated_at": iso(desk.at)}
    desk.store.write(tracker, PLATFORM, created=desk.at)
    _tell(desk, "tracker.updated", tracker, before)
    return tracker


def _seen(parcel: Json) -> Json:
    scans = parcel["scans"]
    last = scans[-1] if scans else {"status": "unknown", "status_detail": "unknown"}
    return {
        "status": last["status"],
        "status_detail": last["status_detail"],
        "signed_by": "SANDBOX" if last["status"] == "delivered" else None,
        "est_delivery_date": parcel["promised"],
        "tracking_details": scans,
    }


def create(desk: Desk, code: str, carrier: str | None, shipment: str | None = None) -> Json:
    """The tracker of this code and carrier: a new one, or the one that exists."""
    parcel = _parcel(desk, carrier or _guess(desk, code), code)
    if parcel["tracker"] is not None:
        existing = desk.store.read("Tracker", parcel["tracker"])
        if existing is not None:
            return existing
    tracker = _shape(desk, parcel) | {"shipment_id": shipment}
    _keep(desk, parcel | {"tracker": tracker["id"]})
    desk.store.write(tracker, PLATFORM, created=desk.at)
    _tell(desk, "tracker.created", tracker, {})
    return tracker


def _guess(desk: Desk, code: str) -> str:
    """The carrier that scanned such a code already, as the real one knows codes by their look."""
    row = desk.store.row("SELECT carrier FROM parcels WHERE code = ? LIMIT 1", code)
    return "Unknown" if row is None else str(row["carrier"])


def _shape(desk: Desk, parcel: Json) -> Json:
    tracker_id = new_id("trk", 32).lower()
    shape: Json = {
        "id": tracker_id,
        "object": "Tracker",
        "mode": "test",
        "tracking_code": parcel["code"],
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "weight": None,
        "shipment_id": None,
        "carrier": parcel["carrier"],
        "carrier_detail": None,
        "finalized": False,
        "is_return": False,
        "public_url": f"https://track.easypost.com/{tracker_id}",
        "fees": [],
    }
    return shape | _seen(parcel)


def is_moving(desk: Desk, carrier: str, code: str) -> bool:
    """Whether the carrier has had the parcel in its hands."""
    scans = _parcel(desk, carrier, code)["scans"]
    return any(scan["status"] not in {"unknown", "pre_transit"} for scan in scans)


def _tell(desk: Desk, kind: str, tracker: Json, before: Json) -> None:
    events.tell(desk, kind, tracker, before, {tracker["id"], tracker["tracking_code"]})
