"""What a player can do to the world, in the words of the control API and its page."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from sandbox.carriers import pickups, shipments
from sandbox.carriers.trackers import DETAILS, STATUSES, Scan
from sandbox.payments import (
    accounts,
    conversions,
    disputes,
    frauds,
    intents,
    methods,
    payouts,
    refunds,
    transfers,
)
from sandbox.payments.errors import StripeError, missing
from sandbox.payments.params import Params
from sandbox.store import Json, is_table
from sandbox.world import Desk, World


class BadControl(Exception):
    """A player asked for something that does not exist or is not possible now."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def payment(desk: Desk, intent_id: str, act: str, asked: Json) -> Json:
    """Play the buyer (pay, arrive, fail), the card's bank (expire, warn) or a rule (review)."""
    desk = desk.of(_owner(desk.world, "payment_intent", intent_id))
    intent = intents.load(desk, intent_id)
    played = _BANK.get(act) or _REPORTS.get(act)
    if played is None:
        raise BadControl(404, f"a payment can be: {', '.join((*_BANK, *_REPORTS))}")
    return played(desk, intent, asked)


def _arrive(desk: Desk, intent: Json, amount: int | None) -> Json:
    """The money of a slow payment, or the answer of a buyer who proves who they are."""
    if intent["status"] not in {"requires_action", "processing"}:
        raise BadControl(409, f"nothing is on its way: it is {intent['status']}")
    method = methods.resolve(desk, intent["payment_method"])
    if method["type"] == "customer_balance":
        left = intent["next_action"]["display_bank_transfer_instructions"]["amount_remaining"]
        return intents.fund(desk, intent, method, amount or left)
    return intents.receive(desk, intent, method, amount or intent["amount"])


def _pay(desk: Desk, intent: Json, how: str, amount: int | None) -> Json:
    if how == "card" and amount is not None and intent["status"] in intents.OPEN:
        return intents.receive(desk, intent, methods.resolve(desk, "pm_card_visa"), amount)
    slow = next((kind for kind in intent["payment_method_types"] if kind in methods.SLOW), None)
    tokens = {
        "card": "pm_card_visa",
        "decline": "pm_card_chargeDeclined",
        "authenticate": "pm_card_authenticationRequired",
        "slow": None if slow is None else f"pm_{slow}",
    }
    token = tokens.get(how, how)
    if token is None:
        raise BadControl(409, "this payment offers no slow method (payment_method_types)")
    try:
        return intents.confirm(desk, Params({"payment_method": token}), intent["id"])
    except StripeError as error:
        if error.status == HTTPStatus.PAYMENT_REQUIRED:  # The buyer's news, not the player's.
            return intents.load(desk, intent["id"])
        raise


_BANK: Final[Mapping[str, Callable[[Desk, Json, Json], Json]]] = MappingProxyType(
    {
        "pay": lambda desk, it, asked: _pay(desk, it, asked.get("method", "card"), _amount(asked)),
        "arrive": lambda desk, it, asked: _arrive(desk, it, _amount(asked)),
        "fail": lambda desk, it, _: intents.fail_slow(desk, it),
        "cancel": lambda desk, it, _: intents.cancel(desk, Params({}), it["id"]),
        "expire": lambda desk, it, _: intents.lapsed(desk, it),
    }
)
_REPORTS: Final[Mapping[str, Callable[[Desk, Json, Json], Json]]] = MappingProxyType(
    {
        "dispute": lambda desk, it, asked: disputes.open_(
            desk,
            it,
            asked.get("reason", "general"),
            _amount(asked),
            is_inquiry=asked.get("inquiry") is True,
        ),
        "warn": lambda desk, it, asked: frauds.warn(desk, it, asked.get("fraud_type", "misc")),
        "review": lambda desk, it, _: frauds.open_review(desk, it),
        "close_review": lambda desk, it, asked: frauds.close_review(
            desk, it, asked.get("reason", "approved")
        ),
    }
)


def _amount(asked: Json) -> int | None:
    amount = asked.get("amount")
    if amount is not None and (not isinstance(amount, int) or amount < 1):
        raise BadControl(400, "amount is a positive whole number of minor units")
    return amount


def scan(asked: Json, at: int) -> Scan:
    status = asked.get("status")
    if status not in STATUSES:
        raise BadControl(400, f"status is one of {', '.join(STATUSES)}")
    message, city, country = (asked.get(name) for name in ("message", "city", "country"))
    detail = asked.get("status_detail") or "status_update"
    if detail not in DETAILS:
        raise BadControl(400, f"status_detail is one of {', '.join(DETAILS)}")
    has_zone = asked.get("has_zone") is not False
    return Scan(status, at, message or "", city, country, detail, has_zone)


def refund(world: World, refund_id: str, act: str, asked: Json, at: int | None) -> Json:
    """Play the buyer's bank: the refund reaches it, or comes back."""
    desk = world.desk(account=_owner(world, "refund", refund_id), at=at)
    found = refunds.load(desk, refund_id)
    if act == "succeed":
        return refunds.succeed(desk, found)
    if act == "fail":
        return refunds.fail(desk, found, asked.get("reason", "expired_or_canceled_card"))
    raise BadControl(404, "a refund can: succeed, fail")


def dispute(world: World, dispute_id: str, act: str, asked: Json, at: int | None) -> Json:
    """Play the buyer's bank or wallet: it decides, or an inquiry becomes a chargeback."""
    desk = world.desk(account=_owner(world, "dispute", dispute_id), at=at)
    found = disputes.load(desk, dispute_id)
    if act == "escalate":
        return disputes.escalate(desk, found)
    if act in {"won", "lost"}:
        return disputes.decide(desk, found, act, _amount(asked))
    raise BadControl(404, "a dispute can be: won, lost, escalate")


def payout(world: World, payout_id: str, act: str, asked: Json, at: int | None) -> Json:
    """Play the seller's bank: it takes the payout in, or sends it back."""
    desk = world.desk(account=_owner(world, "payout", payout_id), at=at)
    found = payouts.load(desk, payout_id)
    if act == "paid":
        return payouts.pay(desk, found)
    if act == "fail":
        return payouts.fail(desk, found, asked.get("code", "could_not_process"))
    raise BadControl(404, "a payout can be: paid, fail")


def label(desk: Desk, shipment_id: str, act: str) -> Json:
    """Play the carrier that judges the refund of a label."""
    if act not in {"grant", "reject"}:
        raise BadControl(404, "the refund of a label can be: grant, reject")
    return shipments.judged(desk, shipment_id, is_granted=act == "grant")


def pickup(desk: Desk, pickup_id: str, act: str) -> Json:
    """Play the courier: collect the parcel, or miss it."""
    match act:
        case "collect":
            return pickups.collected(desk, pickup_id)
        case "miss":
            return pickups.missed(desk, pickup_id)
        case _:
            raise BadControl(404, "a pickup can be: collect, miss")


def _owner(world: World, kind: str, object_id: str) -> str:
    row = world.store.row("SELECT account FROM objects WHERE id = ? AND kind = ?", object_id, kind)
    if row is None:
        raise missing(kind, object_id)
    return str(row["account"])


def account(desk: Desk, account_id: str, asked: Json) -> Json:
    """Let a connected account lose or regain what it may do."""
    found = accounts.load(desk, account_id)
    for name in ("payouts_enabled", "charges_enabled"):
        if isinstance(asked.get(name), bool):
            found[name] = asked[name]
    if isinstance(asked.get("transfers"), str):
        found["capabilities"]["transfers"] = asked["transfers"]
    return accounts.changed(desk, found)


def topup(desk: Desk, asked: Json) -> Json:
    """Put money from the platform's own bank onto its balance."""
    told: Json = {name: str(asked[name]) for name in ("amount", "currency") if name in asked}
    return transfers.top_up(desk, Params(told))


def convert(desk: Desk, asked: Json) -> Json:
    """Turn money on the platform's balance into another currency, at whatever price is named."""
    sold, bought = asked.get("sold"), asked.get("bought")
    if not is_table(sold) or not is_table(bought):
        raise BadControl(400, "sold and bought are objects with amount and currency")
    return conversions.convert(desk, sold, bought)
