"""Payouts from an account's balance to its bank; the bank may send them back."""

from typing import Final

from sandbox.payments import accounts, balance, currencies
from sandbox.payments.errors import missing, refused
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import PLATFORM, Desk, new_id

_WHY: Final = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "could_not_process": "The bank could not process this payout.",
    "declined": "The bank has declined this transfer.",
    "invalid_account_number": "The bank account number appears to be invalid.",
    "no_account": "The bank account details on file are probably incorrect.",
}
_ENDED: Final = ("failed", "canceled")


def load(desk: Desk, payout_id: str) -> Json:
    payout = desk.store.read("payout", payout_id, desk.account)
    if payout is None:
        raise missing("payout", payout_id)
    return payout


def create(desk: Desk, params: Params) -> Json:
    """A payout, told as pending; what the bank does with it is told by events."""
    currency = currencies.known(params.required("currency"))
    params.required("amount")
    amount = currencies.payable(params.amount() or 0, currency, paid_out=True)
    payout = _shape(desk, amount, currency, _bank(desk)) | {
        "description": params.optional("description"),
        "metadata": params.metadata(),
        "method": params.choice("method", ("standard", "instant")),
        "statement_descriptor": params.optional("statement_descriptor"),
    }
    balance.require(desk, amount, currency)
    return _send(desk, payout)


def _bank(desk: Desk) -> str:
    if desk.account == PLATFORM:
        return "ba_1SandboxPlatform"
    seller = accounts.load(desk, desk.account)
    if not seller["payouts_enabled"]:
        raise refused(
            "Payouts are not enabled on this account: it has to give more information first.",
            code="payouts_not_allowed",
        )
    return str(seller["external_accounts"]["data"][0]["id"])


def _send(desk: Desk, payout: Json) -> Json:
    entry = balance.enter(desk, "payout", payout, -payout["amount"])
    payout["balance_transaction"] = entry["id"]
    tell(desk, "payout.created", payout)
    desk.keep(payout)
    answer = dict(payout)
    if desk.rules.auto_payouts:
        pay(desk, payout)
    return answer


def automatic(desk: Desk, seller: Json, currency: str) -> None:
    """What happens to a seller whose schedule is not manual: all there is leaves by itself."""
    amount = balance.available(desk, currency)
    if amount > 0 and seller["payouts_enabled"]:
        bank = str(seller["external_accounts"]["data"][0]["id"])
        payout: Json = _shape(desk, amount, currency, bank)
        payout |= {"automatic": True, "metadata": {}}
        _send(desk, payout)


def _shape(desk: Desk, amount: int, currency: str, bank: str) -> Json:
    nothing = (
        *("application_fee", "application_fee_amount", "description", "original_payout"),
        *("failure_balance_transaction", "failure_code", "failure_message", "reversed_by"),
        *("payout_method", "statement_descriptor", "trace_id"),
    )
    return dict.fromkeys(nothing) | {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "arrival_date": desk.at,
        "automatic": False,
        "created": desk.at,
        "currency": currency,
        "destination": bank,
        "livemode": False,
        "method": "standard",
        "reconciliation_status": "not_applicable",
        "source_type": "card",
        "status": "pending",
        "type": "bank_account",
    }


def retrieve(desk: Desk, params: Params, payout_id: str) -> Json:
    del params
    return load(desk, payout_id)


def update(desk: Desk, params: Params, payout_id: str) -> Json:
    payout = load(desk, payout_id)
    payout["metadata"] = params.metadata(payout["metadata"])
    tell(desk, "payout.updated", payout)
    return desk.keep(payout)


def pay(desk: Desk, payout: Json) -> Json:
    """The bank took it in, and the money is there."""
    if payout["status"] not in {"pending", "in_transit"}:
        raise refused(f"This payout is {payout['status']}.")
    if payout["status"] == "pending":
        payout["status"] = "in_transit"
        tell(desk, "payout.updated", payout, before={"status": "pending"})
    payout |= {"status": "paid", "arrival_date": desk.at}
    tell(desk, "payout.paid", payout)
    return desk.keep(payout)


def fail(desk: Desk, payout: Json, code: str = "could_not_process") -> Json:
    """The bank sends it back, perhaps days after "paid": the money is on the balance again."""
    if payout["status"] in _ENDED:
        raise refused(f"This payout is {payout['status']}.")
    why = _WHY.get(code, "The bank returned this payout.")
    outcome = {"status": "failed", "failure_code": code, "failure_message": why}
    return _return(desk, payout, "payout_failure", outcome)


def cancel(desk: Desk, params: Params, payout_id: str) -> Json:
    del params
    payout = load(desk, payout_id)
    if payout["status"] != "pending":
        raise refused("Payouts can only be canceled while they are pending.")
    return _return(desk, payout, "payout_cancel", {"status": "canceled"})


def _return(desk: Desk, payout: Json, kind: str, outcome: Json) -> Json:
    entry = balance.enter(desk, kind, payout, payout["amount"])
    payout |= outcome | {"failure_balance_transaction": entry["id"]}
    tell(desk, f"payout.{outcome['status']}", payout)
    return desk.keep(payout)
