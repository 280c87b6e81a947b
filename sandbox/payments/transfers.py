"""Transfers from the platform to a connected account, and their reversals."""

from sandbox.payments import accounts, balance, currencies, payouts, refunds
from sandbox.payments.errors import invalid, missing, refused
from sandbox.payments.events import tell
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import PLATFORM, Desk, new_id


def load(desk: Desk, transfer_id: str) -> Json:
    transfer = desk.store.read("transfer", transfer_id, desk.account)
    if transfer is None:
        raise missing("transfer", transfer_id)
    return transfer


def create(desk: Desk, params: Params) -> Json:
    currency = currencies.known(params.required("currency"))
    params.required("amount")
    amount = currencies.payable(params.amount() or 0, currency)
    destination = params.required("destination")
    seller = accounts.load(desk, destination, "destination", 400)
    if desk.account != PLATFORM:
        raise invalid("Transfers are made by the platform, not by a connected account.")
    if seller["capabilities"].get("transfers") != "active":
        raise refused(
            "Your destination account needs to have at least one of the following capabilities"
            " enabled: transfers",
            code="insufficient_capabilities_for_transfer",
        )
    balance.require(desk, amount, currency)
    transfer = _shape(desk, amount, currency, destination) | {
        "description": params.optional("description"),
        "metadata": params.metadata(),
        "source_transaction": params.optional("source_transaction"),
        "transfer_group": params.optional("transfer_group"),
    }
    entry = balance.enter(desk, "transfer", transfer, -amount)
    transfer["balance_transaction"] = entry["id"]
    desk.keep(transfer)
    _arrive(desk.of(destination), transfer)
    tell(desk, "transfer.created", transfer)
    if seller["settings"]["payouts"]["schedule"]["interval"] != "manual":
        payouts.automatic(desk.of(destination), seller, currency)
    return transfer


def _shape(desk: Desk, amount: int, currency: str, destination: str) -> Json:
    transfer_id = new_id("tr")
    return {
        "id": transfer_id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "created": desk.at,
        "currency": currency,
        "destination": destination,
        "destination_payment": new_id("py"),
        "livemode": False,
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/transfers/{transfer_id}/reversals",
        },
        "reversed": False,
        "source_type": "card",
    }


def _arrive(seller_desk: Desk, transfer: Json) -> None:
    payment = {"id": transfer["destination_payment"], "currency": transfer["currency"]}
    balance.enter(seller_desk, "payment", payment, transfer["amount"])


def retrieve(desk: Desk, params: Params, transfer_id: str) -> Json:
    del params
    return load(desk, transfer_id)


def update(desk: Desk, params: Params, transfer_id: str) -> Json:
    transfer = load(desk, transfer_id)
    transfer["metadata"] = params.metadata(transfer["metadata"])
    tell(desk, "transfer.updated", transfer)
    return desk.keep(transfer)


def reverse(desk: Desk, params: Params, transfer_id: str) -> Json:
    transfer = load(desk, transfer_id)
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = params.amount() or left
    if not left or amount > left:
        raise refused(
            f"You are trying to reverse {amount} but only {left} of this transfer is not reversed.",
            param="amount",
        )
    seller_desk = desk.of(transfer["destination"])
    balance.require(seller_desk, amount, transfer["currency"])
    reversal: Json = {
        "id": new_id("trr"),
        "object": "transfer_reversal",
        "amount": amount,
        "created": desk.at,
        "currency": transfer["currency"],
        "destination_payment_refund": new_id("pyr"),
        "metadata": params.metadata(),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    entry = balance.enter(desk, "transfer_refund", reversal, amount)
    reversal["balance_transaction"] = entry["id"]
    back = {"id": reversal["destination_payment_refund"], "currency": reversal["currency"]}
    balance.enter(seller_desk, "payment_refund", back, -amount)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"] = [reversal, *transfer["reversals"]["data"]][:10]
    desk.keep(transfer)
    tell(desk, "transfer.reversed", transfer)
    refunds.pay_waiting(desk, transfer["currency"])
    return desk.keep(reversal)


def retrieve_reversal(desk: Desk, params: Params, transfer_id: str, reversal_id: str) -> Json:
    del params
    found = desk.store.read("transfer_reversal", reversal_id, desk.account)
    if found is None or found["transfer"] != transfer_id:
        raise missing("transfer_reversal", reversal_id)
    return found


def top_up(desk: Desk, params: Params) -> Json:
    """Money from the platform's own bank onto its balance."""
    currency = currencies.known(params.required("currency"))
    params.required("amount")
    amount = currencies.payable(params.amount() or 0, currency)
    topup: Json = {
        "id": new_id("tu"),
        "object": "topup",
        "amount": amount,
        "created": desk.at,
        "currency": currency,
        "description": params.optional("description"),
        "expected_availability_date": desk.at,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": params.metadata(),
        "source": None,
        "statement_descriptor": None,
        "status": "succeeded",
        "transfer_group": None,
    }
    topup["balance_transaction"] = balance.enter(desk, "topup", topup, amount)["id"]
    tell(desk, "topup.succeeded", topup)
    refunds.pay_waiting(desk, currency)
    return desk.keep(topup)
