"""Connected accounts: the sellers, as the payment provider knows them."""

import re
from typing import Final

from sandbox.payments.errors import StripeError, invalid, missing
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import PLATFORM, Desk, new_id

_EMPTY_REQUIREMENTS: Final = (
    *("currently_due", "eventually_due", "past_due", "pending_verification"),
    *("alternatives", "errors"),
)
_CURRENCIES: Final = {"US": "usd", "BR": "brl", "CN": "cny", "GB": "gbp", "JP": "jpy", "KW": "kwd"}


def load(desk: Desk, account_id: str, param: str = "account", status: int = 404) -> Json:
    account = desk.store.read("account", account_id)
    if account is None:
        raise missing("account", account_id, param, status)
    return account


def authorise(desk: Desk, account_id: str) -> None:
    """Refuse an account that the platform's key has no access to."""
    if desk.store.read("account", account_id) is None:
        raise StripeError(
            403,
            "invalid_request_error",
            "The provided key does not have access to account "
            f"'{account_id}' (or that account does not exist).",
            code="account_invalid",
        )


def create(desk: Desk, params: Params) -> Json:
    """An account that is ready for transfers and payouts at once: onboarding is not played here."""
    country = (params.optional("country") or "US").upper()
    if not re.fullmatch("[A-Z]{2}", country):
        raise invalid(
            f"Country '{country}' is unknown.", param="country", code="country_code_invalid"
        )
    kind = params.choice("type", ("none", "custom", "express", "standard"))
    currency = params.optional("default_currency") or _CURRENCIES.get(country, "eur")
    account: Json = _shape(desk, country, currency.lower()) | {
        "type": kind,
        "controller": _controller(params),
        "email": params.optional("email"),
        "business_type": params.optional("business_type"),
        "metadata": params.metadata(),
    }
    account["capabilities"] = dict.fromkeys(
        params.table("capabilities") or ("card_payments", "transfers"), "active"
    )
    _apply(desk, account, params)
    desk.store.write(account, PLATFORM)
    tell(desk.of(account["id"]), "account.updated", account)
    return account


def _controller(params: Params) -> Json:
    asked = params.table("controller")
    defaults = {"fees": {"payer": "account"}, "losses": {"payments": "stripe"}}
    kinds = {"requirement_collection": "stripe", "stripe_dashboard": {"type": "full"}}
    return {"type": "application", "is_controller": True} | defaults | kinds | asked


def _shape(desk: Desk, country: str, currency: str) -> Json:
    account_id = new_id("acct", 16)
    needs: Json = {name: [] for name in _EMPTY_REQUIREMENTS}
    needs |= {"current_deadline": None, "disabled_reason": None}
    bank = _bank(account_id, country, currency)
    schedule = {"delay_days": 2, "interval": "daily"}
    return {
        "id": account_id,
        "object": "account",
        "business_profile": {"mcc": None, "name": None, "url": None, "support_email": None},
        "charges_enabled": True,
        "country": country,
        "created": desk.at,
        "default_currency": currency,
        "details_submitted": True,
        "external_accounts": {
            "object": "list",
            "data": [bank],
            "has_more": False,
            "url": f"/v1/accounts/{account_id}/external_accounts",
        },
        "future_requirements": dict(needs),
        "payouts_enabled": True,
        "requirements": needs,
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
            "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
            "card_payments": {"statement_descriptor_prefix": None},
            "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
            "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
            "payments": {"statement_descriptor": None},
            "payouts": {
                "debit_negative_balances": True,
                "schedule": schedule,
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": desk.at, "ip": None, "user_agent": None},
    }


def _bank(account_id: str, country: str, currency: str) -> Json:
    return {
        "id": new_id("ba"),
        "object": "bank_account",
        "account": account_id,
        "account_holder_name": None,
        "account_holder_type": None,
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": country,
        "currency": currency,
        "default_for_currency": True,
        "fingerprint": new_id("fp"),
        "last4": "6789",
        "metadata": {},
        "routing_number": "110000000",
        "status": "new",
    }


def _apply(desk: Desk, account: Json, params: Params) -> None:
    del desk
    interval = (
        params.table("settings").get("payouts", {}).get("schedule", {}).get("interval") or "daily"
        if "settings" in params
        else account["settings"]["payouts"]["schedule"]["interval"]
    )
    if interval not in {"manual", "daily", "weekly", "monthly"}:
        raise invalid("Invalid interval.", param="settings[payouts][schedule][interval]")
    account["settings"]["payouts"]["schedule"]["interval"] = interval
    profile = params.table("business_profile")
    account["business_profile"] |= profile


def retrieve(desk: Desk, params: Params, account_id: str) -> Json:
    del params
    return load(desk, account_id)


def update(desk: Desk, params: Params, account_id: str) -> Json:
    account = load(desk, account_id)
    account["metadata"] = params.metadata(account["metadata"])
    if "email" in params:
        account["email"] = params.optional("email")
    _apply(desk, account, params)
    return changed(desk, account)


def changed(desk: Desk, account: Json) -> Json:
    """Write a changed account down and tell the platform."""
    desk.store.write(account, PLATFORM)
    tell(desk.of(account["id"]), "account.updated", account)
    return account
