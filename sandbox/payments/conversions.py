"""Money of the platform's balance turned into another currency, as its dashboard does it."""

from sandbox.payments import balance, currencies, refunds
from sandbox.payments.errors import invalid
from sandbox.store import Json
from sandbox.world import Desk, new_id


def convert(desk: Desk, sold: Json, bought: Json) -> Json:
    """Sell an amount (minor units) of one currency for one of another; two lines in the books."""
    sides = [_side(side) for side in (sold, bought)]
    if sides[0]["currency"] == sides[1]["currency"]:
        raise invalid("A conversion needs two currencies.", param="currency")
    balance.require(desk, sides[0]["amount"], sides[0]["currency"])
    conversion: Json = {
        "id": new_id("fxc"),
        "object": "conversion",
        "created": desk.at,
        "livemode": False,
        "metadata": {},
    }
    for name, side, sign in zip(("sold", "bought"), sides, (-1, 1), strict=True):
        source = {"id": conversion["id"], "currency": side["currency"]}
        entry = balance.enter(desk, "adjustment", source, sign * side["amount"])
        conversion[name] = side | {"balance_transaction": entry["id"]}
    desk.keep(conversion)
    refunds.pay_waiting(desk, sides[1]["currency"])
    return conversion


def _side(asked: Json) -> Json:
    currency = currencies.known(str(asked.get("currency", "")))
    amount = asked.get("amount")
    if not isinstance(amount, int) or amount < 1:
        raise invalid("An amount is a positive whole number.", param="amount")
    return {"amount": currencies.payable(amount, currency), "currency": currency}
