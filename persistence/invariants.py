"""What must be true of the books at every instant, as SQL that finds where it is not.

Each check is one statement, so that it sees one consistent state of the books.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import LOCKED
from persistence.upkeep_port import Breach

# Nothing is on its way for longer: a provider that is away for three days parks a process.
ON_ITS_WAY_AT_MOST: Final = timedelta(days=4)
# Twenty business days, and some holidays: then a refund that is not final needs a person.
NOT_FINAL_AT_MOST: Final = timedelta(days=30)
_MOST_KEYS: Final = 50


@dataclass(frozen=True)
class Check:
    """One invariant: its name, what to say when it is broken, and the query that finds where.

    Each row has `subject`, and whatever else makes the sentence and the facts of the alarm.
    """

    name: str
    detail: str
    query: str


CHECKS: Final = (
    Check(
        "unbalanced_currency",
        "the ledger is off by {amount} {currency}",
        """
        SELECT currency AS subject, currency, sum(amount)::bigint AS amount
        FROM legs GROUP BY currency HAVING sum(amount) <> 0
        """,
    ),
    Check(
        "unbalanced_posting",
        "the entry's sides differ by {amount}",
        """
        SELECT p.key AS subject, coalesce(sum(l.amount), 0)::bigint AS amount
        FROM postings p LEFT JOIN legs l ON l.posting = p.id
        GROUP BY p.id, l.currency HAVING count(l.id) = 0 OR sum(l.amount) <> 0
        """,
    ),
    Check(
        "balance_drifted",
        "the balance row says {kept} and the entries say {posted}",
        """
        WITH posted AS (
            SELECT kind, owner, currency, sum(amount) AS amount FROM legs
            WHERE kind = ANY(:locked) GROUP BY kind, owner, currency
        )
        SELECT concat_ws('/', kind, owner, currency) AS subject, kind, owner,
            coalesce(b.amount, 0)::bigint AS kept, coalesce(p.amount, 0)::bigint AS posted
        FROM balances b FULL JOIN posted p USING (kind, owner, currency)
        WHERE coalesce(b.amount, 0) <> coalesce(p.amount, 0)
        """,
    ),
    Check(
        "refunded_beyond_captured",
        "refunded {refunded} and charged back {charged_back} of {captured} captured",
        """
        SELECT 'order/' || "order" AS subject, captured, refunded, charged_back
        FROM order_money WHERE refunded + charged_back > captured
        """,
    ),
    Check(
        "released_beyond_escrow",
        "released {released}, of which {recovered} came back, with {left} to release",
        """
        SELECT 'order/' || "order" AS subject, released, recovered,
            captured - refunded - charged_back - held + contributed AS left
        FROM order_money
        WHERE released - recovered
            > captured - refunded - charged_back - held + contributed
        """,
    ),
    Check(
        "escrow_drifted",
        "escrow holds {posted} and the order's money says {kept}",
        """
        WITH posted AS (
            SELECT owner, currency, -sum(amount) AS amount FROM legs
            WHERE kind = 'escrow' GROUP BY owner, currency
        )
        SELECT 'order/' || coalesce(m."order", p.owner) AS subject,
            coalesce(p.amount, 0)::bigint AS posted,
            coalesce(
                m.captured - m.refunded - m.charged_back + m.recovered + m.contributed
                    - m.released, 0
            ) AS kept
        FROM order_money m
        FULL JOIN posted p ON p.owner = m."order" AND p.currency = m.currency
        WHERE coalesce(p.amount, 0) <> coalesce(
            m.captured - m.refunded - m.charged_back + m.recovered + m.contributed
                - m.released, 0
        )
        """,
    ),
    Check(
        "captured_drifted",
        "{posted} was posted as captured and the order's money says {kept}",
        """
        WITH posted AS (
            SELECT l.owner, -sum(l.amount) AS amount
            FROM legs l JOIN postings p ON p.id = l.posting
            WHERE l.kind = 'escrow' AND p.kind = 'capture' GROUP BY l.owner
        )
        SELECT 'order/' || m."order" AS subject, m.captured AS kept,
            coalesce(p.amount, 0)::bigint AS posted
        FROM order_money m LEFT JOIN posted p ON p.owner = m."order"
        WHERE m.captured <> coalesce(p.amount, 0)
        """,
    ),
    Check(
        "holds_drifted",
        "holds sum to {standing} and the order's money says {kept}",
        """
        WITH standing AS (
            SELECT "order", sum(amount) AS amount FROM holds WHERE lifted_at IS NULL
            GROUP BY "order"
        )
        SELECT 'order/' || m."order" AS subject, m.held AS kept,
            coalesce(s.amount, 0)::bigint AS standing
        FROM order_money m LEFT JOIN standing s ON s."order" = m."order"
        WHERE m.held <> coalesce(s.amount, 0)
        """,
    ),
    Check(
        "exchange_drifted",
        "{given} was exchanged, of which the order's money says {kept}; the seller was given "
        "{settled}, of which it says {kept_settled}",
        """
        WITH posted AS (
            SELECT coalesce('order/' || d."order", p.process) AS subject,
                coalesce(-sum(l.amount) FILTER (WHERE p.kind <> 'exchange'), 0) AS given,
                coalesce(sum(l.amount) FILTER (WHERE p.kind = 'exchange'), 0) AS settled
            FROM legs l JOIN postings p ON p.id = l.posting
                LEFT JOIN disputes d ON p.process = 'dispute/' || d.dispute
            WHERE l.kind = 'fx_result'
                AND (starts_with(p.process, 'order/') OR d.dispute IS NOT NULL)
                AND NOT starts_with(p.key, p.process || '/label/')
            GROUP BY 1
        ), kept AS (
            SELECT 'order/' || "order" AS subject, settled AS kept_settled,
                CASE settles_in WHEN '' THEN 0 ELSE released - recovered - charged END AS kept
            FROM order_money
        )
        SELECT subject, given::bigint, kept::bigint, settled::bigint, kept_settled::bigint
        FROM posted FULL JOIN kept USING (subject)
        WHERE coalesce(given, 0) <> coalesce(kept, 0)
            OR coalesce(settled, 0) <> coalesce(kept_settled, 0)
        """,
    ),
    Check(
        "refunds_in_transit_drifted",
        "{posted} is in transit and {asked} was asked of the provider",
        """
        WITH posted AS (
            SELECT CASE WHEN owner LIKE '%/%' THEN owner ELSE 'order/' || owner END
                AS subject, -sum(amount) AS amount FROM legs
            WHERE kind = 'refunds_in_transit' GROUP BY owner
        ), asked AS (
            SELECT subject, sum(amount) AS amount FROM effects
            WHERE kind IN ('refund', 'late_refund') AND state = 'asked' GROUP BY subject
        )
        SELECT subject, coalesce(p.amount, 0)::bigint AS posted,
            coalesce(a.amount, 0)::bigint AS asked
        FROM posted p FULL JOIN asked a USING (subject)
        WHERE coalesce(p.amount, 0) <> coalesce(a.amount, 0)
        """,
    ),
    Check(
        "payouts_in_transit_drifted",
        "{posted} is in transit while its effects are {states}",
        """
        WITH posted AS (
            SELECT 'payout/' || owner AS subject, -sum(amount) AS amount FROM legs
            WHERE kind = 'payouts_in_transit' GROUP BY owner
        ), asked AS (
            SELECT e.subject, bool_or(e.state = 'asked') AS is_open,
                -- A payout that was given up is over when its share is owed again or was paid by
                -- hand: until then the transfer is being taken back, and is on its way still.
                bool_or(e.kind = 'payout' AND e.state = 'done' OR p.key IS NOT NULL) AS is_over,
                string_agg(e.kind || ' ' || e.state, ', ' ORDER BY e.key) AS states
            FROM effects e LEFT JOIN postings p
                ON p.key IN (e.subject || '/reversed', e.subject || '/by_hand')
            WHERE e.kind IN ('transfer', 'payout') GROUP BY e.subject
        )
        SELECT a.subject, coalesce(p.amount, 0)::bigint AS posted, a.states
        FROM asked a LEFT JOIN posted p USING (subject)
        WHERE (a.is_over AND coalesce(p.amount, 0) <> 0)
            OR (a.is_open AND NOT a.is_over AND coalesce(p.amount, 0) = 0)
        """,
    ),
    Check(
        "carrier_costs_drifted",
        "carrier costs are {posted} {currency} and the labels make {borne}",
        """
        WITH posted AS (
            SELECT currency, sum(amount) AS amount FROM legs
            WHERE kind = 'carrier_costs' AND owner = '' GROUP BY currency
        ), borne AS (
            SELECT e.currency, sum(CASE
                WHEN e.state = 'asked' AND l.bearer = 'seller' THEN -e.amount
                WHEN e.state = 'done' AND l.bearer = 'platform' AND NOT EXISTS (
                    SELECT FROM postings p WHERE p.key = e.key || '/given-back'
                ) THEN e.amount
                ELSE 0 END) AS amount
            FROM effects e
            JOIN labels l ON e.key = l.key OR starts_with(e.key, l.key || '/pickup/')
            WHERE e.kind IN ('label', 'pickup') GROUP BY e.currency
        )
        SELECT 'carrier_costs/' || currency AS subject, 'carrier_costs' AS kind, currency,
            coalesce(p.amount, 0)::bigint AS posted, coalesce(b.amount, 0)::bigint AS borne
        FROM posted p FULL JOIN borne b USING (currency)
        WHERE coalesce(p.amount, 0) <> coalesce(b.amount, 0)
        """,
    ),
    Check(
        "in_transit_too_long",
        "{amount} has been on its way since {since}",
        """
        SELECT CASE WHEN l.kind <> 'refunds_in_transit' THEN 'payout/'
            WHEN l.owner LIKE '%/%' THEN '' ELSE 'order/' END || l.owner
            AS subject, -sum(l.amount)::bigint AS amount, max(l.effective_at)::text AS since
        FROM legs l WHERE l.kind IN ('refunds_in_transit', 'payouts_in_transit')
        GROUP BY l.kind, l.owner
        HAVING sum(l.amount) <> 0 AND max(l.effective_at) < :on_its_way_since
        """,
    ),
    Check(
        "purchase_misallocated",
        "its orders' shares sum to {allocated} and {total} is asked of the buyer",
        """
        SELECT 'purchase/' || p.purchase AS subject, p.total,
            coalesce(sum(a.amount - a.subsidy), 0)::bigint AS allocated
        FROM purchases p LEFT JOIN purchase_allocations a ON a.purchase = p.purchase
        GROUP BY p.purchase HAVING coalesce(sum(a.amount - a.subsidy), 0) <> p.total
        """,
    ),
    Check(
        "purchase_money_drifted",
        "its orders captured {captured} and refunded {refunded}, and the payment says "
        "{paid} and {returned}",
        """
        SELECT 'purchase/' || p.purchase AS subject, p.captured AS paid, p.refunded AS returned,
            coalesce(sum(m.captured), 0)::bigint AS captured,
            coalesce(sum(m.refunded), 0)::bigint AS refunded
        FROM purchases p LEFT JOIN purchase_allocations a ON a.purchase = p.purchase
            LEFT JOIN (
                SELECT "order", captured - subsidised - borne AS captured,
                    refunded - subsidised_back - borne_back AS refunded
                FROM order_money
            ) m ON m."order" = a."order"
        GROUP BY p.purchase
        HAVING coalesce(sum(m.captured), 0) <> p.captured
            OR coalesce(sum(m.refunded), 0) <> p.refunded
        """,
    ),
    Check(
        "purchase_fee_drifted",
        "its orders bear {borne} and the provider kept {fee}",
        """
        SELECT 'purchase/' || p.purchase AS subject, p.fee,
            coalesce(sum(a.fee), 0)::bigint AS borne
        FROM purchases p LEFT JOIN purchase_allocations a ON a.purchase = p.purchase
        GROUP BY p.purchase HAVING coalesce(sum(a.fee), 0) <> p.fee
        """,
    ),
    Check(
        "effect_open_too_long",
        "the provider has not finished {key} since {since}",
        """
        SELECT subject, key, effective_at::text AS since FROM effects
        WHERE state = 'pending' AND effective_at < :not_final_since
        """,
    ),
)

_KEYS: Final = text("""
    SELECT p.key FROM postings p
    WHERE p.process = :subject OR p.key = :subject OR starts_with(p.key, :subject || '/')
        OR p.id IN (SELECT posting FROM legs WHERE kind = :kind AND owner = :owner)
    ORDER BY p.id DESC LIMIT :most
""")


async def broken(db: AsyncConnection, at: datetime) -> Sequence[Breach]:
    """Every invariant that does not hold, with the keys of the postings that it is about.

    *at* is business time (UTC), which decides what is open for too long.
    """
    found: list[Breach] = []
    for check in CHECKS:
        rows = (await db.execute(text(check.query), _values(check, at))).mappings().all()
        for row in rows:
            facts: dict[str, Any] = dict(row)
            subject = str(facts.pop("subject"))
            keys = await _keys(db, subject, facts)
            detail = check.detail.format(**facts)
            found.append(Breach(check.name, subject, detail, facts, keys))
    return found


def _values(check: Check, at: datetime) -> dict[str, Any]:
    every = {
        "locked": sorted(str(kind) for kind in LOCKED),
        "on_its_way_since": at - ON_ITS_WAY_AT_MOST,
        "not_final_since": at - NOT_FINAL_AT_MOST,
    }
    return {name: value for name, value in every.items() if f":{name}" in check.query}


async def _keys(db: AsyncConnection, subject: str, facts: dict[str, Any]) -> tuple[str, ...]:
    """The newest postings about *subject*; enough for a person to begin with."""
    values = {
        "subject": subject,
        "kind": facts.get("kind", ""),
        "owner": facts.get("owner", ""),
        "most": _MOST_KEYS,
    }
    return tuple((await db.execute(_KEYS, values)).scalars())
