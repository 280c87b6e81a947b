"""Refunds: money back to the buyer, at once, later, or not after all."""

from typing import Final

from sandbox.payments import balance, charges, intents
from sandbox.payments.errors import invalid, missing, refused
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import Desk, new_id

_REASONS: Final = ("", "duplicate", "fraudulent", "requested_by_customer")


def load(desk: Desk, refund_id: str) -> Json:
    refund = desk.store.read("refund", refund_id, desk.account)
    if refund is None:
        raise missing("refund", refund_id)
    return refund


def create(desk: Desk, params: Params) -> Json:
    charge = _charge(desk, params)
    amount = params.amount()
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not left:
        raise refused(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if amount is not None and amount > left:
        raise refused(
            f"Refund amount ({amount} {charge['currency']}) is greater than unrefunded amount on"
            f" charge ({left} {charge['currency']})",
            param="amount",
        )
    refund = _shape(desk, charge, amount or left) | {
        "metadata": params.metadata(),
        "reason": params.choice("reason", _REASONS) or None,
    }
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    desk.keep(charge)
    _pay_back(desk, refund, charge)
    tell(desk, "refund.created", refund)
    tell(desk, "charge.refunded", charge)
    return desk.keep(refund)


def _charge(desk: Desk, params: Params) -> Json:
    charge_id = params.optional("charge")
    if charge_id is not None:
        return charges.load(desk, charge_id, "charge", 404)
    intent_id = params.optional("payment_intent")
    if intent_id is None:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent"
            " or charge.",
            code="parameter_missing",
        )
    intent = intents.load(desk, intent_id, "payment_intent")
    if intent["status"] != "succeeded":
        raise refused(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
        )
    return charges.load(desk, intent["latest_charge"])


def _pay_back(desk: Desk, refund: Json, charge: Json) -> None:
    short = balance.available(desk, refund["currency"]) < refund["amount"]
    if short and not desk.rules.overdraw:
        refund |= {"status": "pending", "pending_reason": "insufficient_funds"}
        return
    _book(desk, refund)
    if desk.rules.auto_refunds and not charges.pends_refund(desk, charge):
        refund["status"] = "succeeded"
    else:
        refund |= {"status": "pending", "pending_reason": "processing"}


def _book(desk: Desk, refund: Json) -> None:
    entry = balance.enter(desk, "refund", refund, -refund["amount"])
    refund["balance_transaction"] = entry["id"]


def _shape(desk: Desk, charge: Json, amount: int) -> Json:
    kind = charge["payment_method_details"]["type"]
    card = {"reference": "8675309", "reference_status": "available", "type": "refund"}
    nothing = ("balance_transaction", "customer", "customer_account", "description", "reason")
    links = ("receipt_number", "source_transfer_reversal", "transfer_reversal")
    waits = ("pending_reason", "failure_balance_transaction", "failure_reason")
    return dict.fromkeys((*nothing, *links, *waits)) | {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": desk.at,
        "currency": charge["currency"],
        "destination_details": {"type": kind, kind: card if kind == "card" else {}},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "status": "pending",
    }


def retrieve(desk: Desk, params: Params, refund_id: str) -> Json:
    del params
    return load(desk, refund_id)


def update(desk: Desk, params: Params, refund_id: str) -> Json:
    refund = load(desk, refund_id)
    refund["metadata"] = params.metadata(refund["metadata"])
    tell(desk, "refund.updated", refund)
    return desk.keep(refund)


def succeed(desk: Desk, refund: Json) -> Json:
    """A pending refund reaches the buyer. One that waited for funds is booked now."""
    if refund["status"] not in {"pending", "requires_action"}:
        raise refused(f"This refund is {refund['status']}.")
    if refund["balance_transaction"] is None:
        _book(desk, refund)
    refund |= {"status": "succeeded", "pending_reason": None}
    tell(desk, "refund.updated", refund, before={"status": "pending"})
    return desk.keep(refund)


def fail(desk: Desk, refund: Json, reason: str = "expired_or_canceled_card") -> Json:
    """The refund comes back, perhaps days after it succeeded: the money is the platform's again."""
    if refund["status"] in {"failed", "canceled"}:
        raise refused(f"This refund is {refund['status']}.")
    before = refund["status"]
    if refund["balance_transaction"] is not None:
        entry = balance.enter(desk, "refund_failure", refund, refund["amount"])
        refund["failure_balance_transaction"] = entry["id"]
    refund |= {"status": "failed", "failure_reason": reason, "pending_reason": None}
    charge = charges.load(desk, refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    desk.keep(charge)
    tell(desk, "refund.updated", refund, before={"status": before})
    tell(desk, "refund.failed", refund)
    return desk.keep(refund)


def pay_waiting(desk: Desk, currency: str) -> None:
    """Pay the refunds that waited for the balance, oldest first, as far as it reaches."""
    waiting = desk.store.rows(
        "SELECT id FROM objects WHERE kind = 'refund' AND account = ?"
        " AND json_extract(body, '$.pending_reason') = 'insufficient_funds'"
        " AND json_extract(body, '$.currency') = ? ORDER BY seq",
        *(desk.account, currency),
    )
    for row in waiting:
        refund = load(desk, row["id"])
        if balance.available(desk, currency) < refund["amount"]:
            return
        succeed(desk, refund)
