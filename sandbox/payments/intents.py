"""Payment intents: from the wish to be paid to the money, or to nothing."""

from typing import Final

from sandbox.payments import charges, currencies, methods
from sandbox.payments.errors import declined, invalid, missing, refused, unexpected
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json, is_table
from sandbox.world import Desk, iso, new_id

OPEN: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELLABLE: Final = (*OPEN, "requires_capture")
_VOUCHER_SECONDS: Final = 3 * 86_400
_ATTEMPT_FAILED: Final = {
    "type": "invalid_request_error",
    "code": "payment_intent_payment_attempt_failed",
    "message": "The payment failed.",
}
_NOT_AUTHENTICATED: Final = {
    "type": "invalid_request_error",
    "code": "payment_intent_authentication_failure",
    "message": "The provided PaymentMethod has failed authentication.",
}


def load(desk: Desk, intent_id: str, param: str = "intent", status: int = 404) -> Json:
    intent = desk.store.read("payment_intent", intent_id, desk.account)
    if intent is None:
        raise missing("payment_intent", intent_id, param, status)
    return lapsed(desk, intent) if _has_lapsed(desk, intent) else intent


def _has_lapsed(desk: Desk, intent: Json) -> bool:
    """Whether its authorisation has run out by the world's clock and nobody has noticed."""
    if intent["status"] != "requires_capture":
        return False
    charge = charges.load(desk, intent["latest_charge"])
    return bool(charges.capture_before(charge) <= desk.at)


def lapse_all(desk: Desk) -> None:
    """End every authorisation that has run out, as the provider does by itself."""
    waiting = desk.store.rows(
        "SELECT id FROM objects WHERE kind = 'payment_intent' AND account = ?"
        " AND json_extract(body, '$.status') = 'requires_capture' ORDER BY seq",
        desk.account,
    )
    for row in waiting:
        load(desk, row["id"])


def lapsed(desk: Desk, intent: Json) -> Json:
    """The bank gives the reserved money back to the buyer: nothing can be captured any more."""
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "expire")
    _give_free(desk, intent, "charge.expired")
    return _canceled(desk, intent, "expired")


def _give_free(desk: Desk, intent: Json, kind: str) -> None:
    charge = charges.load(desk, intent["latest_charge"])
    charge |= {"refunded": True, "amount_refunded": charge["amount"]}
    tell(desk, kind, desk.keep(charge))


def create(desk: Desk, params: Params) -> Json:
    params.required("amount")
    currency = currencies.known(params.required("currency"))
    amount = currencies.chargeable(params.amount() or 0, currency)
    asked = _asked_kinds(params)
    kinds = asked or methods.usual(currency)
    capture = params.choice("capture_method", ("automatic", "automatic_async", "manual"))
    intent = _shape(desk, amount, currency) | {
        "allowed_payment_method_types": kinds if asked else None,
        "automatic_payment_methods": None if asked else _AUTOMATIC,
        "capture_method": capture,
        "metadata": params.metadata(),
        "payment_method_types": kinds,
    }
    for name in ("customer", "description", "receipt_email", "statement_descriptor_suffix"):
        intent[name] = params.optional(name)
    intent["transfer_group"] = params.optional("transfer_group")
    method = _method(desk, params)
    if method is not None:
        _accept(intent, method)
    desk.keep(intent)
    tell(desk, "payment_intent.created", intent)
    if not params.flag("confirm"):
        return intent
    return _confirm(desk, intent, method)


_AUTOMATIC: Final = {"allow_redirects": "always", "enabled": True}


def _asked_kinds(params: Params) -> list[str]:
    # Today's name of the parameter, and the one that it had in earlier versions of the API.
    names = ("allowed_payment_method_types", "payment_method_types")
    asked = [kind for name in names for kind in params.texts(name)]
    for kind in asked:
        if kind not in {"card", *methods.OTHERS}:
            raise invalid(
                f"The payment method type provided: {kind} is invalid.",
                param="allowed_payment_method_types",
                code="payment_intent_invalid_parameter",
            )
    return asked


def _method(desk: Desk, params: Params) -> Json | None:
    token = params.optional("payment_method")
    if token is not None:
        return methods.resolve(desk, token)
    kind = params.table("payment_method_data").get("type")
    return None if kind is None else methods.typed(desk, str(kind))


def _accept(intent: Json, method: Json) -> None:
    if method["type"] not in intent["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent.",
            param="payment_method",
        )
    intent |= {"payment_method": method["id"], "status": "requires_confirmation"}


def _shape(desk: Desk, amount: int, currency: str) -> Json:
    intent_id = new_id("pi")
    nothing = (
        *("application", "application_fee_amount", "canceled_at", "cancellation_reason"),
        *("customer", "customer_account", "description", "last_payment_error", "latest_charge"),
        *("next_action", "on_behalf_of", "payment_method", "receipt_email", "review", "shipping"),
        *("payment_method_configuration_details", "processing", "setup_future_usage", "source"),
        *("excluded_payment_method_types", "statement_descriptor", "statement_descriptor_suffix"),
        *("transfer_data", "transfer_group", "payment_record", "presentment_details", "hooks"),
    )
    return dict.fromkeys(nothing) | {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "client_secret": f"{intent_id}_{new_id('secret')}",
        "confirmation_method": "automatic",
        "created": desk.at,
        "currency": currency,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "payment_method_options": {},
        "status": "requires_payment_method",
    }


def retrieve(desk: Desk, params: Params, intent_id: str) -> Json:
    del params
    return load(desk, intent_id)


def update(desk: Desk, params: Params, intent_id: str) -> Json:
    intent = load(desk, intent_id)
    amount = params.amount()
    if amount is not None and amount != intent["amount"]:
        if intent["status"] not in OPEN:
            raise unexpected(intent, "update the amount of")
        intent["amount"] = currencies.payable(amount, intent["currency"])
    intent["metadata"] = params.metadata(intent["metadata"])
    for name in ("description", "transfer_group", "receipt_email"):
        if name in params:
            intent[name] = params.optional(name)
    method = _method(desk, params)
    if method is not None:
        _accept(intent, method)
    return desk.keep(intent)


def confirm(desk: Desk, params: Params, intent_id: str) -> Json:
    return _confirm(desk, load(desk, intent_id), _method(desk, params))


def _confirm(desk: Desk, intent: Json, method: Json | None) -> Json:
    if intent["status"] not in OPEN:
        raise unexpected(intent, "confirm")
    if method is None and intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    method = method or methods.resolve(desk, intent["payment_method"])
    _accept(intent, method)
    problem = methods.refusal(method)
    if problem is not None:
        raise declined(_decline(desk, intent, method, problem), problem)
    if method["type"] in methods.VOUCHERS or methods.authenticates(method):
        intent |= {"status": "requires_action", "next_action": _next_action(desk, intent, method)}
        tell(desk, "payment_intent.requires_action", intent)
        return desk.keep(intent)
    if method["type"] in methods.DEBITS:
        intent |= {"status": "processing", "processing": {"type": method["type"]}}
        tell(desk, "payment_intent.processing", intent)
        return desk.keep(intent)
    return receive(desk, intent, method, intent["amount"])


def _next_action(desk: Desk, intent: Json, method: Json) -> Json:
    page = f"https://payments.stripe.com/{method['type']}/{intent['id']}"
    if method["type"] == "card" or method["type"] in methods.WALLETS:
        bank = f"https://hooks.stripe.com/3d_secure_2/{intent['id']}"
        redirect = {"url": bank if method["type"] == "card" else page}
        return {"type": "redirect_to_url", "redirect_to_url": redirect | {"return_url": None}}
    if method["type"] == "customer_balance":
        kind = "display_bank_transfer_instructions"
        shown: Json = {"amount_remaining": intent["amount"], "currency": intent["currency"]}
        return {"type": kind, kind: shown | {"hosted_instructions_url": page, "reference": None}}
    kind = f"{method['type']}_display_details"
    details = {"hosted_voucher_url": page, "expires_at": desk.at + _VOUCHER_SECONDS}
    return {"type": kind, kind: details | {"number": intent["id"][3:].upper(), "pdf": None}}


def _decline(desk: Desk, intent: Json, method: Json, problem: Json) -> Json:
    charge = charges.fail(desk, intent, method, problem)
    return _back_to_start(desk, intent, problem | {"charge": charge["id"]}, charge["id"])


def _back_to_start(desk: Desk, intent: Json, problem: Json, charge: str | None) -> Json:
    intent |= {
        "last_payment_error": problem,
        "latest_charge": charge,
        "next_action": None,
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    tell(desk, "payment_intent.payment_failed", intent)
    return desk.keep(intent)


def receive(desk: Desk, intent: Json, method: Json, amount: int) -> Json:
    """The money is there: *amount* in minor units, which a voucher may have short or in excess."""
    waits = intent["capture_method"] == "manual" and method["type"] == "card"
    charge = charges.succeed(desk, intent, method, amount, captured=not waits)
    intent |= {
        "amount_capturable": amount if waits else 0,
        "amount_received": 0 if waits else amount,
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": method["id"],
        "processing": None,
        "status": "requires_capture" if waits else "succeeded",
    }
    kind = "amount_capturable_updated" if waits else "succeeded"
    tell(desk, f"payment_intent.{kind}", intent)
    return desk.keep(intent)


def fail_slow(desk: Desk, intent: Json) -> Json:
    """The slow payment will not come: its voucher lapsed, its debit was returned."""
    if intent["status"] not in {"requires_action", "processing"}:
        raise unexpected(intent, "fail")
    action: Json = intent["next_action"] or {}
    is_challenge = action.get("type") == "redirect_to_url"
    problem = _NOT_AUTHENTICATED if is_challenge else _ATTEMPT_FAILED
    return _back_to_start(desk, intent, dict(problem), None)


def fund(desk: Desk, intent: Json, method: Json, amount: int) -> Json:
    """A bank transfer arrives: what is still missing is said, and the last part pays it all."""
    kind = "display_bank_transfer_instructions"
    told = intent["next_action"][kind]
    if amount < told["amount_remaining"]:
        told["amount_remaining"] -= amount
        tell(desk, "payment_intent.partially_funded", intent)
        return desk.keep(intent)
    return receive(desk, intent, method, intent["amount"])


def capture(desk: Desk, params: Params, intent_id: str) -> Json:
    intent = load(desk, intent_id)
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "capture")
    intent["metadata"] = params.metadata(intent["metadata"])
    amount = params.amount("amount_to_capture") or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise refused(
            "The amount to capture is greater than the amount you can capture.",
            param="amount_to_capture",
            code="amount_too_large",
        )
    charge = charges.load(desk, intent["latest_charge"])
    charges.capture(desk, charge, amount)
    tell(desk, "charge.captured", charge)
    intent |= {"amount_capturable": 0, "amount_received": amount, "status": "succeeded"}
    tell(desk, "payment_intent.succeeded", intent)
    return desk.keep(intent)


def cancel(desk: Desk, params: Params, intent_id: str) -> Json:
    intent = load(desk, intent_id)
    reasons = ("", "abandoned", "duplicate", "fraudulent", "requested_by_customer")
    reason = params.choice("cancellation_reason", reasons) or None
    if intent["status"] not in _CANCELLABLE:
        raise unexpected(intent, "cancel")
    if intent["status"] == "requires_capture":
        _give_free(desk, intent, "charge.refunded")
    return _canceled(desk, intent, reason)


def _canceled(desk: Desk, intent: Json, reason: str | None) -> Json:
    intent |= {
        "amount_capturable": 0,
        "canceled_at": desk.at,
        "cancellation_reason": reason,
        "next_action": None,
        "processing": None,
        "status": "canceled",
    }
    tell(desk, "payment_intent.canceled", intent)
    return desk.keep(intent)


def voucher_lapses(intent: Json) -> str | None:
    """When an open voucher lapses, as text for a page."""
    action: Json = intent["next_action"] or {}
    for value in action.values():
        if is_table(value) and "expires_at" in value:
            return iso(int(value["expires_at"]))
    return None
