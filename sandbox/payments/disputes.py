"""Chargebacks: the cardholder's bank takes a charge back, evidence is heard, a verdict given."""

from typing import Final

from sandbox.payments import balance, charges
from sandbox.payments.errors import invalid, missing, refused
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json, is_table
from sandbox.world import Desk, new_id

# In minor units of any currency; the provider's own table has one per country.
FEE: Final = 1_500
_DAY: Final = 24 * 3600
_ANSWERED_WITHIN: Final = 7 * _DAY
_REASONS: Final = (
    *("bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated"),
    *("debit_not_authorized", "duplicate", "fraudulent", "general", "incorrect_account_details"),
    *("insufficient_funds", "noncompliant", "product_not_received", "product_unacceptable"),
    *("subscription_canceled", "unrecognized"),
)
_TEXTS: Final = (
    *("access_activity_log", "billing_address", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_email_address", "customer_name", "customer_purchase_ip"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description"),
    *("refund_policy_disclosure", "refund_refusal_explanation", "service_date"),
    *("shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number"),
    "uncategorized_text",
)
_FILES: Final = (
    *("cancellation_policy", "customer_communication", "customer_signature", "receipt"),
    *("duplicate_charge_documentation", "refund_policy", "service_documentation"),
    *("shipping_documentation", "uncategorized_file"),
)
_TEXT_AT_MOST: Final = 20_000
_OPEN: Final = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}


def load(desk: Desk, dispute_id: str) -> Json:
    dispute = desk.store.read("dispute", dispute_id, desk.account)
    if dispute is None:
        raise missing("dispute", dispute_id)
    return dispute


def open_(
    desk: Desk, intent: Json, reason: str, amount: int | None = None, *, is_inquiry: bool = False
) -> Json:
    """The bank takes a charge, or a part of it, back; an inquiry only asks."""
    if reason not in _REASONS:
        raise invalid(f"reason is one of {', '.join(_REASONS)}", param="reason")
    if intent["status"] != "succeeded":
        raise refused(f"{intent['id']} has no paid charge: it is {intent['status']}.")
    charge = charges.load(desk, intent["latest_charge"])
    if charge["disputed"]:
        raise refused(f"{charge['id']} is disputed already.")
    charge["disputed"] = True
    desk.keep(charge)
    dispute: Json = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount or charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": desk.at,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys((*_TEXTS, *_FILES)),
        "evidence_details": {
            "due_by": desk.at + _ANSWERED_WITHIN,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent["id"],
        "payment_method_details": _heard_at(charge),
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }
    desk.keep(dispute)
    tell(desk, "charge.dispute.created", dispute)
    return dispute if is_inquiry else _withdrawn(desk, dispute)


def _heard_at(charge: Json) -> Json:
    """Who hears the claim: the card's network, or the wallet."""
    kind: str = charge["payment_method_details"]["type"]
    if kind == "paypal":
        return {"type": kind, kind: {"case_id": new_id("PP-R"), "reason_code": None}}
    about: Json = charge["payment_method_details"].get("card") or {}
    case: Json = {"brand": about.get("brand"), "case_type": "chargeback"}
    return {"type": "card", "card": case | {"network_reason_code": None}}


def escalate(desk: Desk, dispute: Json) -> Json:
    """The inquiry has not satisfied the bank: the money is taken after all."""
    if not dispute["status"].startswith("warning"):
        raise refused(f"{dispute['id']} is no inquiry.")
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    desk.keep(dispute)
    tell(desk, "charge.dispute.updated", dispute)
    return _withdrawn(desk, dispute)


def _withdrawn(desk: Desk, dispute: Json) -> Json:
    _enter(desk, dispute, -dispute["amount"], FEE, "dispute")
    desk.keep(dispute)
    tell(desk, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _enter(desk: Desk, dispute: Json, amount: int, fee: int, category: str) -> None:
    entry = balance.enter(desk, "adjustment", dispute, amount, fee)
    entry["reporting_category"] = category
    desk.keep(entry)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], entry]


def update(desk: Desk, params: Params, dispute_id: str) -> Json:
    """Stage evidence, or submit it: after that nothing can be added."""
    dispute = load(desk, dispute_id)
    told = params.values.get("evidence")
    said: Json = told if is_table(told) else {}
    unknown = sorted(set(said) - {*_TEXTS, *_FILES})
    if unknown:
        raise invalid(f"Received unknown parameter: evidence[{unknown[0]}]", param="evidence")
    if said and dispute["status"] not in _OPEN:
        raise refused("This dispute's evidence can no longer be changed.")
    for name in said:
        if name in _FILES and desk.store.read("file", said[name], desk.account) is None:
            raise missing("file upload", said[name], f"evidence[{name}]", 400)
    dispute["evidence"] |= said
    if sum(len(text) for name, text in dispute["evidence"].items() if text and name in _TEXTS) > (
        _TEXT_AT_MOST * len(_TEXTS)
    ):
        raise invalid("The evidence is too long.", param="evidence")
    dispute["metadata"] = params.metadata(dispute["metadata"])
    details = dispute["evidence_details"]
    details["has_evidence"] = any(dispute["evidence"].values())
    if params.flag("submit") and dispute["status"] in _OPEN:
        details["submission_count"] += 1
        dispute["status"] = _OPEN[dispute["status"]]
    tell(desk, "charge.dispute.updated", dispute)
    return desk.keep(dispute)


def close(desk: Desk, params: Params, dispute_id: str) -> Json:
    """Give in: the dispute is lost, and that is final."""
    del params
    dispute = load(desk, dispute_id)
    if dispute["status"] not in {"needs_response", "warning_needs_response"}:
        raise refused("This dispute is already closed.")
    return decide(desk, dispute, "lost")


def decide(desk: Desk, dispute: Json, verdict: str, kept: int | None = None) -> Json:
    """The bank's verdict: `won` brings the money back without the fee, `lost` leaves it gone.

    Where the buyer has *kept* only a part of it, as wallets decide, the rest comes back.
    """
    if dispute["status"] in {"won", "lost", "warning_closed"}:
        raise refused(f"{dispute['id']} is {dispute['status']}.")
    if dispute["status"].startswith("warning"):
        verdict = "warning_closed"
    if verdict not in {"won", "lost", "warning_closed"}:
        raise invalid("a verdict is won or lost", param="verdict")
    lost = dispute["amount"] if kept is None else kept
    if not 0 < lost <= dispute["amount"]:
        raise invalid("the buyer keeps a part of what was claimed", param="amount")
    back = {"won": dispute["amount"], "lost": dispute["amount"] - lost}.get(verdict, 0)
    before = dispute["status"]
    dispute["status"] = verdict
    if back:
        _enter(desk, dispute, back, 0, "dispute_reversal")
    desk.keep(dispute)
    tell(desk, "charge.dispute.closed", dispute, before={"status": before})
    if back:
        tell(desk, "charge.dispute.funds_reinstated", dispute)
    return dispute


def upload(desk: Desk, params: Params) -> Json:
    """Take a file in; what it says is not kept, only that it came whole and what it is."""
    content = params.values.get("file")
    if not isinstance(content, bytes) or not content:
        raise invalid("Missing required param: file.", param="file", code="parameter_missing")
    if params.required("purpose") != "dispute_evidence":
        raise invalid("Invalid purpose.", param="purpose")
    kinds = {b"%PDF": "pdf", b"\x89PNG": "png", b"\xff\xd8\xff\xe0": "jpg"}
    kind = kinds.get(content[:4])
    if kind is None:
        raise invalid("The file is not a PDF, PNG or JPEG.", param="file")
    return desk.keep(
        {
            "id": new_id("file"),
            "object": "file",
            "created": desk.at,
            "expires_at": None,
            "filename": params.optional("filename") or "file",
            "links": None,
            "purpose": "dispute_evidence",
            "size": len(content),
            "title": None,
            "type": kind,
            "url": None,
        }
    )
