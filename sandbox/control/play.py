"""What a player can do to the world, in the words of the control API and its page."""

from http import HTTPStatus

from sandbox.carriers.trackers import DETAILS, STATUSES, Scan
from sandbox.payments import accounts, conversions, intents, methods, payouts, refunds, transfers
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
    """Play the buyer (pay) or the bank of a slow payment (arrive, fail)."""
    desk = desk.of(_owner(desk.world, "payment_intent", intent_id))
    intent = intents.load(desk, intent_id)
    match act:
        case "pay":
            return _pay(desk, intent, asked.get("method", "card"), _amount(asked))
        case "arrive":
            if intent["status"] not in {"requires_action", "processing"}:
                raise BadControl(409, f"nothing is on its way: it is {intent['status']}")
            method = methods.resolve(desk, intent["payment_method"])
            return intents.receive(desk, intent, method, _amount(asked) or intent["amount"])
        case "fail":
            return intents.fail_slow(desk, intent)
        case "cancel":
            return intents.cancel(desk, Params({}), intent_id)
        case _:
            raise BadControl(404, "a payment can be: pay, arrive, fail, cancel")


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
    return Scan(status, at, message or "", city, country, detail)


def refund(world: World, refund_id: str, act: str, asked: Json, at: int | None) -> Json:
    """Play the buyer's bank: the refund reaches it, or comes back."""
    desk = world.desk(account=_owner(world, "refund", refund_id), at=at)
    found = refunds.load(desk, refund_id)
    if act == "succeed":
        return refunds.succeed(desk, found)
    if act == "fail":
        return refunds.fail(desk, found, asked.get("reason", "expired_or_canceled_card"))
    raise BadControl(404, "a refund can: succeed, fail")


def payout(world: World, payout_id: str, act: str, asked: Json, at: int | None) -> Json:
    """Play the seller's bank: it takes the payout in, or sends it back."""
    desk = world.desk(account=_owner(world, "payout", payout_id), at=at)
    found = payouts.load(desk, payout_id)
    if act == "paid":
        return payouts.pay(desk, found)
    if act == "fail":
        return payouts.fail(desk, found, asked.get("code", "could_not_process"))
    raise BadControl(404, "a payout can be: paid, fail")


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
