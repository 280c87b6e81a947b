"""The witness: what really moved, told so that a ledger can be compared line by line."""

from typing import Final

from sandbox.carriers import wallet
from sandbox.store import Json, Store
from sandbox.world import PLATFORM

_SUMS: Final = {
    "captured": ("charge",),
    "refunded": ("refund", "refund_failure"),
    "transferred": ("transfer",),
    "reversed": ("transfer_refund",),
    "paid_out": ("payout", "payout_failure", "payout_cancel"),
    "topped_up": ("topup",),
}
_OUTWARD: Final = frozenset({"refunded", "transferred", "paid_out"})
# What arrives at a seller mirrors a transfer or a reversal, and is no second effect.
_MIRRORS: Final = ("payment", "payment_refund")


def summary(store: Store) -> Json:
    """Sums per currency in minor units, and the balances now.

    Refunded and paid out are net of what came back.
    """
    found = store.rows(
        "SELECT currency, account, type, sum(amount) AS amount, sum(fee) AS fee FROM entries"
        " GROUP BY currency, account, type"
    )
    books: Json = {}
    for row in found:
        page = books.setdefault(row["currency"], _empty())
        page["fees"] += row["fee"]
        for name, kinds in _SUMS.items():
            if row["type"] in kinds:
                page[name] += -row["amount"] if name in _OUTWARD else row["amount"]
        net = row["amount"] - row["fee"]
        if row["account"] == PLATFORM:
            page["platform_balance"] += net
        else:
            held = page["connected_balances"]
            held[row["account"]] = held.get(row["account"], 0) + net
    return {
        "currencies": books,
        "carriage": wallet.summary(store),
        "duplicates": duplicates(store),
    }


def _empty() -> Json:
    sums: Json = dict.fromkeys((*_SUMS, "fees", "platform_balance"), 0)
    return sums | {"connected_balances": {}}


def by_key(store: Store, subject: str | None = None) -> Json:
    """Each effect with the key that its maker gave it, oldest first.

    *subject* is the id of an order, purchase, payout or dispute in the metadata. Amounts are
    signed as the account saw them; the carriers' wallet is the account "easypost".
    """
    lines = [*_lines(store, subject), *wallet.lines(store, subject)]
    return {"lines": lines, "duplicates": duplicates(store)}


_EFFECTS: Final = """
SELECT entries.id AS entry, entries.type, entries.amount, entries.fee, entries.currency,
    entries.account, entries.created, entries.source,
    json_extract(body, '$.metadata.key') AS key, json_extract(body, '$.metadata.order') AS "order",
    json_extract(body, '$.metadata.payout') AS payout,
    json_extract(body, '$.metadata.purchase') AS purchase,
    json_extract(body, '$.metadata.dispute') AS dispute,
    json_extract(body, '$.metadata.repayment') AS repayment,
    json_extract(body, '$.metadata.chargeback') AS chargeback,
    json_extract(body, '$.status') AS status
FROM entries JOIN objects ON objects.id = entries.source
WHERE entries.type NOT IN (?, ?)
"""
_DUPLICATES: Final = (
    f"WITH effects AS ({_EFFECTS}) SELECT key, group_concat(DISTINCT source) AS sources"  # noqa: S608 no value of anybody's in it
    " FROM effects WHERE key IS NOT NULL GROUP BY key HAVING count(DISTINCT source) > 1"
)
# What of ours an effect can be about.
_OBJECTS: Final = ("order", "payout", "purchase", "dispute", "repayment", "chargeback")
_SHOWN: Final = (
    *(
        "entry",
        "key",
        "type",
        "amount",
        "fee",
        "currency",
        "source",
        "status",
        "account",
        "created",
    ),
    *_OBJECTS,
)


def _lines(store: Store, subject: str | None) -> list[Json]:
    found = store.rows(f"{_EFFECTS} ORDER BY entries.rowid", *_MIRRORS)
    return [
        {name: row[name] for name in _SHOWN}
        for row in found
        if subject is None or subject in {row[name] for name in _OBJECTS}
    ]


def duplicates(store: Store) -> list[Json]:
    """Keys under which more than one thing was done; there must be none."""
    found = store.rows(_DUPLICATES, *_MIRRORS)
    shown = [{"key": row["key"], "sources": sorted(row["sources"].split(","))} for row in found]
    return [*shown, *wallet.twice(store)]
