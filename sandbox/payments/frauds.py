"""What the card networks and the provider's own rules report: early fraud warnings, reviews."""

from typing import Final

from sandbox.payments import charges
from sandbox.payments.errors import invalid, missing, refused
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import Desk, new_id

_TYPES: Final = (
    *("misc", "card_never_received", "fraudulent_card_application", "made_with_counterfeit_card"),
    *("made_with_lost_card", "made_with_stolen_card", "unauthorized_use_of_card"),
)
_CLOSED: Final = ("approved", "refunded", "refunded_as_fraud", "disputed", "canceled")


def warn(desk: Desk, intent: Json, fraud_type: str = "misc") -> Json:
    """The cardholder's bank reports a paid charge as fraudulent, weeks before a chargeback."""
    if fraud_type not in _TYPES:
        raise invalid(f"fraud_type is one of {', '.join(_TYPES)}", param="fraud_type")
    charge = _paid(desk, intent)
    charge["fraud_details"] = {"stripe_report": "fraudulent"}
    desk.keep(charge)
    warning: Json = {
        "id": new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge["id"],
        "created": desk.at,
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": intent["id"],
    }
    tell(desk, "radar.early_fraud_warning.created", warning)
    return desk.keep(warning)


def open_review(desk: Desk, intent: Json) -> Json:
    """A rule of the provider's puts a paid charge before a person."""
    charge = _paid(desk, intent)
    if intent["review"] is not None:
        raise refused(f"{intent['id']} has been put before a person already.")
    places = ("city", "country", "latitude", "longitude", "region")
    review: Json = {
        "id": new_id("prv"),
        "object": "review",
        "billing_zip": None,
        "charge": charge["id"],
        "closed_reason": None,
        "created": desk.at,
        "ip_address": None,
        "ip_address_location": dict.fromkeys(places),
        "livemode": False,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": intent["id"],
        "reason": "rule",
        "session": dict.fromkeys(("browser", "device", "platform", "version")),
    }
    for thing in (intent, charge):
        thing["review"] = review["id"]
        desk.keep(thing)
    tell(desk, "review.opened", review)
    return desk.keep(review)


def close_review(desk: Desk, intent: Json, reason: str = "approved") -> Json:
    """The review of an intent ends, for *reason*."""
    if reason not in _CLOSED:
        raise invalid(f"reason is one of {', '.join(_CLOSED)}", param="reason")
    if intent["review"] is None:
        raise refused(f"{intent['id']} was never under review.")
    review = load_review(desk, intent["review"])
    if not review["open"]:
        raise refused(f"{review['id']} is closed.")
    review |= {"open": False, "closed_reason": reason, "reason": reason}
    tell(desk, "review.closed", review)
    return desk.keep(review)


def load_review(desk: Desk, review_id: str) -> Json:
    review = desk.store.read("review", review_id, desk.account)
    if review is None:
        raise missing("review", review_id)
    return review


def approve(desk: Desk, params: Params, review_id: str) -> Json:
    del params
    review = load_review(desk, review_id)
    intent = desk.store.read("payment_intent", review["payment_intent"], desk.account)
    return close_review(desk, intent or {})


def _paid(desk: Desk, intent: Json) -> Json:
    if intent["status"] not in {"succeeded", "requires_capture"}:
        raise refused(f"{intent['id']} has no paid charge: it is {intent['status']}.")
    return charges.load(desk, intent["latest_charge"])
