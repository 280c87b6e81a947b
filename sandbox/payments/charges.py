"""Charges: one attempt each to take a buyer's money."""

from typing import Final

from sandbox.payments import balance, methods
from sandbox.payments.errors import missing
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import Desk, new_id

AUTHORISATION_SECONDS: Final = 7 * 86_400
_CARRIED: Final = (
    "currency",
    "customer",
    "description",
    "metadata",
    "on_behalf_of",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def succeed(desk: Desk, intent: Json, method: Json, amount: int, *, captured: bool) -> Json:
    """Take *amount* (minor units), or only reserve it where it is not *captured* yet."""
    charge: Json = _shape(desk, intent, method, amount) | {
        "status": "succeeded",
        "paid": True,
        "outcome": _outcome("authorized", "approved_by_network", "Payment complete."),
    }
    if captured:
        capture(desk, charge, amount)
    else:
        _reserve(desk, charge, amount)
    tell(desk, "charge.succeeded", charge)
    return charge


def capture(desk: Desk, charge: Json, amount: int) -> None:
    """Put *amount* of the charge on the balance; the rest of a reservation lapses."""
    entry = balance.enter(desk, "charge", charge, amount, desk.rules.fee(amount))
    charge |= {"captured": True, "amount_captured": amount, "balance_transaction": entry["id"]}
    desk.keep(charge)


def _reserve(desk: Desk, charge: Json, amount: int) -> None:
    card: Json = charge["payment_method_details"]["card"]
    card |= {"amount_authorized": amount, "capture_before": desk.at + AUTHORISATION_SECONDS}
    desk.keep(charge)


def capture_before(charge: Json) -> int:
    """When a reservation that was not captured runs out, UTC seconds."""
    return int(charge["payment_method_details"]["card"]["capture_before"])


def fail(desk: Desk, intent: Json, method: Json, problem: Json) -> Json:
    charge = _shape(desk, intent, method, intent["amount"]) | {
        "status": "failed",
        "failure_code": problem["code"],
        "failure_message": problem["message"],
        "outcome": _outcome(
            "issuer_declined",
            "declined_by_network",
            problem["message"],
            problem.get("decline_code"),
        ),
    }
    desk.keep(charge)
    tell(desk, "charge.failed", charge)
    return charge


def _outcome(kind: str, network: str, message: str, reason: str | None = None) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": reason,
        "risk_level": "normal",
        "seller_message": message,
        "type": kind,
    }


def _shape(desk: Desk, intent: Json, method: Json, amount: int) -> Json:
    charge_id = new_id("ch")
    return {name: intent[name] for name in _CARRIED} | {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": None,
        "captured": False,
        "created": desk.at,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method),
        "presentment_details": None,
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/{charge_id}",
        "refunded": False,
        "refunds": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/charges/{charge_id}/refunds",
        },
        "review": None,
        "source": None,
        "source_transfer": None,
        "status": "pending",
        "transfer": None,
    }


def _details(method: Json) -> Json:
    kind: str = method["type"]
    if kind != "card":
        return {"type": kind, kind: {}}
    checks = dict.fromkeys(("address_line1_check", "address_postal_code_check"))
    return {
        "type": "card",
        "card": method["card"] | {"checks": checks | {"cvc_check": "pass"}, "network": "visa"},
    }


def retrieve(desk: Desk, params: Params, charge_id: str) -> Json:
    del params
    return load(desk, charge_id)


def load(desk: Desk, charge_id: str, param: str = "id", status: int = 404) -> Json:
    charge = desk.store.read("charge", charge_id, desk.account)
    if charge is None:
        raise missing("charge", charge_id, param, status)
    return charge


def update(desk: Desk, params: Params, charge_id: str) -> Json:
    charge = load(desk, charge_id)
    charge["metadata"] = params.metadata(charge["metadata"])
    tell(desk, "charge.updated", charge)
    return desk.keep(charge)


def pends_refund(desk: Desk, charge: Json) -> bool:
    """Whether the card is the test card whose refunds stay pending."""
    method = methods.resolve(desk, charge["payment_method"])
    return str(method["sandbox_token"]) == "pm_card_pendingRefund"
