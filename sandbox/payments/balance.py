"""Balance transactions, and the balances that are their sums."""

from typing import Final

from sandbox.payments.errors import refused
from sandbox.payments.params import Params
from sandbox.store import Json
from sandbox.world import Desk, new_id

_CATEGORIES: Final = {
    "payment": "charge",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "transfer_refund": "transfer_reversal",
    "payment_refund": "refund",
}


def enter(desk: Desk, kind: str, source: Json, amount: int, fee: int = 0) -> Json:
    """Move *amount* minus *fee* (minor units, negative is out) on the desk's account."""
    currency = source["currency"]
    entry: Json = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": desk.at,
        "balance_type": "payments",
        "created": desk.at,
        "currency": currency,
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": _details(fee, currency),
        "net": amount - fee,
        "reporting_category": _CATEGORIES.get(kind, kind),
        "source": source["id"],
        "status": "available",
        "type": kind,
    }
    desk.store.run(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(entry["id"], desk.account, currency, kind, source["id"], amount, fee, desk.at),
    )
    return desk.keep(entry)


def _details(fee: int, currency: str) -> list[Json]:
    if not fee:
        return []
    about = {"type": "stripe_fee", "description": "Stripe processing fees", "application": None}
    return [{"amount": fee, "currency": currency, **about}]


def available(desk: Desk, currency: str) -> int:
    """What the account can dispose of, in minor units of *currency*."""
    return desk.store.number(
        "SELECT sum(amount - fee) FROM entries WHERE account = ? AND currency = ?",
        desk.account,
        currency,
    )


def sums(desk: Desk) -> dict[str, int]:
    found = desk.store.rows(
        "SELECT currency, sum(amount - fee) AS net FROM entries WHERE account = ? GROUP BY 1",
        desk.account,
    )
    return {row["currency"]: row["net"] for row in found}


def require(desk: Desk, amount: int, currency: str) -> None:
    """Refuse to move more than there is."""
    if available(desk, currency) < amount:
        raise refused(
            "You have insufficient available funds in your Stripe account: "
            f"{available(desk, currency)} {currency} are available, {amount} were asked for.",
            code="balance_insufficient",
        )


def show(desk: Desk, params: Params) -> Json:
    del params
    held = sums(desk) or {"usd": 0}
    return {
        "object": "balance",
        "available": [
            {"amount": net, "currency": currency, "source_types": {"card": net}}
            for currency, net in sorted(held.items())
        ],
        "connect_reserved": [{"amount": 0, "currency": name} for name in sorted(held)],
        "livemode": False,
        "pending": [
            {"amount": 0, "currency": name, "source_types": {"card": 0}} for name in sorted(held)
        ],
    }
