"""Looking into both books: what must hold at every instant, and what a life has left behind."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import TemplateError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from persistence.outbox import order_of
from runtime.letters import Letters, Occasion
from tests.support.sandbox import Json
from tests.support.shop import Shop

PLATFORM: Final = "acct_1SandboxPlatform"
# Balances that many tests share, by the names of our accounts of them.
_OURS: Final = {PLATFORM: "stripe", "easypost": "easypost"}
# Each says what is wrong where it finds a row (policy.md, invariants 1 to 3).
_NEVER: Final = {
    "the ledger sums to zero per currency": (
        "SELECT currency, sum(amount) FROM legs GROUP BY currency HAVING sum(amount) <> 0"
    ),
    "each entry sums to zero, in its own currency": (
        "SELECT key FROM postings LEFT JOIN legs ON posting = postings.id"
        " AND legs.currency = postings.currency"
        " GROUP BY key HAVING coalesce(sum(amount), 1) <> 0"
    ),
    "a balance is the sum of the legs of its account": (
        "SELECT b.kind, b.owner, b.currency, b.amount, coalesce(l.total, 0) FROM balances b"
        " FULL JOIN (SELECT kind, owner, currency, sum(amount) AS total FROM legs"
        " WHERE kind IN ('escrow', 'seller_payable', 'seller_reserve', 'seller_deposit',"
        " 'seller_ad_balance') GROUP BY 1, 2, 3) l USING (kind, owner, currency)"
        " WHERE b.amount IS DISTINCT FROM l.total"
    ),
    "captured >= refunded + charged back": (
        'SELECT "order" FROM order_money WHERE captured < refunded + charged_back'
    ),
    "released - recovered <= captured - refunded - charged back - held": (
        'SELECT "order" FROM order_money'
        " WHERE released - recovered"
        " > captured - refunded - charged_back - held + contributed"
    ),
    "carrier costs are what the platform bears, less what sellers paid for what is on its way": (
        "SELECT c.currency, c.posted, e.expected FROM (SELECT currency, sum(amount) AS posted"
        " FROM legs WHERE kind = 'carrier_costs' AND owner = ''"
        " GROUP BY currency HAVING sum(amount) <> 0) c"
        " FULL JOIN (SELECT e.currency, sum(CASE WHEN e.state = 'asked' THEN"
        " CASE WHEN l.bearer = 'seller' THEN -e.amount ELSE 0 END"
        " WHEN e.state = 'done' AND l.bearer = 'platform' AND NOT EXISTS"
        " (SELECT FROM postings p WHERE p.key = e.key || '/given-back') THEN e.amount"
        " ELSE 0 END) AS expected FROM effects e JOIN labels l"
        " ON e.key = l.key OR starts_with(e.key, l.key || '/pickup/')"
        " WHERE e.kind IN ('label', 'pickup') GROUP BY e.currency) e USING (currency)"
        " WHERE coalesce(c.posted, 0) <> coalesce(e.expected, 0)"
    ),
    "what the holds of an order keep is what its funds say": (
        'SELECT m."order", m.held FROM order_money m LEFT JOIN holds h'
        ' ON h."order" = m."order" AND h.lifted_at IS NULL'
        ' GROUP BY m."order", m.held HAVING m.held <> coalesce(sum(h.amount), 0)'
    ),
    "the escrow account of an order is what its funds say": (
        'SELECT m."order" FROM order_money m LEFT JOIN legs l'
        ' ON l.kind = \'escrow\' AND l.owner = m."order" GROUP BY m."order"'
        " HAVING captured - (refunded + charged_back - recovered - contributed) - released"
        " <> -coalesce(sum(l.amount), 0)"
    ),
    "what was exchanged is what the funds say went to the seller, and what the seller has of it": (
        'SELECT m."order" FROM order_money m LEFT JOIN (SELECT'
        " coalesce('order/' || d.\"order\", process) AS process,"
        " sum(CASE postings.kind WHEN 'exchange' THEN 0 ELSE -amount END) AS given,"
        " sum(CASE postings.kind WHEN 'exchange' THEN amount ELSE 0 END) AS settled"
        " FROM legs JOIN postings ON posting = postings.id"
        " LEFT JOIN disputes d ON process = 'dispute/' || d.dispute"
        " WHERE legs.kind = 'fx_result' AND NOT starts_with(postings.key, process || '/label/')"
        " GROUP BY 1) p ON p.process = 'order/' || m.\"order\""
        " WHERE coalesce(p.settled, 0) <> m.settled OR coalesce(p.given, 0) <>"
        " CASE m.settles_in WHEN '' THEN 0 ELSE released - recovered - charged END"
    ),
    "refunds in transit are the effects that were asked and have no end": (
        "SELECT o.owner, o.open, e.open FROM"
        " (SELECT owner, -sum(amount) AS open FROM legs WHERE kind = 'refunds_in_transit'"
        " GROUP BY owner HAVING sum(amount) <> 0) o FULL JOIN"
        " (SELECT CASE WHEN starts_with(subject, 'order/') THEN substr(subject, 7) ELSE subject END"
        " AS owner, sum(amount) AS open FROM effects"
        " WHERE kind IN ('refund', 'late_refund') AND state = 'asked' GROUP BY subject) e"
        " USING (owner) WHERE o.open IS DISTINCT FROM e.open"
    ),
    "the orders of a purchase have what its payment has": (
        "SELECT p.purchase FROM purchases p JOIN purchase_allocations a USING (purchase)"
        ' JOIN order_money m ON m."order" = a."order" GROUP BY p.purchase'
        " HAVING sum(a.amount - a.subsidy) <> p.total OR sum(a.fee) <> p.fee"
        " OR sum(m.captured - m.subsidised - m.borne) <> p.captured"
        " OR sum(m.refunded - m.subsidised_back - m.borne_back) <> p.refunded"
    ),
    "payouts in transit are the effects that were asked and have no end": (
        "SELECT o.owner, o.open, e.open FROM"
        " (SELECT owner, -sum(amount) AS open FROM legs WHERE kind = 'payouts_in_transit'"
        " GROUP BY owner HAVING sum(amount) <> 0) o FULL JOIN"
        " (SELECT substr(t.subject, 8) AS owner, t.amount AS open FROM effects t LEFT JOIN"
        " effects p ON p.subject = t.subject AND p.kind = 'payout' WHERE t.kind = 'transfer'"
        " AND t.state <> 'failed' AND (coalesce(p.state, 'asked') = 'asked' OR p.state = 'failed'"
        # Given up on record, but the money has still to be taken back from the seller's account.
        " AND NOT EXISTS (SELECT FROM effects b WHERE b.subject = t.subject"
        " AND b.kind = 'take_back' AND b.state = 'done')"
        " AND NOT EXISTS (SELECT FROM postings WHERE key = t.subject || '/paid'))) e"
        " USING (owner) WHERE o.open IS DISTINCT FROM e.open"
    ),
}


async def wrongs(engine: AsyncEngine) -> dict[str, Sequence[Any]]:
    """The invariants that do not hold, each with the rows that break it."""
    async with engine.connect() as db:
        broken = (await db.execute(_ALL)).scalars().all()
        return {rule: (await db.execute(text(_NEVER[rule]))).all() for rule in broken}


_ALL: Final = text(
    " UNION ALL ".join(f"SELECT '{rule}' WHERE EXISTS ({query})" for rule, query in _NEVER.items())
)


_WRITER: Final = Letters()
# One letter of each make: what a template lacks once, it lacks always.
_LETTERS: Final = """
SELECT DISTINCT ON (template, audience, named) template, audience, subject, facts
FROM outbox CROSS JOIN LATERAL (
    SELECT array_agg(name ORDER BY name) AS named FROM jsonb_object_keys(facts) AS name
) AS its
WHERE sealed IS NULL AND state = 'waiting'
"""


async def unwritable(engine: AsyncEngine) -> list[str]:
    """The letters that nobody would ever get: their words name a fact that was not told."""
    found: list[str] = []
    async with engine.connect() as db:
        for template, audience, subject, facts in (await db.execute(text(_LETTERS))).all():
            order = await order_of(db, subject)
            try:
                _WRITER.write(Occasion(template, audience, subject, facts, order=order))
            except TemplateError as lacking:
                found.append(f"{template} to the {audience} of {subject}: {lacking!r}")
    return found


async def differences(shop: Shop) -> dict[str, tuple[int, int]]:
    """Where our clearing accounts and the provider's balances differ: (ours, theirs).

    The platform's balance is shared with other tests, so of it only lines that carry the name of
    one of our orders or payouts count; a connected account is wholly ours. What was paid by hand
    left from elsewhere: no provider knows of it.
    """
    async with shop.engine.connect() as db:
        ours = (
            await db.execute(
                text(
                    "SELECT owner, currency, sum(amount) FROM legs"
                    " WHERE kind = 'provider_clearing' AND owner <> 'by_hand'"
                    " GROUP BY owner, currency"
                )
            )
        ).all()
        named = (await db.execute(text("SELECT DISTINCT subject FROM effects"))).scalars().all()
        orders = (await db.execute(text('SELECT "order" FROM order_money'))).scalars().all()
        claims = (await db.execute(text("SELECT chargeback FROM chargebacks"))).scalars().all()
        bought = (await db.execute(text("SELECT purchase FROM purchases"))).scalars().all()
    subjects = {name.partition("/")[2] for name in named} | set(orders) | set(bought) | set(claims)
    theirs = await _balances(shop, subjects)
    mine = {f"{owner}/{currency}": int(amount) for owner, currency, amount in ours if amount}
    return {
        account: (mine.get(account, 0), theirs.get(account, 0))
        for account in sorted(mine.keys() | theirs.keys())
        if mine.get(account, 0) != theirs.get(account, 0)
    }


async def _balances(shop: Shop, subjects: set[str]) -> dict[str, int]:
    """The provider's balances, as far as they are ours, by the names of our accounts."""
    found: dict[str, int] = {}
    for line in (await shop.world.effects())["lines"]:
        kinds = ("order", "payout", "purchase", "dispute", "repayment", "chargeback")
        whose = {line[kind] for kind in kinds}
        if line["account"] in _OURS and subjects & whose:
            name = f"{_OURS[line['account']]}/{line['currency'].upper()}"
            found[name] = found.get(name, 0) + line["amount"] - line["fee"]
    for currency, page in (await shop.world.books())["currencies"].items():
        for account, balance in page["connected_balances"].items():
            if account in shop.accounts.values():
                found[f"stripe:{account}/{currency.upper()}"] = balance
    return {name: amount for name, amount in found.items() if amount}


@dataclass(frozen=True)
class Left:
    """What one life left behind, with its own names taken out: two lives can be compared."""

    entries: tuple[str, ...]
    rows: tuple[str, ...]
    effects: tuple[str, ...]
    story: tuple[str, ...]
    provider: tuple[str, ...]


_REFERENCE: Final = re.compile(
    r"\b(pi|ch|re|tr|trr|po|acct|trk|evt|txn|shp|rate|pl|pickup|du)_[A-Za-z0-9]\w*"
)
_NUMBER: Final = re.compile(r"\b(\d{10}|1Z[A-Z]{3}\d{13})\b")


_ENTRIES: Final = """
SELECT key, postings.kind, process, postings.effective_at, legs.kind, owner, legs.currency, amount
FROM postings JOIN legs ON posting = postings.id WHERE strpos(key, :o) > 0 OR strpos(key, :s) > 0
"""
_ROWS: Final = """
SELECT to_jsonb(m)::text FROM order_money m WHERE "order" = :o
UNION ALL SELECT to_jsonb(x)::text FROM order_exchanges x WHERE "order" = :o
UNION ALL SELECT to_jsonb(b)::text FROM balances b WHERE owner IN (:o, :s)
UNION ALL SELECT to_jsonb(h)::text FROM holds h WHERE "order" = :o
UNION ALL SELECT state::text FROM order_views WHERE "order" = :o
UNION ALL SELECT state::text FROM payouts WHERE seller = :s
UNION ALL SELECT to_jsonb(p)::text FROM purchases p WHERE purchase = :o
UNION ALL SELECT to_jsonb(a)::text FROM purchase_allocations a WHERE purchase = :o
UNION ALL SELECT state::text FROM purchase_views WHERE purchase = :o
UNION ALL SELECT to_jsonb(m)::text FROM order_money m JOIN purchase_allocations a
    ON a."order" = m."order" WHERE a.purchase = :o
UNION ALL SELECT state::text FROM dispute_views WHERE "order" = :o
UNION ALL SELECT state::text FROM chargebacks c WHERE EXISTS (SELECT FROM chargeback_orders o
    WHERE o.chargeback = c.chargeback AND strpos(o."order", :o) > 0)
UNION ALL SELECT state::text FROM repayments WHERE "order" = :o
UNION ALL SELECT to_jsonb(d)::text FROM dispute_lines d WHERE "order" = :o
UNION ALL SELECT to_jsonb(l)::text FROM labels l WHERE "order" = :o
UNION ALL SELECT (to_jsonb(p) - 'confirmation')::text FROM pickups p WHERE strpos(label, :o) > 0
"""
_EFFECTS: Final = """
SELECT key, kind, currency, amount, state, failure, reference FROM effects
WHERE strpos(subject, :o) > 0 OR strpos(subject, :s) > 0
"""
_STORY: Final = """
SELECT kind, version, at, facts::text FROM timeline
WHERE strpos(subject, :o) > 0 OR strpos(subject, :s) > 0
UNION ALL SELECT kind, 0, raised_at, detail FROM alarms
WHERE strpos(subject, :o) > 0 OR strpos(subject, :s) > 0
"""


async def left_by(shop: Shop, order: str, seller: str) -> Left:
    """Everything that one order, and the payouts of its seller, left in both books."""

    async def rows(query: str) -> tuple[str, ...]:
        async with shop.engine.connect() as db:
            found = (await db.execute(text(query), {"o": order, "s": seller})).all()
        return tuple(sorted(named(" ".join(map(str, row))) for row in found))

    def named(words: str) -> str:
        plain = words.replace(order, "ORDER").replace(seller, "SELLER")
        return _NUMBER.sub("NUMBER", _REFERENCE.sub(r"\1", plain))

    return Left(
        entries=await rows(_ENTRIES),
        rows=await rows(_ROWS),
        effects=await rows(_EFFECTS),
        story=await rows(_STORY),
        provider=await _at_provider(shop, order, seller, named),
    )


async def _at_provider(
    shop: Shop, order: str, seller: str, named: Callable[[str], str]
) -> tuple[str, ...]:
    lines: list[Json] = [
        line
        for line in (await shop.world.effects())["lines"]
        if order in (line["order"], line["purchase"])
        or str(line["order"] or line["dispute"]).startswith(f"{order}-")
        or str(line["payout"]).startswith(f"{seller}/")
    ]
    kept = ("key", "type", "amount", "fee", "currency", "status")
    return tuple(sorted(named(" ".join(str(line[name]) for name in kept)) for line in lines))
