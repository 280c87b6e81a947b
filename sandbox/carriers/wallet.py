"""The wallet that postage is paid from, and its own book of what was charged and given back."""

from dataclasses import dataclass
from typing import Final

from sandbox.carriers.errors import EasyPostError
from sandbox.store import Json, Store
from sandbox.world import Desk

ACCOUNT: Final = "easypost"
_PAYMENT_REQUIRED: Final = 402


@dataclass(frozen=True, slots=True)
class Bill:
    """What is charged for: the thing, its maker's key, and whose it is (printed on the label)."""

    source: str
    key: str | None
    subject: str | None
    currency: str


def charge(desk: Desk, bill: Bill, kind: str, minor: int) -> None:
    """Take *minor* units, or refuse where the wallet does not have them."""
    if balance(desk) < minor:
        raise EasyPostError(
            _PAYMENT_REQUIRED, "INSUFFICIENT_FUNDS", "Insufficient funds: add to your balance."
        )
    _note(desk, bill, kind, -minor)


def give_back(desk: Desk, bill: Bill, kind: str, minor: int) -> None:
    """Put *minor* units back that were charged."""
    _note(desk, bill, kind, minor)


def balance(desk: Desk) -> int:
    """What is left, in minor units of whatever postage is billed in."""
    spent = desk.store.number("SELECT sum(amount) FROM carriage")
    return desk.rules.wallet + spent


def _note(desk: Desk, bill: Bill, kind: str, amount: int) -> None:
    if not amount:
        return
    desk.store.insert(
        "INSERT INTO carriage (source, key, subject, type, amount, currency, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(bill.source, bill.key, bill.subject, kind, amount, bill.currency.lower(), desk.at),
    )


_LINES: Final = """
SELECT source, key, subject, type, amount, currency, carriage.created AS created,
    coalesce(json_extract(body, '$.refund_status'), json_extract(body, '$.status')) AS status
FROM carriage JOIN objects ON objects.id = source ORDER BY carriage.seq
"""
_TWICE: Final = """
SELECT key, group_concat(DISTINCT source) AS sources FROM carriage
WHERE key IS NOT NULL AND amount < 0 GROUP BY key HAVING count(*) > 1
"""


def lines(store: Store, subject: str | None) -> list[Json]:
    """Each charge and refund in the form of the other books' lines, oldest first."""
    return [
        {
            "entry": None,
            "key": row["key"],
            "type": row["type"],
            "amount": row["amount"],
            "fee": 0,
            "currency": row["currency"],
            "source": row["source"],
            "status": row["status"],
            "account": ACCOUNT,
            "created": row["created"],
            "order": row["subject"],
            "payout": None,
            "purchase": None,
            "dispute": None,
            "repayment": None,
            "chargeback": None,
        }
        for row in store.rows(_LINES)
        if subject is None or subject == row["subject"]
    ]


def twice(store: Store) -> list[Json]:
    """Keys that more than one thing was charged for; there must be none."""
    return [
        {"key": row["key"], "sources": sorted(row["sources"].split(","))}
        for row in store.rows(_TWICE)
    ]


def summary(store: Store) -> Json:
    """Per currency: what was charged, and what came back."""
    found = store.rows(
        "SELECT currency, sum(max(0, -amount)) AS charged, sum(max(0, amount)) AS refunded"
        " FROM carriage GROUP BY currency"
    )
    return {
        row["currency"]: {"charged": row["charged"], "refunded": row["refunded"]} for row in found
    }
