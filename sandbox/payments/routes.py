"""The table of what the payment provider can be asked."""

import re
from dataclasses import dataclass
from typing import Final

from sandbox.payments import (
    accounts,
    balance,
    charges,
    disputes,
    frauds,
    intents,
    listing,
    methods,
    payouts,
    refunds,
    transfers,
)
from sandbox.payments.errors import missing
from sandbox.payments.listing import Handler, Listing
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import Desk

_PAGING: Final = "limit starting_after ending_before created"


@dataclass(frozen=True, slots=True)
class Route:
    """One thing to ask: `accepts` are the parameters it knows, besides `expand`."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    accepts: frozenset[str]


def _route(method: str, path: str, handler: Handler, accepts: str = "") -> Route:
    pattern = re.compile("/v1/" + path.replace("*", r"([\w-]+)"))
    return Route(method, pattern, handler, frozenset(f"expand {accepts}".split()))


def _list(kind: str, path: str, fields: str = "") -> Route:
    handler = Listing(kind, f"/v1/{path}", tuple(fields.split()))
    return _route("GET", path, handler, f"{_PAGING} {fields}")


def _get(kind: str) -> Handler:
    def retrieve(desk: Desk, params: Params, object_id: str) -> Json:
        del params
        found = desk.store.read(kind, object_id, desk.account)
        if found is None:
            raise missing(kind, object_id)
        return found

    return retrieve


_METHOD: Final = "payment_method payment_method_data"
_INTENT: Final = (
    f"amount currency customer description metadata {_METHOD} receipt_email"
    " allowed_payment_method_types payment_method_types payment_method_options"
    " statement_descriptor_suffix transfer_group"
)
_ACCOUNT: Final = (
    "email metadata capabilities settings business_profile external_account tos_acceptance"
    " business_type company default_currency"
)

ROUTES: Final = (
    _route(
        "POST",
        "payment_intents",
        intents.create,
        f"{_INTENT} confirm capture_method automatic_payment_methods return_url off_session",
    ),
    _list("payment_intent", "payment_intents", "customer"),
    _route(
        "GET",
        "payment_intents/search",
        listing.search("payment_intent", "/v1/payment_intents/search"),
        "query limit page",
    ),
    _route("GET", "payment_intents/*", intents.retrieve, "client_secret"),
    _route("POST", "payment_intents/*", intents.update, _INTENT),
    _route("POST", "payment_intents/*/confirm", intents.confirm, f"{_METHOD} return_url"),
    _route("POST", "payment_intents/*/capture", intents.capture, "amount_to_capture metadata"),
    _route("POST", "payment_intents/*/cancel", intents.cancel, "cancellation_reason"),
    _list("charge", "charges", "payment_intent customer transfer_group"),
    _route(
        "GET",
        "charges/search",
        listing.search("charge", "/v1/charges/search"),
        "query limit page",
    ),
    _route("GET", "charges/*", charges.retrieve),
    _route("POST", "charges/*", charges.update, "metadata description"),
    _route("GET", "charges/*/refunds", listing.refunds_of_charge, _PAGING),
    _list("radar.early_fraud_warning", "radar/early_fraud_warnings", "charge payment_intent"),
    _route("GET", "radar/early_fraud_warnings/*", _get("radar.early_fraud_warning")),
    _list("review", "reviews"),
    _route("GET", "reviews/*", _get("review")),
    _route("POST", "reviews/*/approve", frauds.approve),
    _list("dispute", "disputes", "charge payment_intent"),
    _route("GET", "disputes/*", _get("dispute")),
    _route("POST", "disputes/*", disputes.update, "evidence metadata submit"),
    _route("POST", "disputes/*/close", disputes.close),
    _route("POST", "files", disputes.upload, "file purpose filename"),
    _route("GET", "files/*", _get("file")),
    _route("GET", "payment_methods/*", methods.retrieve),
    _route("POST", "refunds", refunds.create, "charge payment_intent amount metadata reason"),
    _list("refund", "refunds", "charge payment_intent"),
    _route("GET", "refunds/*", refunds.retrieve),
    _route("POST", "refunds/*", refunds.update, "metadata"),
    _route("GET", "balance", balance.show),
    _list("balance_transaction", "balance_transactions", "currency source type"),
    _route("GET", "balance_transactions/*", _get("balance_transaction")),
    _route("POST", "accounts", accounts.create, f"{_ACCOUNT} type country controller"),
    _list("account", "accounts"),
    _route("GET", "accounts/*", accounts.retrieve),
    _route("POST", "accounts/*", accounts.update, _ACCOUNT),
    _route(
        "POST",
        "transfers",
        transfers.create,
        "amount currency destination transfer_group metadata description source_transaction",
    ),
    _list("transfer", "transfers", "destination transfer_group"),
    _route("GET", "transfers/*", transfers.retrieve),
    _route("POST", "transfers/*", transfers.update, "metadata description"),
    _route(
        "POST",
        "transfers/*/reversals",
        transfers.reverse,
        "amount metadata description refund_application_fee",
    ),
    _route("GET", "transfers/*/reversals", listing.reversals_of_transfer, _PAGING),
    _route("GET", "transfers/*/reversals/*", transfers.retrieve_reversal),
    _route("POST", "topups", transfers.top_up, "amount currency description metadata"),
    _list("topup", "topups"),
    _route("GET", "topups/*", _get("topup")),
    _route(
        "POST",
        "payouts",
        payouts.create,
        "amount currency description metadata method statement_descriptor destination source_type",
    ),
    _list("payout", "payouts", "destination status"),
    _route("GET", "payouts/*", payouts.retrieve),
    _route("POST", "payouts/*", payouts.update, "metadata"),
    _route("POST", "payouts/*/cancel", payouts.cancel),
    _route("GET", "events", listing.events, f"{_PAGING} type types"),
    _route("GET", "events/*", _get("event")),
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route that serves *path*, with the ids in it."""
    for route in ROUTES:
        named = route.pattern.fullmatch(path) if route.method == method else None
        if named is not None:
            return route, named.groups()
    return None
