"""Payment methods: the provider's test tokens, and what each one does when it is charged."""

from typing import Final

from sandbox.payments.errors import invalid, missing
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import Desk, new_id

_BRANDS: Final = {
    "pm_card_visa": ("visa", "4242"),
    "pm_card_visa_debit": ("visa", "5556"),
    "pm_card_mastercard": ("mastercard", "4444"),
    "pm_card_amex": ("amex", "8431"),
    "pm_card_unionpay": ("unionpay", "0005"),
    "pm_card_jcb": ("jcb", "0505"),
    "pm_card_br": ("visa", "0002"),
    "pm_card_bypassPending": ("visa", "0077"),
    "pm_card_authenticationRequired": ("visa", "3184"),
    "pm_card_pendingRefund": ("visa", "7726"),
    "pm_card_refundFail": ("visa", "5126"),
}
_NO_FUNDS: Final = "Your card has insufficient funds."
_DECLINED: Final = "Your card was declined."
_DECLINES: Final = {
    "pm_card_chargeDeclined": ("card_declined", "generic_decline", _DECLINED),
    "pm_card_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds", _NO_FUNDS),
    "pm_card_chargeDeclinedLostCard": ("card_declined", "lost_card", _DECLINED),
    "pm_card_chargeDeclinedStolenCard": ("card_declined", "stolen_card", _DECLINED),
    "pm_card_chargeDeclinedFraudulent": ("card_declined", "fraudulent", _DECLINED),
    "pm_card_chargeDeclinedVelocityLimitExceeded": (
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently.",
    ),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None, "Your card has expired."),
    "pm_card_chargeDeclinedIncorrectCvc": (
        "incorrect_cvc",
        None,
        "Your card's security code is incorrect.",
    ),
    "pm_card_chargeDeclinedProcessingError": (
        "processing_error",
        None,
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}
VOUCHERS: Final = ("boleto", "oxxo", "konbini", "multibanco", "customer_balance")
DEBITS: Final = ("sepa_debit", "us_bank_account", "bacs_debit", "au_becs_debit")
SLOW: Final = (*VOUCHERS, *DEBITS)
# Paid at the wallet's own page, which also hears the buyer's claims.
WALLETS: Final = ("paypal",)
OTHERS: Final = (*SLOW, *WALLETS)
_AT_HOME: Final = {
    "brl": "boleto",
    "mxn": "oxxo",
    "jpy": "konbini",
    "eur": "sepa_debit",
    "usd": "us_bank_account",
    "gbp": "bacs_debit",
    "aud": "au_becs_debit",
}


def usual(currency: str) -> list[str]:
    """The kinds that the provider offers by itself for *currency*."""
    return ["card", _AT_HOME.get(currency, "customer_balance"), *WALLETS]


def resolve(desk: Desk, token: str) -> Json:
    """A payment method for a test token, or the one kept under its own id."""
    if kept := desk.store.read("payment_method", token):
        return kept
    plain = token.replace("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined")
    if plain in _BRANDS or plain in _DECLINES:
        brand, last4 = _BRANDS.get(plain, ("visa", "0002"))
        return desk.keep(_shape(desk, "card", {"brand": brand, "last4": last4}, plain))
    kind = token.removeprefix("pm_")
    if kind in OTHERS:
        return desk.keep(_shape(desk, kind, {}, token))
    raise missing("PaymentMethod", token, "payment_method", 400)


def typed(desk: Desk, kind: str) -> Json:
    """A new payment method of *kind*, as `payment_method_data` makes one."""
    if kind not in {"card", *OTHERS}:
        raise invalid(f"Invalid payment method type: {kind}", param="payment_method_data[type]")
    return resolve(desk, "pm_card_visa" if kind == "card" else f"pm_{kind}")


def refusal(method: Json) -> Json | None:
    """The error that charging *method* ends in, or None where it works."""
    told = _DECLINES.get(method["sandbox_token"])
    if told is None:
        return None
    code, decline, message = told
    problem: Json = {"type": "card_error", "code": code, "message": message}
    if decline is not None:
        problem["decline_code"] = decline
    return problem | {"doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}


def authenticates(method: Json) -> bool:
    """Whether the buyer has to prove who it is first (3-D Secure, or at their wallet)."""
    is_asked = str(method["sandbox_token"]) == "pm_card_authenticationRequired"
    return is_asked or method["type"] in WALLETS


def _shape(desk: Desk, kind: str, about: Json, token: str) -> Json:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    details = {"email": None, "name": None, "phone": None, "tax_id": None, "address": address}
    card = {"exp_month": 12, "exp_year": 2034, "funding": "credit", "country": "US"}
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": details,
        "created": desk.at,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        kind: (card | about) if kind == "card" else {},
        "sandbox_token": token,
    }


def retrieve(desk: Desk, params: Params, method_id: str) -> Json:
    del params
    found = desk.store.read("payment_method", method_id)
    if found is None:
        raise missing("PaymentMethod", method_id)
    return found
